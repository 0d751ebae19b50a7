"""Scope: photos that come sorted are no drift, and a change of the photos still is one."""

import uuid
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest

from training.captures.order import shuffled_within_hours
from training.statistics.drift import compare
from training.statistics.martingale import Martingales

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
Table = dict[str, np.typing.NDArray[np.float64]]


def photos(seed: int, number: int, *, shift: float = 0.0) -> Table:
    """Return photos of two classes, which differ in brightness, with the probability of the first class."""
    random = np.random.default_rng(seed)
    first = random.random(number) < 0.5
    brightness = np.where(first, 0.4, 0.6) + shift + random.normal(0, 0.1, number)
    return {"brightness": brightness, "p_a": np.where(first, 0.95, 0.05) + random.normal(0, 0.02, number)}


def captured(seed: int, number: int, seconds: float = 1.0) -> pd.DataFrame:
    """Return when the photos were captured, one after the other, with the ids that SageMaker draws for them."""
    random = Random(seed)
    times = [START + timedelta(seconds=seconds * each) for each in range(number)]
    ids = [str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(number)]
    return pd.DataFrame({"time": pd.to_datetime(times, utc=True), "event_id": ids})


def by_class(table: Table) -> Table:
    """Return the photos sorted by class, as a batch of `images/` sends them."""
    order = np.argsort(-table["p_a"].round(), kind="stable")
    return {name: row[order] for name, row in table.items()}


def ordered(table: Table, captured: pd.DataFrame) -> Table:
    order = shuffled_within_hours(captured)
    return {name: row[order] for name, row in table.items()}


def alarm_at(reference: Table, stream: Table, seed: int = 0) -> int | None:
    martingales = Martingales(reference, seed)
    martingales.add(stream)
    return martingales.alarm_at


def test_the_order_is_each_time_the_same_and_goes_hour_after_hour() -> None:
    some = captured(0, 200, seconds=60)
    order = shuffled_within_hours(some)
    hours = some["time"].dt.hour.to_numpy()[order]
    assert sorted(order) == list(range(200)) and (np.diff(hours) >= 0).all()
    assert list(order) != sorted(order)
    backwards = some.iloc[::-1].reset_index(drop=True)  # the order of the files does not matter
    assert list(backwards["event_id"][shuffled_within_hours(backwards)]) == list(some["event_id"][order])
    assert len(shuffled_within_hours(some[:0])) == 0


def test_photos_that_come_sorted_by_class_do_not_alarm() -> None:
    """Each of 40 sorted streams alarms as it comes; two of 40 alarms at a rate of 1 % have a chance of 6 %."""
    streams, windows = [], []
    for seed in range(40):
        reference, stream, ids = photos(seed, 400), by_class(photos(100 + seed, 800)), captured(seed, 800)
        assert alarm_at(reference, stream, seed) is not None
        assert any(one.alarm for one in compare(reference, stream, slice(600, 800)))
        shuffled = ordered(stream, ids)
        streams.append(alarm_at(reference, shuffled, seed) is not None)
        windows.append(any(one.alarm for one in compare(reference, shuffled, slice(600, 800))))
    assert sum(streams) <= 2 and sum(windows) <= 2


@pytest.mark.parametrize("before", [360, 500])  # with an hour, and in the middle of one
def test_a_change_that_lasts_is_seen_as_soon_or_in_the_next_hour(before: int) -> None:
    """180 photos an hour."""
    delays = []
    for seed in range(9):
        good, drifted = photos(100 + seed, before), photos(200 + seed, 720 - before, shift=0.2)
        stream = {name: np.concatenate((good[name], drifted[name])) for name in good}
        found = alarm_at(photos(seed, 400), ordered(stream, captured(seed, 720, seconds=20)), seed)
        assert found is not None
        delays.append(found - before)
    assert np.median(delays) <= 80
