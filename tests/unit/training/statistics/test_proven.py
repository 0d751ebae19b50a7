"""The proof of a threshold: its p-value, the photos that it needs, and how often it is wrong."""

import numpy as np
import pytest

from training.statistics.proven import first_tested, holm, needed, p_value, photos_needed, proven


@pytest.mark.parametrize(("rate", "numbers"), [(0.05, (59, 93, 124)), (0.02, (149, 236, 313)), (0.01, (299, 473, 628))])
def test_the_photos_that_a_proof_needs(rate: float, numbers: tuple[int, ...]) -> None:
    assert tuple(needed(errors, rate, 0.95) for errors in range(3)) == numbers


def test_one_photo_fewer_proves_nothing() -> None:
    assert p_value(2, 313, 0.02) <= 0.05 < p_value(2, 312, 0.02)


def test_no_photo_proves_nothing() -> None:
    assert p_value(0, 0, 0.02) == 1


@pytest.mark.parametrize("errors", [-1, 4])
def test_impossible_errors_are_refused(errors: int) -> None:
    with pytest.raises(ValueError, match=f"{errors} errors of 3 accepted photos"):
        p_value(errors, 3, 0.02)


def test_the_sequence_begins_where_enough_photos_are_accepted_and_ends_at_the_first_failure() -> None:
    accepted = [100, 150, 300, 400, 2000]
    assert first_tested(accepted, 0.02, 0.95) == 1
    assert proven([0, 0, 1, 9, 0], accepted, 0.02, 0.95) == [False, True, True, False, False]
    assert proven([0, 1, 1, 1, 0], accepted, 0.02, 0.95) == [False] * 5
    assert proven([0], [148], 0.02, 0.95) == [False]


def test_a_wrong_proof_is_as_rare_as_the_confidence_says() -> None:
    """At the lowest four of six thresholds, 5.2 to 8.1 % are wrong."""
    random = np.random.default_rng(0)
    shares, rates = np.array([0.1, 0.2, 0.2, 0.2, 0.2, 0.1]), np.array([0.0, 0.01, 0.12, 0.075, 0.1, 0.2])
    true = np.cumsum(shares * rates) / np.cumsum(shares)
    wrongly = 0
    for _ in range(2000):
        photos = random.multinomial(300, shares)
        errors = random.binomial(photos, rates)
        found = proven(list(np.cumsum(errors)), list(np.cumsum(photos)), 0.05, 0.95)
        wrongly += any(is_proven and rate >= 0.05 for is_proven, rate in zip(found, true, strict=True))
    assert 0 < wrongly <= 0.05 * 2000


def test_holm_compares_the_smallest_with_the_level_shared_by_all() -> None:
    assert holm([0.04, 0.01, 0.02], 0.05) == [True, True, True]
    assert holm([0.04, 0.01, 0.03], 0.05) == [False, True, False]
    assert holm([0.02, 0.5, 0.5], 0.05) == [False, False, False]


def test_more_photos_are_needed_in_proportion() -> None:
    assert photos_needed(149, 107, 200) == 279
