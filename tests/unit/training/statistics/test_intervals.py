"""Scope: the intervals are those of scipy, and their ends are what a reader expects without cases or mistakes."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from training.statistics.intervals import Share, difference, exact, quantile, wilson

CASES = np.random.default_rng(0).integers(1, 400, 25)


@pytest.mark.parametrize(("interval", "method"), [(wilson, "wilson"), (exact, "exact")])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_intervals_of_shares_are_those_of_the_binomial_test(
    interval: Callable[[int, int, float], tuple[float, float]], method: str, confidence: float
) -> None:
    generator = np.random.default_rng(1)
    for cases in map(int, CASES):
        for successes in {0, 1, cases // 2, cases, int(generator.integers(0, cases + 1))}:
            wanted = stats.binomtest(successes, cases).proportion_ci(confidence, method=method)
            assert interval(successes, cases, confidence) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_a_share_without_cases_may_be_anything() -> None:
    assert wilson(0, 0) == exact(0, 0) == (0, 1)
    assert Share(0, 0).value is None and Share(0, 0).interval == (0, 1)


def test_none_and_all_have_an_exact_end_and_a_width() -> None:
    assert wilson(0, 149)[0] == 0 and wilson(149, 149)[1] == 1
    assert exact(0, 149)[1] == pytest.approx(0.0245, abs=1e-4)  # the rule of three, two-sided: 3.7 / n
    assert exact(149, 149)[0] == pytest.approx(1 - exact(0, 149)[1])
    assert 0 < wilson(0, 149)[1] < 0.03


@pytest.mark.parametrize(("successes", "cases"), [(3, 2), (-1, 2), (1, -1)])
def test_impossible_counts_are_refused(successes: int, cases: int) -> None:
    for interval in (wilson, exact):
        with pytest.raises(ValueError, match=f"{successes} successes of {cases} cases"):
            interval(successes, cases)


@pytest.mark.parametrize("part", [0.5, 0.95])
@pytest.mark.parametrize("cases", [2, 7, 30, 72, 73, 200, 1000])
def test_the_interval_of_a_quantile_is_that_of_the_quantile_test(part: float, cases: int) -> None:
    values = np.random.default_rng(cases).exponential(size=cases)
    found = quantile(list(values), part)
    wanted = stats.quantile_test(values, q=found.value, p=part).confidence_interval(0.95)
    low, high = (-np.inf if math.isnan(wanted.low) else wanted.low, np.inf if math.isnan(wanted.high) else wanted.high)
    assert found.interval == (low, high)
    assert np.mean(values <= found.value) >= part > np.mean(values < found.value)
    assert found.cases == cases


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [  # table II of Newcombe (1998), whose differences are first less second
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(
    first: tuple[int, int], second: tuple[int, int], wanted: tuple[float, float]
) -> None:
    assert difference(Share(*second), Share(*first)) == pytest.approx(wanted, abs=1e-4)
    low, high = difference(Share(*first), Share(*second))
    assert (-high, -low) == pytest.approx(wanted, abs=1e-4)


def test_nothing_is_known_of_a_difference_without_cases() -> None:
    assert difference(Share(0, 0), Share(5, 10)) == (-1, 1)
