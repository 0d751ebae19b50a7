"""The course of an execution: its role, its begin, its time limit, its one end, and the metrics of it."""

import contextvars
import json
import threading
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import cloudwatch, stepfunctions

METRICS = {  # by status
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "ABORTED": "ExecutionsAborted",
    "TIMED_OUT": "ExecutionsTimedOut",
}

# What an execution fails with that ran when the cloud ended, and what MiniStack calls it.
INTERRUPTED = "States.Runtime"
MINISTACK_INTERRUPTED = "States.ServiceRestart"
INTERRUPTED_CAUSE = (
    "The local cloud ended while this execution ran: it was stopped, killed or crashed. Start the execution again."
)

# The role of the execution that this thread runs.
role_arn: contextvars.ContextVar[str] = contextvars.ContextVar("role_arn")
# True until MiniStack's delay before the first state has been skipped.
is_beginning: contextvars.ContextVar[bool] = contextvars.ContextVar("is_beginning", default=False)


def run_with_role_and_timeout(original: Callable[[str], None]) -> Callable[[str], None]:
    """Run an execution as its state machine's role, and end it after the TimeoutSeconds of its definition."""

    def run_execution(exec_arn: str) -> None:
        execution = stepfunctions._executions[exec_arn]
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
        role_arn.set(machine.get("roleArn", ""))
        is_beginning.set(True)
        timer = start_timer(execution, json.loads(machine.get("definition", "{}")).get("TimeoutSeconds"))
        try:
            original(exec_arn)
        finally:
            if timer:
                timer.cancel()

    return run_execution


def start_timer(execution: dict[str, Any], seconds: float | None) -> threading.Timer | None:
    if seconds is None:
        return None
    timer = threading.Timer(seconds, contextvars.copy_context().run, (time_out, execution))
    timer.daemon = True
    timer.start()
    return timer


def time_out(execution: dict[str, Any]) -> None:
    if execution["status"] == "RUNNING":
        execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=now_iso())
        details = {"executionTimedOutEventDetails": {"error": "States.Timeout"}}
        stepfunctions._add_event(execution, "ExecutionTimedOut", details)
        stepfunctions._emit_execution_status_event(execution)


def begin_at_once(original: ModuleType) -> SimpleNamespace:
    """Return the module `time` for Step Functions, whose first sleep in an execution does nothing."""

    def sleep(seconds: float) -> None:
        if is_beginning.get():
            is_beginning.set(False)
        else:
            time.sleep(seconds)

    return SimpleNamespace(**{**vars(original), "sleep": sleep})


def end_once(original: Callable[..., None]) -> Callable[..., None]:
    """Keep the first end of an execution."""

    def fail(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            original(execution, error, cause)

    return fail


def end_interrupted(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """Fail the executions that ran when the cloud ended, as other failures are told: with an event and an output."""

    def restore_state(data: Any) -> None:
        original(data)
        for execution in stepfunctions._executions.all_values():
            if execution.get("error") == MINISTACK_INTERRUPTED:
                execution["status"] = "RUNNING"
                stepfunctions._fail_execution(execution, INTERRUPTED, INTERRUPTED_CAUSE)

    return restore_state


def count_executions(original: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Record AWS/States metrics at each change of an execution's status."""

    def emit(execution: dict[str, Any]) -> None:
        machine = {"StateMachineArn": execution["stateMachineArn"]}
        cloudwatch.record_metric("AWS/States", METRICS[execution["status"]], 1, "Count", machine)
        begin, end = (stepfunctions._iso_to_epoch_ms(execution.get(key)) for key in ("startDate", "stopDate"))
        if end is not None:
            cloudwatch.record_metric("AWS/States", "ExecutionTime", end - begin, "Milliseconds", machine)
        original(execution)

    return emit
