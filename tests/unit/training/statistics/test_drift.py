import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from training.algorithm.photo_statistics import STATISTICS
from training.statistics import drift
from training.statistics.drift import LEVEL, WINDOW, Difference, compare, windows
from training.statistics.drifts import Drift

NAMES = (*STATISTICS, "confidence", "p_a")


def table(seed: int, photos: int, **shifts: float) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {name: random.normal(shifts.get(name, 0), 1, photos) for name in NAMES}


def by_name(found: tuple[Difference, ...]) -> dict[str, Difference]:
    return {one.statistic: one for one in found}


def test_unchanged_windows_are_significant_in_at_most_one_of_a_hundred_and_alarm_less_often() -> None:
    reference = table(0, 800)
    found = [compare(reference, table(seed, WINDOW)) for seed in range(1, 201)]
    assert sum(any(one.p_value < LEVEL for one in window) for window in found) <= 8  # 4 %: P(more) < 1e-3 at 1 %
    assert sum(any(one.alarm for one in window) for window in found) <= 2


@pytest.mark.parametrize("name", NAMES)
def test_a_shift_of_one_statistic_alarms_in_that_one(name: str) -> None:
    (window,) = windows(table(0, 800), table(1, WINDOW, **{name: -1.0}))
    assert [one.statistic for one in window.alarms] == [name]
    assert window.alarms[0].shift == pytest.approx(-1, abs=0.2)


def test_a_shift_too_small_to_matter_is_no_alarm_however_many_photos_show_it() -> None:
    found = by_name(compare(table(0, 9000), table(1, 8000, contrast=0.2)))["contrast"]
    assert found.p_value < 1e-9 and found.distance < 0.15
    assert not found.alarm
    assert "contrast: too small to matter, distance 0.0" in found.sentence()


def test_p_values_are_corrected_for_the_number_of_statistics() -> None:
    reference, window = table(0, 500), table(1, 100, brightness=0.5, contrast=0.35)
    found = by_name(compare(reference, window))
    single = {name: ks_2samp(reference[name], window[name], method="asymp").pvalue for name in NAMES}
    ordered = sorted(NAMES, key=lambda name: single[name])
    corrected = [found[name].p_value for name in ordered]
    assert corrected[0] == pytest.approx(6 * single[ordered[0]], rel=0.05)  # rounding moves a few ranks
    assert corrected[1] == pytest.approx(5 * single[ordered[1]], rel=0.05)
    assert corrected == sorted(corrected) and max(corrected) <= 1


@pytest.mark.parametrize(("photos", "reference"), [(7, 800), (29, 800), (200, 29), (200, 0), (0, 800)])
def test_too_few_photos_give_no_verdict(photos: int, reference: int) -> None:
    found = compare(table(0, reference), table(1, photos, brightness=9))
    assert not any(one.known or one.alarm for one in found)
    told = found[0].drift()
    assert told.photos < 30 and not told.alarm
    assert found[0].sentence().startswith("brightness: not enough, ")


def test_the_newest_photos_are_compared_where_the_profile_is_smaller_than_the_window() -> None:
    window = table(1, WINDOW)
    window["p_a"][:120] += 5
    found = by_name(compare(table(0, 800) | {"p_a": table(2, 80)["p_a"]}, window))
    assert (found["p_a"].photos, found["brightness"].photos) == (79, WINDOW)
    assert not found["p_a"].alarm


def test_photos_without_a_number_are_left_out() -> None:
    window = table(1, WINDOW)
    window["brightness"][:] = math.nan
    window["contrast"][::2] = math.nan
    found = by_name(compare(table(0, 800), window))
    assert (found["brightness"].known, found["contrast"].photos) == (False, 100)
    assert "sharpness" not in by_name(compare({"contrast": np.zeros(50)}, window))
    missing = compare(table(0, 800), {name: row for name, row in window.items() if name != "p_a"})
    assert not by_name(missing)["p_a"].known


def test_a_statistic_that_never_varies_is_no_alarm_until_it_does() -> None:
    """All photos of the profile are grey, or no photo was ever taken for a class."""
    grey = {"saturation": np.zeros(300), "p_a": np.full(300, 1e-9)}
    assert [one.alarm for one in compare(grey, {"saturation": np.zeros(50), "p_a": np.full(50, 1e-7)})] == [False] * 2
    saturation, _ = compare(grey, {"saturation": np.full(50, 0.3), "p_a": np.zeros(50)})
    assert saturation.alarm and saturation.shift == math.inf
    assert "mean +inf standard deviations" in saturation.sentence()


def test_windows_end_with_the_newest_photo() -> None:
    reference = table(0, 800)
    found = [(one.first, one.last) for one in windows(reference, table(1, 450))]
    assert found == [(0, 50), (50, 250), (250, 450)]
    assert [(one.first, one.last) for one in windows(reference, table(1, 420))] == [(20, 220), (220, 420)]
    assert [(one.first, one.last) for one in windows(reference, table(1, 7))] == [(0, 7)]
    assert windows(reference, table(1, 0)) == []


def test_of_very_many_windows_the_newest_are_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "MOST_WINDOWS", 2)
    assert [(one.first, one.last) for one in windows(table(0, 800), table(1, 300), size=40)] == [(220, 260), (260, 300)]


def test_a_verdict_reads_a_difference() -> None:
    found = Difference("sharpness", 200, 800, 1e-9, 0.6, -2.0)
    assert found.drift() == Drift("sharpness", "window", 200, 1e-9, LEVEL, 0.6, True)
    assert found.sentence() == (
        "sharpness: alarm, distance 0.60 (limit 0.2), corrected p 1e-09, mean -2.0 standard deviations, 200 photos"
    )
