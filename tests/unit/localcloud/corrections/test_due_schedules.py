"""Schedules that are due: when a call is repeated, when it is given up, and what becomes of the schedule."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import scheduler

from localcloud.corrections import due_schedules, persistence
from localcloud.corrections.due_schedules import Attempts, CallFailedError, call_all_due, with_context
from localcloud.corrections.schedule_expressions import interval_of

PLACE = ("000000000000", "us-east-1", "default/s")
TARGET = "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint"


@pytest.fixture(autouse=True)
def schedules() -> Iterator[dict[Any, Any]]:
    """MiniStack's store, empty."""
    scheduler.reset()
    yield scheduler._schedules._data
    scheduler.reset()
    persistence.changed_without_request.clear()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the next calls raise, one each; None for a call that succeeds. The calls that were made are removed."""
    outcomes: list[Any] = []

    def call(*_: Any) -> None:
        if error := outcomes.pop(0):
            raise error

    monkeypatch.setattr(due_schedules, "call", call)
    return outcomes


def add(schedules: dict[Any, Any], expression: str = "at(2026-01-01T00:00:00)", **changes: Any) -> None:
    schedules[PLACE] = {
        "Arn": "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s",
        "ScheduleExpression": expression,
        "State": "ENABLED",
        "ActionAfterCompletion": "DELETE",
        "LastModificationDate": 1.0,
        "Target": {"Arn": TARGET, "RetryPolicy": {"MaximumRetryAttempts": 2}},
        **changes,
    }


def test_a_schedule_that_has_called_its_target_is_deleted(schedules: dict[Any, Any], calls: list[Any]) -> None:
    add(schedules)
    calls.append(None)
    call_all_due({})
    assert schedules == {} and persistence.changed_without_request.is_set()


def test_a_schedule_without_an_action_after_completion_stays_and_calls_once(
    schedules: dict[Any, Any], calls: list[Any]
) -> None:
    add(schedules, ActionAfterCompletion="NONE")
    calls += [None, None]
    call_all_due({})
    call_all_due({})
    assert list(schedules) == [PLACE] and len(calls) == 1


@pytest.mark.parametrize("changes", [{"expression": "at(2999-01-01T00:00:00)"}, {"State": "DISABLED"}])
def test_what_is_not_due_is_not_called(schedules: dict[Any, Any], calls: list[Any], changes: dict[str, Any]) -> None:
    add(schedules, **changes)
    call_all_due({})
    assert list(schedules) == [PLACE]


def test_a_call_that_may_succeed_later_is_repeated_as_often_as_the_policy_says(
    schedules: dict[Any, Any], calls: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(due_schedules, "TICK_SECONDS", 0.0)
    add(schedules)
    calls += [CallFailedError("it is being changed", may_pass=True)] * 4
    attempts: dict[Any, Attempts] = {}
    for left in (3, 2):
        call_all_due(attempts)
        assert len(calls) == left and list(schedules) == [PLACE]
    call_all_due(attempts)
    assert (len(calls), schedules, attempts) == (1, {}, {})
    assert "has not called its target: it is being changed" in caplog.text


def test_there_is_a_pause_between_two_attempts(schedules: dict[Any, Any], calls: list[Any]) -> None:
    add(schedules)
    calls += [CallFailedError("it is being changed", may_pass=True), None]
    attempts: dict[Any, Attempts] = {}
    call_all_due(attempts)
    call_all_due(attempts)
    assert len(calls) == 1


def test_attempts_end_with_the_age_of_the_event() -> None:
    young = Attempts({"MaximumEventAgeInSeconds": 60}, time.monotonic() - 50)
    old = Attempts({"MaximumEventAgeInSeconds": 60}, time.monotonic() - 70)
    assert (young.postpone(), old.postpone()) == (True, False)


def test_a_call_that_can_never_succeed_is_not_repeated(
    schedules: dict[Any, Any], calls: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    add(schedules)
    calls.append(CallFailedError("AccessDenied"))
    call_all_due({})
    assert schedules == {} and "AccessDenied" in caplog.text


def test_a_schedule_that_is_moved_during_its_call_stays(
    schedules: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(schedules)
    monkeypatch.setattr(due_schedules, "call", lambda *_: add(schedules, "at(2999-01-01T00:00:00)"))
    call_all_due({})
    assert schedules[PLACE]["ScheduleExpression"] == "at(2999-01-01T00:00:00)"


def test_a_target_that_came_with_a_stack_is_refused_by_name(
    schedules: dict[Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    add(schedules, Target={"Arn": TARGET.replace("delete", "create"), "RoleArn": "r"})
    call_all_due({})
    assert "does not emulate the target" in caplog.text and schedules == {}


def test_a_rate_calls_at_once_and_again_after_its_interval(
    schedules: dict[Any, Any], calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    add(schedules, "rate(6 hours)", LastModificationDate=now)  # DELETE is for schedules that end
    calls += [None, None, None]
    call_all_due({})
    call_all_due({})
    assert list(schedules) == [PLACE] and len(calls) == 2
    now += 6 * 3600 - 1
    call_all_due({})
    assert len(calls) == 2
    now += 1
    call_all_due({})
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("rate(1 minute)", 60),
        ("rate(6 hours)", 21_600),
        ("rate(2 days)", 172_800),
        *dict.fromkeys(
            ("rate(1 hours)", "rate(2 day)", "rate(0 days)", "rate(1 week)", "at(2999-01-01T00:00:00)")
        ).items(),
    ],
)
def test_a_rate_is_written_as_aws_wants_it(expression: str, seconds: float | None) -> None:
    assert interval_of(expression) == seconds


def test_the_input_has_the_context_of_the_call(schedules: dict[Any, Any]) -> None:
    add(schedules, Target={"Arn": TARGET, "Input": '"<aws.scheduler.execution-id> <aws.scheduler.attempt-number> <b>"'})
    first, second = (with_context(schedules[PLACE], attempt).split() for attempt in (1, 2))
    assert first[0] != second[0] and (first[1:], second[1:]) == (["1", '<b>"'], ["2", '<b>"'])
