"""Corrections of MiniStack's Step Functions. Each is one function that says what AWS does."""

import contextvars
import json
import random
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import cloudwatch, stepfunctions

from localcloud.corrections.step_functions_limits import check_execution_inputs, limit_states
from localcloud.corrections.step_functions_tasks import (
    invoke_functions_as_the_role,
    start_the_timeout_when_the_task_starts,
)

# "States.ALL can't catch the States.DataLimitExceeded terminal error or Runtime error types", nor can
# States.TaskFailed (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html).
TERMINAL_ERRORS = ("States.DataLimitExceeded", "States.Runtime")

METRICS = {"RUNNING": "ExecutionsStarted", "SUCCEEDED": "ExecutionsSucceeded", "FAILED": "ExecutionsFailed",
           "ABORTED": "ExecutionsAborted", "TIMED_OUT": "ExecutionsTimedOut"}  # fmt: skip


def correct() -> None:
    """Apply every correction; called once, before the server starts."""
    check_definitions()
    check_execution_inputs()
    begin_executions_at_once()
    limit_states()
    let_terminal_errors_pass()
    wait_as_the_retrier_says()
    invoke_functions_as_the_role()
    start_the_timeout_when_the_task_starts()
    time_executions_out()
    end_executions_once()
    count_executions()


def check_definitions() -> None:
    """Refuse a definition whose States.ALL is not alone in the last retrier or catcher; MiniStack takes any."""
    original = stepfunctions._validate_definition_jsonata

    def validate(definition: Any) -> str | None:
        invalid: str | None = original(definition)
        misplaced = next(misplaced_wildcards(json.loads(definition)), None) if invalid is None else None
        if misplaced is None:
            return invalid
        problem = f"SCHEMA_VALIDATION_FAILED: States.ALL must appear alone and at end of list at {misplaced}"
        return f"Invalid State Machine Definition: '{problem}'"

    stepfunctions._validate_definition_jsonata = validate


def misplaced_wildcards(node: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each retrier and catcher that names States.ALL where it may not."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        if key in ("Retry", "Catch") and isinstance(child, list):
            for number, rule in enumerate(child):
                names = rule.get("ErrorEquals", [])
                if "States.ALL" in names and (len(names) > 1 or number < len(child) - 1):
                    yield f"{path}/{key}[{number}]/ErrorEquals"
        else:
            yield from misplaced_wildcards(child, f"{path}/{key}")


def begin_executions_at_once() -> None:
    """Enter the first state without the 0.15 s that MiniStack sleeps before."""

    def sleep(seconds: float) -> None:
        if seconds != 0.15:
            time.sleep(seconds)

    stepfunctions.time = SimpleNamespace(**{**vars(time), "sleep": sleep})


def let_terminal_errors_pass() -> None:
    """Let only a retrier or catcher that names a terminal error match it; to MiniStack States.ALL is any."""
    original = stepfunctions._error_matches

    def matches(error_equals: list[str], error: str) -> bool:
        return error in error_equals if error in TERMINAL_ERRORS else bool(original(error_equals, error))

    stepfunctions._error_matches = matches


def wait_as_the_retrier_says() -> None:
    """Wait as long as MaxDelaySeconds and JitterStrategy say; MiniStack knows neither, and caps at 60 s.

    Full jitter draws from 0 to the delay (https://states-language.net/#errors). The wait is here, where the
    retrier is chosen, and MiniStack's own becomes 0.
    """
    original = stepfunctions._find_matching_retrier

    def find(retriers: list[dict[str, Any]], error: str, retry_counts: dict[int, int]) -> Any:
        retrier, index = original(retriers, error, retry_counts)
        if retrier is None:
            return None, -1
        stepfunctions._scaled_sleep(delay_seconds(retrier, retry_counts.get(index, 0)))
        return {**retrier, "IntervalSeconds": 0}, index

    stepfunctions._find_matching_retrier = find


def delay_seconds(retrier: dict[str, Any], retries: int) -> float:
    """Return how long to wait before the next attempt, after this many retries."""
    delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** retries
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    return float(random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay)


def time_executions_out() -> None:
    """End an execution as TIMED_OUT after the TimeoutSeconds of its definition; MiniStack ignores them."""
    original = stepfunctions._run_execution

    def run_execution(execution_arn: str) -> None:
        execution = stepfunctions._executions[execution_arn]
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {"definition": "{}"}
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds")
        if seconds is None:
            original(execution_arn)
            return
        timer = threading.Timer(seconds, contextvars.copy_context().run, (time_out, execution))
        timer.daemon = True
        timer.start()
        try:
            original(execution_arn)
        finally:
            timer.cancel()

    stepfunctions._run_execution = run_execution


def time_out(execution: dict[str, Any]) -> None:
    if execution["status"] == "RUNNING":
        execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=now_iso())
        details = {"executionTimedOutEventDetails": {"error": "States.Timeout"}}
        stepfunctions._add_event(execution, "ExecutionTimedOut", details)
        stepfunctions._emit_execution_status_event(execution)


def end_executions_once() -> None:
    """Keep the first end of an execution; MiniStack fails one that was stopped when its last task fails."""
    original = stepfunctions._fail_execution

    def fail(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            original(execution, error, cause)

    stepfunctions._fail_execution = fail


def count_executions() -> None:
    """Emit AWS/States metrics (https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html)."""
    original = stepfunctions._emit_execution_status_event

    def emit(execution: dict[str, Any]) -> None:
        machine = {"StateMachineArn": execution["stateMachineArn"]}
        cloudwatch.record_metric("AWS/States", METRICS[execution["status"]], 1, "Count", machine)
        begin, end = (stepfunctions._iso_to_epoch_ms(execution.get(key)) for key in ("startDate", "stopDate"))
        if end is not None:
            cloudwatch.record_metric("AWS/States", "ExecutionTime", end - begin, "Milliseconds", machine)
        original(execution)

    stepfunctions._emit_execution_status_event = emit
