"""GetExecutionHistory."""

from typing import Any

from localcloud.sagemaker.errors import ServiceError
from localcloud.step_functions.api.executions import find
from localcloud.step_functions.api.pages import page
from localcloud.step_functions.store import MOST_HISTORIES, Store

DATA = ("input", "output", "parameters", "error", "cause")


def get(store: Store, params: dict[str, Any]) -> dict[str, Any]:
    """Return a page of events; in reverse order, events that come later belong to no page."""
    execution = find(store, params["executionArn"]).execution
    if execution.map_run_arn is None and not store.executions.has_history(execution):
        raise ServiceError(
            "ExecutionDoesNotExist",
            f"The local cloud keeps the histories of the last {MOST_HISTORIES} executions, and that of "
            f"'{execution.arn}' no more.",
        )
    sign = -1 if params.get("reverseOrder") else 1
    events = sorted(execution.history.events(), key=lambda event: sign * int(event["id"]))
    shown, token = page(events, params, lambda event: [sign * int(event["id"])])
    if params.get("includeExecutionData") is False:
        return {"events": [without_data(event) for event in shown], **token}
    return {"events": shown, **token}


def without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        field: {name: one for name, one in value.items() if name not in DATA} if isinstance(value, dict) else value
        for field, value in event.items()
    }
