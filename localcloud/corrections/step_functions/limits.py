"""How much data flows through an execution: 256 KiB for its input, for each task's result and for each state."""

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import stepfunctions

DATA_LIMIT = 262_144  # bytes of JSON in UTF-8


def check_execution_inputs(original: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Refuse an input that is over the limit or not JSON."""

    def start_execution(data: dict[str, Any]) -> Any:
        given = data.get("input", "{}")
        if not isinstance(given, str):
            return error_response_json("SerializationException", "input is not a string", 400)
        if len(given.encode(errors="surrogatepass")) > DATA_LIMIT:
            return error_response_json(
                "ValidationException",
                "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have size "
                f"less than or equal to {DATA_LIMIT} bytes in UTF-8 encoding",
                400,
            )
        if problem := problem_of_json(given):
            sentence = f"Invalid State Machine Execution Input: '{problem}'"
            return error_response_json("InvalidExecutionInput", sentence, 400)
        return original(data)

    return start_execution


def problem_of_json(text: str) -> str | None:
    """Return why a text is not JSON, None when it is. JSON is UTF-8, so it holds a lone surrogate as an escape only."""
    try:
        text.encode()
        json.loads(text, parse_constant=refuse_constant)
    except UnicodeEncodeError:
        return "a lone surrogate is not UTF-8"
    except (ValueError, RecursionError) as err:
        return str(err)
    return None


def refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads."""
    raise ValueError(f"{name} is not JSON")


def limit_states(original: Callable[..., Any]) -> Callable[..., Any]:
    """Raise States.DataLimitExceeded when the result of a task, or the input or output of a state, is too large.

    MiniStack writes each into the execution's history, so they are measured there. States within a Map or Parallel
    state have no history; of these, the results of tasks and the output of the whole are measured.
    """

    def add_event(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> Any:
        for detail in (details or {}).values():
            data = detail.get("input") or detail.get("output") or ""
            if event_type not in ("ExecutionStarted", "ExecutionSucceeded") and is_too_large(data):
                raise data_limit_exceeded(detail.get("name") or detail.get("resource", ""))
        return original(execution, event_type, details)

    return add_event


def is_too_large(data: str) -> bool:
    """Return whether JSON is over the limit as AWS writes it: without spaces and without escapes for UTF-8."""
    if len(data) <= DATA_LIMIT:  # MiniStack's JSON has both, so AWS's is shorter
        return False
    text = json.dumps(json.loads(data), separators=(",", ":"), ensure_ascii=False)
    return len(text.encode(errors="surrogatepass")) > DATA_LIMIT  # JSON may have an escape for a lone surrogate


def data_limit_exceeded(name: str) -> Exception:
    error: Exception = stepfunctions._ExecutionError(
        "States.DataLimitExceeded",
        f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit.",
    )
    return error
