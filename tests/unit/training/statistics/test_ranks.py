import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from training.statistics.profile import Floats
from training.statistics.ranks import MOST_BINS, bins_of, ranks


def all_ranks(reference: Floats, values: Floats, seed: int) -> tuple[Floats, NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    bins = bins_of(reference, random)
    counts = bins.gaps.copy()
    places = bins.place(values, random.random(len(values)))
    return ranks(places, counts, random.random(len(values))), counts


@pytest.mark.parametrize("photos", [1, 5, 80, 800])
def test_ranks_are_uniform_and_independent_whatever_the_reference(photos: int) -> None:
    """One long stream each: ranks among the reference alone would have its chance deviations, and fail."""
    rejected = 0
    for seed in range(20):
        random = np.random.default_rng((seed, photos))
        found, _ = all_ranks(random.normal(size=photos), random.normal(size=3000), seed)
        rejected += kstest(found, "uniform").pvalue < 0.01
        assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.08
    assert rejected <= 2


def test_equal_values_have_uniform_ranks_too() -> None:
    found, _ = all_ranks(np.zeros(100), np.zeros(2000), seed=3)
    assert kstest(found, "uniform").pvalue > 0.01
    halves, _ = all_ranks(np.repeat([0.0, 1.0], 50), np.tile([0.0, 1.0], 1000), seed=3)
    assert kstest(halves, "uniform").pvalue > 0.01


def test_what_no_reference_value_exceeds_has_the_least_ranks() -> None:
    found, counts = all_ranks(np.arange(100.0), np.full(5, 1000.0), seed=0)
    assert (found < 0.08).all()
    assert counts.sum() == 101 + 5


def test_bins_hold_nearly_equally_many_values() -> None:
    gaps = bins_of(np.random.default_rng(0).normal(size=799), np.random.default_rng(1)).gaps
    assert (len(gaps), gaps.sum()) == (MOST_BINS, 800)
    assert gaps.max() - gaps.min() <= 1
    assert bins_of(np.array([3.0]), np.random.default_rng(0)).gaps.tolist() == [1, 1]


def test_ranks_do_not_depend_on_how_many_come_at_once() -> None:
    random = np.random.default_rng(0)
    bins = bins_of(random.normal(size=50), random)
    places, ties = bins.place(random.normal(size=300), random.random(300)), random.random(300)
    together, apart = bins.gaps.copy(), bins.gaps.copy()
    whole = ranks(places, together, ties)
    parts = [ranks(places[start : start + 7], apart, ties[start : start + 7]) for start in range(0, 300, 7)]
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert apart.tolist() == together.tolist()
