"""What Lambda writes to CloudWatch Logs around a function's own output, in both of its log formats.

Text is START, END and REPORT lines; JSON is platform events, of which the default level INFO lets through those
below (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).
"""

import json
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ministack.core.iam_evaluator import enforce
from ministack.core.lambda_runtime import execution_credentials
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs

from localcloud.function_runtime.environments import Outcome
from localcloud.function_runtime.process import log_group

RUNTIME_VERSION = f"python:{platform.python_version()}"  # of this machine, honestly


def write(config: dict[str, Any], log_stream: str, outcome: Outcome) -> str:
    """Write the log of one invocation; returns it as text, whose end `Invoke` with LogType=Tail answers.

    A function whose role may not write logs leaves none, and works on, as on AWS.
    """
    json_logs = (config.get("LoggingConfig") or {}).get("LogFormat") == "JSON"
    messages = list(json_messages(config, outcome) if json_logs else text_messages(config, outcome))
    group = log_group(config)
    if may_write(config, group):
        cloudwatch_logs._create_log_group({"logGroupName": group})  # both answer an error when it exists
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": log_stream})
        events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
        cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": log_stream, "logEvents": events})
    return "".join(message if message.endswith("\n") else f"{message}\n" for message in messages)


def may_write(config: dict[str, Any], group: str) -> bool:
    access_key = execution_credentials(config)["AWS_ACCESS_KEY_ID"]
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:*"
    return enforce(access_key, "logs:PutLogEvents", "logs", get_region(), resource_arn=arn) is None


def text_messages(config: dict[str, Any], outcome: Outcome) -> Iterator[str]:
    request_id = outcome.request_id
    if outcome.init_ms is not None:
        yield f"INIT_START Runtime Version: {RUNTIME_VERSION}\n"
    yield f"START RequestId: {request_id} Version: {config.get('Version', '$LATEST')}\n"
    yield from outcome.output
    error = json.loads(outcome.payload) if outcome.status != "success" else {}
    if outcome.status == "timeout":
        sentence = error["errorMessage"].partition("Error: ")[2]
        yield f"{timestamp()} {request_id} {sentence}\n\n"
    elif outcome.error_type in ("Runtime.ExitError", "Runtime.OutOfMemory"):
        yield f"{error['errorMessage']}\nRuntime.ExitError\n"
    yield f"END RequestId: {request_id}\n"
    yield "\t".join(["REPORT RequestId: " + request_id, *report_fields(config, outcome), "\n"])


def report_fields(config: dict[str, Any], outcome: Outcome) -> Iterator[str]:
    yield f"Duration: {outcome.duration_ms:.2f} ms"
    yield f"Billed Duration: {outcome.billed_ms} ms"
    yield f"Memory Size: {config.get('MemorySize', 128)} MB"
    yield f"Max Memory Used: {outcome.memory_mb} MB"
    if outcome.init_ms is not None:
        yield f"Init Duration: {outcome.init_ms:.2f} ms"
    if outcome.status != "success":
        yield f"Status: {outcome.status}"
    if outcome.error_type:
        yield f"Error Type: {outcome.error_type}"


def json_messages(config: dict[str, Any], outcome: Outcome) -> Iterator[str]:
    request_id, version = outcome.request_id, config.get("Version", "$LATEST")
    if outcome.init_ms is not None:
        init = {"initializationType": "on-demand", "phase": "init", "runtimeVersion": RUNTIME_VERSION}
        yield event("initStart", {**init, "functionName": config["FunctionName"], "functionVersion": version})
    yield event("start", {"requestId": request_id, "functionArn": config["FunctionArn"], "version": version})
    yield from outcome.output
    ended = {"status": outcome.status, **({"errorType": outcome.error_type} if outcome.error_type else {})}
    metrics = {"durationMs": round(outcome.duration_ms, 3), "billedDurationMs": outcome.billed_ms}
    if outcome.status != "success":  # at level INFO, runtimeDone shows only when it went wrong
        yield event("runtimeDone", {"requestId": request_id, **ended, "metrics": {"durationMs": metrics["durationMs"]}})
    memory = {"memorySizeMB": config.get("MemorySize", 128), "maxMemoryUsedMB": outcome.memory_mb}
    init_metric = {} if outcome.init_ms is None else {"initDurationMs": round(outcome.init_ms, 3)}
    yield event("report", {"requestId": request_id, "metrics": {**metrics, **memory, **init_metric}, **ended})


def event(kind: str, record: dict[str, Any]) -> str:
    return json.dumps({"time": timestamp(), "type": f"platform.{kind}", "record": record})


def timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
