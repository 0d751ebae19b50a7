"""What Lambda adds to a function's own log output, in both of its log formats.

Text has START, END and REPORT lines; JSON has platform events, of which the default level INFO lets these through
(https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).
"""

import json
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from localcloud.function_runtime.function import Function
from localcloud.function_runtime.outcomes import Outcome

RUNTIME_VERSION = f"python:{platform.python_version()}"  # of this machine


def messages(function: Function, outcome: Outcome) -> list[str]:
    """Return the log of one invocation, one element per event."""
    return list(json_messages(function, outcome) if function.logs_json else text_messages(function, outcome))


def text_messages(function: Function, outcome: Outcome) -> Iterator[str]:
    request_id = outcome.request_id
    if outcome.init_ms is not None:
        yield f"INIT_START Runtime Version: {RUNTIME_VERSION}\n"
    yield f"START RequestId: {request_id} Version: {function.version}\n"
    yield from outcome.output
    error = json.loads(outcome.payload) if outcome.status != "success" else {}
    if outcome.status == "timeout":
        sentence = error["errorMessage"].partition("Error: ")[2]
        yield f"{timestamp()} {request_id} {sentence}\n\n"
    elif outcome.error_type in ("Runtime.ExitError", "Runtime.OutOfMemory"):
        yield f"{error['errorMessage']}\nRuntime.ExitError\n"
    yield f"END RequestId: {request_id}\n"
    yield "\t".join(["REPORT RequestId: " + request_id, *report_fields(function, outcome), "\n"])


def report_fields(function: Function, outcome: Outcome) -> Iterator[str]:
    yield f"Duration: {outcome.duration_ms:.2f} ms"
    yield f"Billed Duration: {outcome.billed_ms} ms"
    yield f"Memory Size: {function.memory_mb} MB"
    yield f"Max Memory Used: {outcome.memory_mb} MB"
    if outcome.init_ms is not None:
        yield f"Init Duration: {outcome.init_ms:.2f} ms"
    if outcome.status != "success":
        yield f"Status: {outcome.status}"
    if outcome.error_type:
        yield f"Error Type: {outcome.error_type}"


def json_messages(function: Function, outcome: Outcome) -> Iterator[str]:
    request_id, version = outcome.request_id, function.version
    if outcome.init_ms is not None:
        init = {"initializationType": "on-demand", "phase": "init", "runtimeVersion": RUNTIME_VERSION}
        yield event("initStart", {**init, "functionName": function.name, "functionVersion": version})
    arn = function.config["FunctionArn"]
    yield event("start", {"requestId": request_id, "functionArn": arn, "version": version})
    yield from outcome.output
    ended = {"status": outcome.status, **({"errorType": outcome.error_type} if outcome.error_type else {})}
    metrics = {"durationMs": round(outcome.duration_ms, 3), "billedDurationMs": outcome.billed_ms}
    if outcome.status != "success":  # at level INFO, runtimeDone is logged for failures only
        yield event("runtimeDone", {"requestId": request_id, **ended, "metrics": {"durationMs": metrics["durationMs"]}})
    memory = {"memorySizeMB": function.memory_mb, "maxMemoryUsedMB": outcome.memory_mb}
    init_metric = {} if outcome.init_ms is None else {"initDurationMs": round(outcome.init_ms, 3)}
    yield event("report", {"requestId": request_id, "metrics": {**metrics, **memory, **init_metric}, **ended})


def event(kind: str, record: dict[str, Any]) -> str:
    return json.dumps({"time": timestamp(), "type": f"platform.{kind}", "record": record})


def timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
