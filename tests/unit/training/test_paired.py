"""The comparison of two classifiers: figures that were published or follow from the definition."""

import pytest

from training.paired import Pairs, interval, p_value, pairs


def test_photos_are_counted_by_who_was_right() -> None:
    assert pairs([True, True, False, False, True], [True, False, True, False, True]) == Pairs(2, 1, 1, 1)
    assert Pairs(2, 1, 0, 1).accuracies == (0.75, 0.5)


def test_answers_for_different_numbers_of_photos_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="shorter"):
        pairs([True, False], [True])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0, 0, 1.0),  # no photo tells them apart
        (1, 0, 1.0),
        (5, 0, 2 / 2**5),
        (0, 6, 2 / 2**6),
        (1, 9, 2 * (1 + 10) / 2**10),
        (2, 12, 2 * (1 + 14 + 91) / 2**14),
        (7, 7, 1.0),
    ],
)
def test_the_p_value_is_the_binomial_one(first: int, second: int, expected: float) -> None:
    assert p_value(Pairs(100, first, second, 5)) == pytest.approx(expected)


def test_many_photos_are_no_problem() -> None:
    assert p_value(Pairs(100_000, 5_000, 5_300, 0)) == pytest.approx(0.0032, abs=0.0001)


def test_the_interval_is_newcombe_s() -> None:
    """The example of his paper: 36 right for both, 12 for the second alone, 2 for the first alone; method 10."""
    assert interval(Pairs(36, 2, 12, 0)) == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_the_interval_of_the_other_order_is_its_mirror_image() -> None:
    low, high = interval(Pairs(150, 9, 2, 39))
    assert interval(Pairs(150, 2, 9, 39)) == pytest.approx((-high, -low))


@pytest.mark.parametrize("counts", [Pairs(50, 0, 0, 0), Pairs(0, 0, 0, 50), Pairs(1, 0, 0, 0), Pairs(20, 30, 0, 0)])
def test_the_interval_holds_the_difference_even_without_a_mistake(counts: Pairs) -> None:
    before, after = counts.accuracies
    low, high = interval(counts)
    assert -1 <= low < after - before < high <= 1


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    """Exactly, over all outcomes of 40 photos that one alone gets right with .15 and .05."""
    from math import comb

    covered = 0.0
    for first in range(41):
        for second in range(41 - first):
            same = 40 - first - second
            likely = comb(40, first) * comb(40 - first, second) * 0.15**first * 0.05**second * 0.8**same
            low, high = interval(Pairs(round(same * 0.9), first, second, same - round(same * 0.9)))
            covered += likely * (low <= -0.1 <= high)
    assert 0.94 < covered < 0.98
