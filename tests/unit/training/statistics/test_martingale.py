import json
import math
from typing import Any

import numpy as np
import pytest

from training.statistics.martingale import ALARM, Martingales

Table = dict[str, Any]


def table(seed: int, photos: int, **shifts: float) -> Table:
    random = np.random.default_rng(seed)
    return {
        name: random.normal(shifts.get(name, 0), 1, photos).round(4) for name in ("brightness", "confidence", "p_a")
    }


def test_without_a_change_at_most_one_stream_in_a_hundred_alarms() -> None:
    """References smaller and larger than the stream; two of 40 alarms at a rate of 1 % have a chance of 6 %."""
    alarms = [
        Martingales(table(seed, size), seed).add(table(1000 + seed, 500)).max()
        for seed in range(20)
        for size in (40, 400)
    ]
    assert sum(one >= math.log(ALARM) for one in alarms) <= 2


@pytest.mark.parametrize(("shift", "most"), [(1.0, 80), (-1.0, 80), (3.0, 45)])
def test_a_change_of_one_statistic_is_seen_soon(shift: float, most: int) -> None:
    delays = []
    for seed in range(9):
        martingales = Martingales(table(seed, 400), seed)
        martingales.add(table(100 + seed, 100))
        martingales.add(table(200 + seed, 300, brightness=shift))
        assert martingales.alarm_at is not None
        delays.append(martingales.alarm_at - 100)
        assert martingales.capitals["brightness"] > martingales.capitals["p_a"]
    assert np.median(delays) <= most


def test_a_change_after_many_photos_is_seen_nearly_as_soon() -> None:
    martingales = Martingales(table(0, 400))
    martingales.add(table(1, 5000))
    martingales.add(table(2, 200, brightness=1.5))
    assert martingales.alarm_at is not None and martingales.alarm_at - 5000 < 110


def test_a_saved_state_goes_on_as_if_it_had_not_been_interrupted() -> None:
    reference, photos = table(0, 90), table(1, 250, p_a=0.5)
    photos["brightness"][::3] = np.nan
    whole = Martingales(reference, seed=4)
    unbroken = whole.add(photos)
    state, broken = None, []
    for start in range(0, 250, 61):
        part = Martingales(reference, seed=4, state=state)
        broken.append(part.add({name: row[start : start + 61] for name, row in photos.items()}))
        state = json.loads(json.dumps(part.state()))
    assert np.concatenate(broken).tolist() == unbroken.tolist()
    assert state == json.loads(json.dumps(whole.state()))


def test_the_alarm_stays_where_it_first_was() -> None:
    martingales = Martingales(table(0, 400))
    averages = martingales.add(table(1, 200, brightness=3))
    first = martingales.alarm_at
    assert first is not None
    assert averages[first - 1] >= math.log(ALARM) > averages[: first - 1].max()
    martingales.add(table(2, 100))
    assert martingales.alarm_at == first
    assert martingales.peak >= averages.max()


def test_photos_without_a_number_change_nothing() -> None:
    martingales = Martingales(table(0, 100))
    assert martingales.add({name: [math.nan] * 50 for name in martingales.names}).tolist() == pytest.approx([0.0] * 50)
    assert set(martingales.capitals.values()) == {0.0}
    martingales.add({"p_a": [0.0] * 5})
    assert [name for name, capital in martingales.capitals.items() if capital != 0] == ["p_a"]


def test_photos_that_are_all_alike_are_no_change_unless_the_profile_differs() -> None:
    grey = {"saturation": np.zeros(300)}
    same, other = Martingales(grey), Martingales({"saturation": np.linspace(0.1, 0.9, 300)})
    same.add(grey)
    other.add(grey)
    assert same.alarm_at is None
    assert other.alarm_at is not None and other.alarm_at < 60


def test_a_small_reference_is_left_out() -> None:
    martingales = Martingales(table(0, 29))
    assert martingales.names == ()
    assert martingales.add(table(1, 10)).tolist() == [0.0] * 10
    assert martingales.alarm_at is None


def test_a_capital_may_be_larger_than_a_number_can_be() -> None:
    martingales = Martingales({"brightness": np.linspace(0, 1, 200)})
    averages = martingales.add({"brightness": np.full(200_000, 9.0)})
    assert np.isfinite(averages).all()
