"""The limit of what flows through an execution: 256 KiB for its input, and for each task's result and each state."""

import json
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import stepfunctions

DATA_LIMIT = 262_144  # bytes of JSON in UTF-8


def check_execution_inputs() -> None:
    """Refuse an input over the limit, or one that is not JSON; MiniStack runs on, with `{}` for the latter."""
    original = stepfunctions._start_execution

    def start_execution(data: dict[str, Any]) -> Any:
        text = data.get("input", "{}")
        if len(text.encode()) > DATA_LIMIT:
            return error_response_json(
                "ValidationException",
                "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have size "
                f"less than or equal to {DATA_LIMIT} bytes in UTF-8 encoding",
                400,
            )
        try:
            json.loads(text)
        except ValueError as err:
            sentence = f"Invalid State Machine Execution Input: '{err}'"
            return error_response_json("InvalidExecutionInput", sentence, 400)
        return original(data)

    stepfunctions._start_execution = start_execution


def limit_states() -> None:
    """Raise States.DataLimitExceeded where the result of a task, or the input or output of a state, is too large.

    MiniStack writes each into the execution's history: that is where they are measured. The states within a
    Map or Parallel state have no history there; their tasks' results and the output of the whole are measured.
    """
    original = stepfunctions._add_event

    def add_event(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> Any:
        for detail in (details or {}).values():
            data = detail.get("input") or detail.get("output") or ""
            if event_type not in ("ExecutionStarted", "ExecutionSucceeded") and is_too_large(data):
                raise data_limit_exceeded(detail.get("name") or detail.get("resource", ""))
        return original(execution, event_type, details)

    stepfunctions._add_event = add_event


def is_too_large(data: str) -> bool:
    """Tell whether JSON is over the limit, as AWS writes it: without spaces, and without escapes for UTF-8."""
    if len(data) <= DATA_LIMIT:  # MiniStack's has both, so AWS's is shorter
        return False
    return len(json.dumps(json.loads(data), separators=(",", ":"), ensure_ascii=False).encode()) > DATA_LIMIT


def data_limit_exceeded(name: str) -> Exception:
    error: Exception = stepfunctions._ExecutionError(
        "States.DataLimitExceeded",
        f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit.",
    )
    return error
