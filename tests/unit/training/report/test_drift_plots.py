import warnings

import numpy as np
import pytest

from training.report.drift_plots import drift
from training.statistics.profile import Profile
from training.statistics.watch import Watched, martingale_sentence, watch

Table = dict[str, np.typing.NDArray[np.float64]]


def table(seed: int, photos: int, **shifts: float) -> Table:
    random = np.random.default_rng(seed)
    names = ("brightness", "contrast", "sharpness", "saturation")
    answers = {"confidence": random.uniform(0.5, 1, photos)}
    answers["p_bicycle"] = np.where(random.random(photos) < 0.5, answers["confidence"], 1 - answers["confidence"])
    return {name: random.normal(shifts.get(name, 0), 1, photos) for name in names} | answers


def watched(photos: Table, seed: int = 0) -> Watched:
    held = table(seed, 400)
    answers = np.stack((held["p_bicycle"], 1 - held["p_bicycle"]), axis=1)
    statistics = {name: held[name] for name in ("brightness", "contrast", "sharpness", "saturation")}
    profile = Profile(400, 400, 300, "epoch 7", np.zeros(400, np.int64), answers, statistics, "")
    return watch(profile, photos, ("bicycle", "motorcycle"))


def test_a_panel_for_each_statistic_says_what_drifted() -> None:
    photos = table(1, 100, sharpness=-2)
    found = watched(photos)
    figure = drift(found, ("bicycle", "motorcycle"))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0] == "Martingale of all statistics: alarm at 100"
    assert [title.partition("\n")[0] for title in titles[1:]] == list(photos)
    assert next(title for title in titles if "drifted" in title).startswith("sharpness\ndrifted, distance 0.")
    assert len(found.drifts) == 7 and found.drifts[-1].method == "martingale"
    assert found.drifts[-1].statistic == "sharpness" and found.drifts[-1].alarm
    assert martingale_sentence(found).startswith("martingale: alarm after photo ")


@pytest.mark.parametrize("level", [0.0, 1e9])
def test_photos_that_are_all_alike_are_drawn_without_a_warning(level: float) -> None:
    photos = table(1, 60) | {"saturation": np.full(60, level), "contrast": np.full(60, np.nan)}
    found = watched(photos)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = drift(found, ("bicycle", "motorcycle"))
        figure.canvas.draw()
    assert len(figure.axes) == 6  # nothing is known of contrast


def test_an_unchanged_stream_says_so() -> None:
    found = watched(table(1, 100))
    assert found.alarm_at is None and not found.windows[-1].alarms
    assert martingale_sentence(found).startswith("martingale: no alarm in 100 photos, at most ")
    assert found.estimate is not None and found.estimate.holds
