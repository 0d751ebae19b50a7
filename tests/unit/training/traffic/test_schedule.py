"""When photos are due."""

import numpy as np
import pytest

from training.errors import TrafficError
from training.options import Burst
from training.traffic.schedule import Load, moments

GENERATOR = np.random.default_rng(0)


def test_a_steady_rate_has_equal_distances() -> None:
    assert moments(Load(2, 3), GENERATOR).tolist() == [0.25, 0.75, 1.25, 1.75, 2.25, 2.75]


def test_a_burst_is_the_end_of_its_period() -> None:
    found = moments(Load(1, 20, Burst(10, 2, 10)), GENERATOR)
    counts = [int(((found >= start) & (found < start + 2)).sum()) for start in range(0, 20, 2)]
    assert counts == [2, 2, 2, 2, 20, 2, 2, 2, 2, 20]


def test_a_burst_that_the_duration_cuts_is_cut() -> None:
    assert len(moments(Load(1, 9, Burst(10, 2, 10)), GENERATOR)) == 8 + 10


def test_random_arrivals_have_the_rate_and_irregular_distances() -> None:
    found = moments(Load(100, 100, poisson=True), np.random.default_rng(1))
    distances = np.diff(found)
    assert abs(len(found) - 10_000) < 400  # four standard deviations
    assert (distances >= 0).all() and found[-1] < 100
    assert abs(distances.std() / distances.mean() - 1) < 0.05  # of an exponential distribution they are equal


def test_random_arrivals_follow_a_burst() -> None:
    found = moments(Load(10, 100, Burst(10, 10, 100), poisson=True), np.random.default_rng(1))
    assert 800 < (found >= 90).sum() < 1200 and 700 < (found < 90).sum() < 1100


def test_too_many_photos_and_none_are_refused() -> None:
    with pytest.raises(TrafficError, match="3,600,000 photos"):
        moments(Load(1000, 3600), GENERATOR)
    with pytest.raises(TrafficError, match="No photo is due"):
        moments(Load(0.1, 1), GENERATOR)
