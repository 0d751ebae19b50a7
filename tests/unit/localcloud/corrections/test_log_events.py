import copy
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack.core import persistence
from ministack.services import cloudwatch_logs

from localcloud.corrections import log_events
from localcloud.store import Store

STREAM = {"logGroupName": "/blocks", "logStreamName": "one"}
MANY = 10 * log_events.BLOCK + 7


@pytest.fixture(autouse=True)
def _stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    append = log_events.keep_in_blocks(cloudwatch_logs._append_log_events)
    monkeypatch.setattr(cloudwatch_logs, "_append_log_events", append)
    monkeypatch.setattr(persistence, "STATE_DIR", str(tmp_path / "ministack"))
    monkeypatch.setattr(log_events, "store", Store())
    log_events.open_store()
    cloudwatch_logs._create_log_group(STREAM)
    cloudwatch_logs._create_log_stream(STREAM)
    yield
    cloudwatch_logs._delete_log_group(STREAM)


def put(*timestamps: int) -> None:
    events = [{"timestamp": timestamp, "message": f"line {timestamp}"} for timestamp in timestamps]
    assert cloudwatch_logs._put_log_events({**STREAM, "logEvents": events})[0] == 200


def stream() -> dict[str, Any]:
    found: dict[str, Any] = cloudwatch_logs._log_groups["/blocks"]["streams"]["one"]
    return found


def times() -> list[int]:
    return [event["timestamp"] for event in stream()["events"]]


def restart(saved: dict[str, Any]) -> None:
    """Take up a saved state as the next process does."""
    stream().update(copy.deepcopy(saved))
    log_events.store = Store()
    log_events.read_block.cache_clear()
    log_events.open_store()
    log_events.take_up_blocks()


def test_only_the_newest_events_are_in_memory_and_in_the_saved_state() -> None:
    for timestamp in range(MANY):
        put(timestamp)
    assert times() == list(range(MANY))
    assert len(copy.deepcopy(stream())["events"]) < 2 * log_events.BLOCK


def test_an_idle_stream_has_no_events_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    put(1, 2)
    assert len(copy.deepcopy(stream())["events"]) == 2
    monkeypatch.setattr(log_events, "IDLE_SECONDS", -1)
    for timestamp in (3, 4):
        assert copy.deepcopy(stream())["events"] == []
        assert times()[-2:] == [timestamp - 2, timestamp - 1]
        put(timestamp)
    assert times() == [1, 2, 3, 4]


def test_events_are_found_by_position_and_time() -> None:
    put(*range(MANY))
    events = stream()["events"]
    assert len(events) == MANY
    assert events[-1]["timestamp"] == MANY - 1
    assert [one["timestamp"] for one in events[95:205]] == list(range(95, 205))
    assert bisect_left(events, 133, key=lambda event: event["timestamp"]) == 133
    with pytest.raises(IndexError):
        events[MANY]


@pytest.mark.parametrize("late", [[2 * MANY - 3], [101], [1, 101, 103], [-1], list(range(1, 2 * MANY, 2))], ids=str)
def test_late_events_take_their_place(late: list[int]) -> None:
    put(*range(0, 2 * MANY, 2))
    put(*late)
    put(2 * MANY)
    found = sorted([*range(0, 2 * MANY, 2), *late, 2 * MANY])
    assert times() == found
    assert (stream()["firstEventTimestamp"], stream()["lastEventTimestamp"]) == (found[0], found[-1])
    restart(copy.deepcopy(stream()))
    assert times() == found


def test_late_events_among_the_newest_store_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    put(*range(0, 2 * MANY, 2))
    stored: list[str] = []
    monkeypatch.setattr(log_events.store, "write", stored.extend)
    put(2 * MANY - 5)
    assert times()[-4:] == [2 * MANY - 6, 2 * MANY - 5, 2 * MANY - 4, 2 * MANY - 2] and not stored


def test_late_events_leave_no_block_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_events, "IDLE_SECONDS", -1)
    for timestamp in range(10, 40):
        put(timestamp)
        copy.deepcopy(stream())  # stores a block of one event
    put(5)
    assert len(log_events.store.names()) == 2
    restart(copy.deepcopy(stream()))
    assert times() == [5, *range(10, 40)]


def test_late_events_that_the_disk_does_not_take_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    put(*range(MANY))
    before = copy.deepcopy(stream())
    with monkeypatch.context() as full:
        full.setattr(log_events.store, "write", fail)
        put(7)
        late = [*range(8), *range(7, MANY)]
        assert times() == late
    put(MANY)
    assert times() == [*late, MANY]
    restart(before | {"id": stream()["id"]})
    assert times() == [*late, MANY]


def test_a_restart_finds_all_events_once() -> None:
    put(*range(MANY))
    restart(copy.deepcopy(stream()))
    assert times() == list(range(MANY))
    put(MANY)
    assert times() == list(range(MANY + 1))


def test_a_crash_before_the_state_is_saved_loses_nothing_that_was_saved_and_repeats_nothing() -> None:
    block = log_events.BLOCK
    put(*range(block + 5))
    saved = copy.deepcopy(stream())
    put(*range(block + 5, 4 * block + 2))  # three blocks, of which the first two have events of the saved state
    restart(saved)
    assert times() == list(range(3 * block))


def test_the_state_of_an_older_version_is_taken_up() -> None:
    old = [{"timestamp": time, "message": "", "ingestionTime": time, "eventId": str(time)} for time in range(MANY)]
    stream()["events"] = old
    log_events.take_up_blocks()
    put(MANY)
    assert times() == list(range(MANY + 1))
    assert len(copy.deepcopy(stream())["events"]) < 2 * log_events.BLOCK


def test_blocks_of_deleted_streams_are_deleted_at_the_next_start() -> None:
    put(*range(MANY))
    cloudwatch_logs._delete_log_stream(STREAM)
    cloudwatch_logs._create_log_stream(STREAM)
    restart(copy.deepcopy(stream()))
    assert not log_events.store.names()


def test_events_that_the_disk_does_not_take_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(log_events.store, "write", fail)
        put(*range(MANY))
        assert times() == list(range(MANY))
    put(MANY)
    assert times() == list(range(MANY + 1))
    assert len(copy.deepcopy(stream())["events"]) < 2 * log_events.BLOCK
