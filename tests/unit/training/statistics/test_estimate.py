import numpy as np
import pytest

from training.statistics.drifts import Drift
from training.statistics.estimate import estimate
from training.statistics.profile import Profile

FINE = Drift("sharpness", "window", 200, 0.5, 0.01, 0.05, False)
BLURRED = Drift("sharpness", "window", 200, 1e-9, 0.01, 0.6, True)
UNSURE = Drift("confidence", "window", 200, 1e-9, 0.01, 0.6, True)


def profile_of(seed: int, photos: int = 400, overconfident: float = 0.0) -> Profile:
    random = np.random.default_rng(seed)
    sure = random.uniform(0.6, 1, photos)
    labels = (random.random(photos) > sure - overconfident).astype(np.int64)
    probabilities = np.stack((sure, 1 - sure), axis=1)
    return Profile(photos, photos, int((labels == 0).sum()), "epoch 7", labels, probabilities, {}, "")


def test_the_accuracy_is_in_the_interval_nineteen_times_in_twenty() -> None:
    covered = 0
    for seed in range(200):
        random = np.random.default_rng((1, seed))
        sure = random.uniform(0.6, 1, 200)
        accuracy = (random.random(200) < sure).mean()
        found = estimate(profile_of(seed), sure, [FINE])
        assert found is not None and found.holds
        covered += found.interval[0] <= accuracy <= found.interval[1]
    assert 0.91 <= covered / 200 <= 0.99


def test_what_the_held_out_photos_show_of_calibration_is_added() -> None:
    sure = np.random.default_rng(1).uniform(0.6, 1, 2000)
    found = estimate(profile_of(0, 5000, overconfident=0.2), sure, [FINE])
    assert found is not None
    assert found.value == pytest.approx(sure.mean() - 0.2, abs=0.03)


def test_an_alarm_of_the_pixels_strikes_the_estimate_out_and_one_of_the_answers_does_not() -> None:
    struck = estimate(profile_of(0), np.full(200, 0.9), [BLURRED, UNSURE, FINE])
    assert struck is not None and (struck.holds, struck.struck_out_by) == (False, ("sharpness",))
    holds = estimate(profile_of(0), np.full(200, 0.9), [UNSURE, FINE])
    assert holds is not None and holds.holds


@pytest.mark.parametrize("drifts", [[], [UNSURE], [Drift("sharpness", "window", 7, 1.0, 0.01, 0.0, False)]])
def test_photos_whose_pixels_nobody_watched_do_not_hold(drifts: list[Drift]) -> None:
    found = estimate(profile_of(0), np.full(200, 0.9), drifts)
    assert found is not None and found.unwatched and not found.holds


def test_all_right_and_sure_is_not_certain() -> None:
    probabilities = np.tile([1.0, 0.0], (100, 1))
    profile = Profile(100, 100, 100, "", np.zeros(100, np.int64), probabilities, {}, "")
    found = estimate(profile, np.ones(200), [FINE])
    assert found is not None and found.value == 1
    assert found.interval == pytest.approx((0.99, 1))


@pytest.mark.parametrize(("held_out", "photos"), [(400, 7), (7, 200), (0, 200), (400, 0)])
def test_few_photos_have_no_estimate(held_out: int, photos: int) -> None:
    assert estimate(profile_of(0, held_out), np.full(photos, 0.9), [FINE]) is None
