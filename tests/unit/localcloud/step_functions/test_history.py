import json

import pytest

from localcloud.step_functions import history
from localcloud.step_functions.history import History, HistoryFullError


def test_an_event_has_the_apis_shape() -> None:
    events = History()
    events.add("ExecutionStarted", {"input": "{}"}, previous=0)
    assert events.add("PassStateEntered", {"name": "A"}, previous=0) == 2
    events.add("ParallelStateStarted")
    first, second, third = events.events()
    assert first["executionStartedEventDetails"] == {"input": "{}"}
    assert (second["id"], second["previousEventId"], second["stateEnteredEventDetails"]) == (2, 0, {"name": "A"})
    assert third.keys() == {"timestamp", "type", "id", "previousEventId"} and third["previousEventId"] == 2


def test_only_the_last_event_of_an_execution_has_the_last_place() -> None:
    events = History(limit=3)
    events.add("ExecutionStarted")
    events.add("PassStateEntered")
    with pytest.raises(HistoryFullError):
        events.add("PassStateExited")
    assert events.add("ExecutionFailed") == 3


def test_an_execution_that_ended_has_no_further_events() -> None:
    events = History()
    events.add("ExecutionAborted")
    events.add("TaskSucceeded")
    assert [event["type"] for event in events.events()] == ["ExecutionAborted"]


def test_an_express_execution_keeps_no_events() -> None:
    events = History(limit=None)
    assert [events.add("PassStateEntered") for _ in range(30_000)][-1] == 30_000
    assert events.events() == []


def test_data_beyond_the_limit_is_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "DATA_LIMIT", 10)
    events, shared = History(), "12345678"
    details = {"input": shared, "inputDetails": {"truncated": False}}
    for _ in range(3):
        events.add("PassStateEntered", details)  # one text, counted once
    events.add("PassStateEntered", {**details, "input": "another"})
    kept = [event["stateEnteredEventDetails"] for event in events.events()]
    assert kept == [details] * 3 + [{"input": "", "inputDetails": {"truncated": True}}]


def test_a_saved_history_goes_on() -> None:
    events = History()
    events.add("ExecutionStarted", {"input": "{}"})
    restored = History.of_events(events.events())
    assert restored.events() == events.events()
    assert restored.add("ExecutionFailed") == 2


def test_the_events_of_an_execution_that_has_ended_take_little_memory_and_stay_the_same() -> None:
    history = History()
    for number in range(20):
        history.add("PassStateEntered", {"name": f"State {number}", "input": '{"a": "\\ud800 ü"}' * 20})
    assert history.pack() is None
    history.add("ExecutionSucceeded", {"output": "{}"})
    before = history.events()
    packed = history.pack()
    assert packed is not None and len(packed) < len(json.dumps(before)) / 5
    assert history.events() == before
    assert History.of_packed(packed, history.last).events() == before


def test_a_packed_history_goes_on() -> None:
    history = History()
    history.add("ExecutionStarted", {"input": "{}"})
    history.add("ExecutionFailed", {"error": "E"})
    packed = history.pack()
    assert packed is not None
    again = History.of_packed(packed, history.last)
    for one in (history, again):
        assert one.add("PassStateEntered", {"name": "late"}) == 2  # it has ended
        assert one.go_on("ExecutionRedriven", {"redriveCount": 1}) == 3
        one.add("ExecutionSucceeded", {"output": "{}"})
        assert [event["id"] for event in one.events()] == [1, 2, 3, 4]
