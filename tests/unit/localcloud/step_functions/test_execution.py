import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.step_functions import execution
from localcloud.step_functions.execution import Execution
from tests.unit.localcloud.step_functions.runs import (
    FUNCTION,
    Functions,
    chain,
    connect,
    details,
    execution_of,
    machine,
    run,
    types,
    wait_for_event,
)

WAIT = {"Type": "Wait", "Seconds": 60}
LOOP = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}}


@pytest.fixture
def statuses() -> Iterator[list[str]]:
    """The statuses that executions have had."""
    found: list[str] = []

    def follow(one: Execution) -> None:
        found.append(one.status)

    execution.on_change.append(follow)
    yield found
    execution.on_change.remove(follow)


def test_each_change_of_status_is_announced_once(statuses: list[str]) -> None:
    run(machine({"Type": "Pass"}))
    run(machine({"Type": "Fail"}))
    assert statuses == ["RUNNING", "SUCCEEDED", "RUNNING", "FAILED"]


@pytest.mark.parametrize("state", [WAIT, {"Type": "Task", "Resource": FUNCTION}])
def test_an_execution_is_stopped_at_any_moment(state: dict[str, Any], statuses: list[str]) -> None:
    release = threading.Event()
    connect(Functions(lambda _: release.wait(20)).invoke)
    found = execution_of(machine(state))
    execution.start(found)
    wait_for_event(found, f"{state['Type']}StateEntered")
    execution.stop(found, "Enough", "of this")
    release.set()
    assert (found.status, found.error, found.cause) == ("ABORTED", "Enough", "of this")
    assert found.stopped is not None and found.stopped >= found.started
    assert chain(found)[-1] == ("ExecutionAborted", 0)
    assert details(found, "ExecutionAborted") == {"error": "Enough", "cause": "of this"}
    time.sleep(0.1)
    assert types(found)[-1] == "ExecutionAborted" and statuses == ["RUNNING", "ABORTED"]


def test_an_execution_that_ended_stays_as_it_is() -> None:
    found = run(machine({"Type": "Pass"}))
    execution.stop(found)
    assert found.status == "SUCCEEDED"


def test_a_loop_does_not_keep_others_from_running() -> None:
    connect(Functions(lambda event: event).invoke)
    endless, other = execution_of(LOOP, kind="EXPRESS"), execution_of(machine({"Type": "Pass"}))
    execution.start(endless)
    execution.start(other)
    wait_for_event(other, "ExecutionSucceeded")
    assert endless.status == "RUNNING"
    execution.stop(endless)
    assert endless.history.events() == []


def test_an_execution_over_its_time_times_out() -> None:
    found = run(machine(WAIT, TimeoutSeconds=1))
    assert (found.status, found.error, found.output) == ("TIMED_OUT", "States.Timeout", None)
    assert types(found) == ["ExecutionStarted", "WaitStateEntered", "ExecutionTimedOut"]


def test_an_express_execution_has_five_minutes() -> None:
    given = [execution_of(machine(WAIT, **more), kind="EXPRESS") for more in ({}, {"TimeoutSeconds": 9999})]
    assert [execution.seconds_of(one) for one in given] == [300, 300]
    assert execution.seconds_of(execution_of(machine(WAIT))) is None


def test_an_error_of_our_own_ends_the_execution(caplog: pytest.LogCaptureFixture) -> None:
    found = run({"StartAt": "A", "States": {}})
    assert (found.status, found.error) == ("FAILED", "States.Runtime")
    assert "ended by an error of the local cloud" in caplog.text


def test_many_executions_wait_without_a_thread_each() -> None:
    before = threading.active_count()
    waiting = [execution_of(machine(WAIT)) for _ in range(300)]
    for one in waiting:
        execution.start(one)
    for one in waiting:
        wait_for_event(one, "WaitStateEntered")
    assert threading.active_count() <= before + 1
    for one in waiting:
        execution.stop(one)
