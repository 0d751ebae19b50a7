"""Lambda through boto3: limits, errors, logs and concurrency of a function, with AWS's names and sentences."""

import base64
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.support.functions import create_function, package, throttling_reason
from tests.integration.support.iam import WRITE_LOGS, create_role
from tests.integration.support.names import NAME

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# The event tells the function what to do.
CODE = '''
import os, sys, time

class PhotoError(Exception):
    """When the event asks for it."""

def lambda_handler(event, context):
    time.sleep(event.get("sleep", 0))
    memory = b"x" * event.get("allocate", 0)
    if "exit" in event:
        sys.exit(event["exit"])
    if "raise" in event:
        raise PhotoError(event["raise"])
    if "variables" in event:
        return dict(os.environ)
    if "write" in event:
        with open(event["write"], "w") as file:
            file.write("x")
    return {"text": "x" * event.get("length", 0), "process": os.getpid(), "id": context.aws_request_id}
'''


@pytest.fixture(scope="module")
def client(aws: dict[str, str]) -> Any:
    return boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=50))


@pytest.fixture(scope="module")
def role(aws: dict[str, str]) -> str:
    return create_role(f"{NAME}-function", "lambda", WRITE_LOGS)


@pytest.fixture(scope="module")
def function(role: str) -> str:
    create_function(f"{NAME}-plain", role, CODE, Timeout=1, MemorySize=128)
    return f"{NAME}-plain"


@pytest.fixture(scope="module")
def json_function(role: str) -> str:
    logging = {"LogFormat": "JSON", "LogGroup": f"/{NAME}/json"}
    create_function(f"{NAME}-json", role, CODE, Timeout=1, LoggingConfig=logging)
    return f"{NAME}-json"


def invoke(client: Any, name: str, **event: Any) -> tuple[Any, str, str | None]:
    """Return the payload, the log and the kind of error."""
    reply = client.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
    log = base64.b64decode(reply["LogResult"]).decode()
    return json.loads(reply["Payload"].read()), log, reply.get("FunctionError")


def platform_events(log: str) -> dict[str, Any]:
    events = [json.loads(line) for line in log.splitlines()]
    return {one["type"]: one["record"] for one in events if "type" in one}


@pytest.mark.aws("Lambda", "a function that takes longer than its timeout", "exact")
def test_a_timeout_ends_the_process_and_the_next_invocation_works(client: Any, function: str) -> None:
    process = invoke(client, function)[0]["process"]
    payload, log, error = invoke(client, function, sleep=3)
    assert error == "Unhandled"
    assert payload["errorType"] == "Sandbox.Timedout"
    assert re.fullmatch(f"RequestId: {UUID} Error: Task timed out after 1.00 seconds", payload["errorMessage"])
    assert re.search(f"Z {UUID} Task timed out after 1.00 seconds\n", log)
    assert "\tDuration: 1000.00 ms\t" in log
    assert "\tStatus: timeout" in log
    assert invoke(client, function)[0]["process"] != process


@pytest.mark.aws(
    "Lambda",
    "a function that uses more than its MemorySize",
    "approximate",
    "the process is killed when its resident memory, read every 20 ms, is over it; its children are not counted",
)
def test_a_function_out_of_memory_is_killed(client: Any, function: str) -> None:
    payload, log, error = invoke(client, function, allocate=200_000_000)
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.OutOfMemory"
    sentence = f"RequestId: {UUID} Error: Runtime exited with error: signal: killed"
    assert re.fullmatch(sentence, payload["errorMessage"])
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in log
    assert "Error Type: Runtime.OutOfMemory" in log
    assert invoke(client, function, allocate=50_000_000)[2] is None


@pytest.mark.aws("Lambda", "a function whose process exits", "exact")
@pytest.mark.parametrize(
    ("code", "how"),
    [(3, "Runtime exited with error: exit status 3"), (0, "Runtime exited without providing a reason")],
)
def test_a_process_that_exits_is_an_exit_error(client: Any, function: str, code: int, how: str) -> None:
    payload, _, _ = invoke(client, function, exit=code)
    assert payload["errorType"] == "Runtime.ExitError"
    assert re.fullmatch(f"RequestId: {UUID} Error: {how}", payload["errorMessage"])


@pytest.mark.correction(name="lambda-runtime-client")
@pytest.mark.aws("Lambda", "an exception of a handler is reported with its class", "exact")
def test_an_exception_has_its_class_and_stack(client: Any, function: str) -> None:
    payload, log, error = invoke(client, function, **{"raise": "too dark"})
    assert error == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("PhotoError", "too dark")
    assert re.fullmatch(UUID, payload["requestId"])
    assert "raise PhotoError" in payload["stackTrace"][-1]
    assert "[ERROR] PhotoError: too dark\nTraceback (most recent call last):\n" in log


@pytest.mark.aws(
    "Lambda", "a function that cannot be initialised", "approximate", "the init phase is not run a second time"
)
@pytest.mark.parametrize(
    ("code", "error_type", "sentence"),
    [
        ("import nothing", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nothing'"),
        ("x = 1", "Runtime.HandlerNotFound", "Handler 'lambda_handler' missing on module 'app'"),
        ("def lambda_handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': invalid syntax"),
        ("import os\nos.environ['ENDPOINT_NAME']", "KeyError", "'ENDPOINT_NAME'"),
    ],
)
def test_init_errors_have_aws_s_names(client: Any, role: str, code: str, error_type: str, sentence: str) -> None:
    name = f"{NAME}-{error_type.replace('.', '-')}"
    create_function(name, role, code)
    payload, _, error = invoke(client, name)
    assert error == "Unhandled"
    assert payload["errorType"] == error_type
    assert payload["errorMessage"].startswith(sentence)


@pytest.mark.aws(
    "Lambda",
    "a function imports the standard library, boto3 and its own package",
    "approximate",
    "with the Python that runs the local cloud, whatever Runtime says",
)
def test_what_is_not_in_aws_s_runtime_cannot_be_imported(client: Any, role: str) -> None:
    name = f"{NAME}-imports"
    create_function(name, role, "import boto3\ndef lambda_handler(event, context):\n    import numpy")
    assert invoke(client, name)[0]["errorMessage"] == "No module named 'numpy'"


@pytest.mark.correction(name="lambda-request-size")
@pytest.mark.aws("Lambda", "the limit of 6 MB on a request and on a response", "exact")
def test_events_over_6_mb_are_refused(client: Any, function: str) -> None:
    sentence = "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    with pytest.raises(ClientError, match=f"RequestEntityTooLargeException.*{sentence}") as caught:
        client.invoke(FunctionName=function, Payload=json.dumps({"padding": "x" * 6_291_456}))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert client.invoke(FunctionName=function, Payload=b"{}".ljust(6_291_456))["StatusCode"] == 200


@pytest.mark.aws("Lambda", "the limit of 6 MB on a request and on a response", "exact")
def test_responses_over_6_mb_are_refused(client: Any, function: str) -> None:
    frame = len(json.dumps(invoke(client, function)[0]))
    assert "text" in invoke(client, function, length=6_291_556 - frame)[0]
    payload, _, error = invoke(client, function, length=6_291_556)
    assert error == "Unhandled"
    assert payload == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }


@pytest.mark.correction(name="lambda-environments")
@pytest.mark.aws(
    "Lambda",
    "the variables of a function",
    "approximate",
    "AWS's own and the function's; AWS_ENDPOINT_URL, AWS_CONFIG_FILE, AWS_DISABLE_HOST_PREFIX_INJECTION and TMPDIR "
    "added; no X-Ray daemon",
)
def test_a_function_sees_its_own_variables_only(client: Any, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client.update_function_configuration(FunctionName=function, Environment={"Variables": {"ENDPOINT_NAME": "e"}})
    seen, _, _ = invoke(client, function, variables=True)
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == function
    assert seen["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert seen["AWS_LAMBDA_LOG_GROUP_NAME"] == f"/aws/lambda/{function}"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen["AWS_LAMBDA_LOG_STREAM_NAME"])
    assert (seen["TZ"], seen["LANG"], seen["ENDPOINT_NAME"]) == (":UTC", "en_US.UTF-8", "e")
    assert {"LAMBDA_TASK_ROOT", "AWS_SESSION_TOKEN", "_HANDLER"} <= seen.keys()
    assert not {"STATE_DIR", "GATEWAY_PORT", "VIRTUAL_ENV", "HOME", "AWS_LAMBDA_LOG_LEVEL"} & seen.keys()


def test_a_function_may_write_to_tmp(client: Any, function: str) -> None:
    assert invoke(client, function, write=f"/tmp/{NAME}")[2] is None
    Path(f"/tmp/{NAME}").unlink(missing_ok=True)


@pytest.mark.aws(
    "Lambda",
    "START, END and REPORT lines in the log of a function",
    "approximate",
    "INIT_START names the Python of the local cloud; no XRAY line",
)
def test_the_log_reports_each_invocation(client: Any, function: str) -> None:
    invoke(client, function, exit=1)  # the next invocation is cold
    cold, warm = (invoke(client, function, sleep=0.01) for _ in range(2))
    for payload, log, _ in (cold, warm):
        lines = [line for line in log.splitlines() if not line.startswith("INIT_START")]
        assert lines[0] == f"START RequestId: {payload['id']} Version: $LATEST"
        assert lines[-2] == f"END RequestId: {payload['id']}"
        report = (
            rf"REPORT RequestId: {payload['id']}\tDuration: (?P<duration>[\d.]+) ms\tBilled Duration: (?P<billed>\d+) "
            r"ms\tMemory Size: 128 MB\tMax Memory Used: (?P<memory>\d+) MB\t(Init Duration: (?P<init>[\d.]+) ms\t)?"
        )
        found = re.fullmatch(report, lines[-1])
        assert found
        assert 10 <= float(found["duration"]) < 500
        assert 0 <= int(found["billed"]) - float(found["duration"]) - float(found["init"] or 0) < 1.01
        assert 5 < int(found["memory"]) <= 128
        assert (found["init"] is not None) == ("INIT_START" in log)
    assert "Init Duration" in cold[1]
    assert "Init Duration" not in warm[1]


@pytest.mark.aws(
    "Lambda",
    "JSON logs: platform events, lines of the application, the LogGroup of LoggingConfig",
    "approximate",
    "system log level INFO always; no runtimeVersionArn, instanceId or tracing",
)
def test_json_logs_have_platform_events_and_reach_their_group(client: Any, json_function: str) -> None:
    _, log, _ = invoke(client, json_function)
    events = platform_events(log)
    assert list(events) == ["platform.initStart", "platform.start", "platform.report"]
    report = events["platform.report"]
    assert report["status"] == "success"
    assert set(report["metrics"]) == {
        "durationMs",
        "billedDurationMs",
        "memorySizeMB",
        "maxMemoryUsedMB",
        "initDurationMs",
    }
    _, log, _ = invoke(client, json_function, **{"raise": "no"})
    application = next(json.loads(line) for line in log.splitlines() if '"level"' in line)
    assert (application["level"], application["errorType"]) == ("ERROR", "PhotoError")
    assert platform_events(log)["platform.report"]["requestId"] == application["requestId"]
    logs = boto3.client("logs")
    stream = logs.describe_log_streams(logGroupName=f"/{NAME}/json")["logStreams"][0]["logStreamName"]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    written = logs.get_log_events(logGroupName=f"/{NAME}/json", logStreamName=stream, startFromHead=True)["events"]
    assert sum("platform.report" in event["message"] for event in written) == 2


@pytest.mark.aws("Lambda", "JSON logs report a timeout", "exact")
def test_json_logs_say_what_ended_an_invocation(client: Any, json_function: str) -> None:
    events = platform_events(invoke(client, json_function, sleep=3)[1])
    assert events["platform.runtimeDone"]["status"] == events["platform.report"]["status"] == "timeout"


@pytest.mark.aws("Lambda", "a function whose role may not write logs works without a log", "exact")
def test_without_permission_no_log_is_written(client: Any, aws: dict[str, str]) -> None:
    name = f"{NAME}-mute"
    create_function(name, create_role(name, "lambda"), CODE)
    assert invoke(client, name)[2] is None
    assert not boto3.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]


@pytest.mark.aws("Lambda", "an update lets running invocations end; the next invocation has the new code", "exact")
def test_an_update_lets_running_invocations_end(client: Any, role: str) -> None:
    name = f"{NAME}-updated"
    create_function(name, role, CODE)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(invoke, client, name, sleep=1.5)
        time.sleep(0.5)
        client.update_function_code(FunctionName=name, ZipFile=package("def lambda_handler(event, context): return 2"))
        assert "process" in running.result()[0]
    assert invoke(client, name)[0] == 2


@pytest.mark.correction(name="lambda-throttling")
@pytest.mark.aws("Lambda", "reserved concurrency: 429 past it", "exact")
def test_reserved_concurrency_throttles(client: Any, function: str) -> None:
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=1)
    try:
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda _: throttling_reason(lambda: invoke(client, function, sleep=0.5)), range(3)))
    finally:
        client.delete_function_concurrency(FunctionName=function)
    assert sorted(answers) == ["", *["ReservedFunctionConcurrentInvocationLimitExceeded"] * 2]


@pytest.mark.aws("Lambda", "GetAccountSettings: concurrency of the account, and what is not reserved of it", "exact")
def test_the_account_s_concurrency_is_told(client: Any, function: str) -> None:
    def unreserved() -> int:
        limits = client.get_account_settings()["AccountLimit"]
        assert limits["ConcurrentExecutions"] == 1000
        number: int = limits["UnreservedConcurrentExecutions"]
        return number

    before = unreserved()  # other tests may have functions with reserved concurrency
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=7)
    try:
        assert unreserved() == before - 7
    finally:
        client.delete_function_concurrency(FunctionName=function)
    assert unreserved() == before


def test_a_burst_within_the_account_s_concurrency_loses_nothing(client: Any, function: str) -> None:
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: invoke(client, function, sleep=0.2), range(40)))
    assert all(error is None for _, _, error in answers)
    assert len({payload["id"] for payload, _, _ in answers}) == 40
    assert len({payload["process"] for payload, _, _ in answers}) <= 4


@pytest.mark.correction(name="lambda-metrics")
@pytest.mark.correction(name="lambda-metrics-once")
@pytest.mark.aws("CloudWatch", "AWS/Lambda metrics: Invocations, Errors, Throttles, Duration", "exact")
def test_invocations_are_counted(client: Any, role: str) -> None:
    name = f"{NAME}-counted"
    create_function(name, role, CODE)
    for event in ({}, {}, {"raise": "no"}):
        invoke(client, name, **event)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert throttling_reason(lambda: invoke(client, name))
    assert metric(name, "Invocations") == (3, 3)
    assert metric(name, "Errors") == (1, 3)
    assert metric(name, "Throttles") == (1, 4)
    assert metric(name, "Duration")[1] == 3


def metric(function: str, name: str) -> tuple[float, float]:
    """Return the sum and the number of a metric's values."""
    now = datetime.now(UTC)
    deadline = time.monotonic() + 10
    points: list[Any] = []
    while not points and time.monotonic() < deadline:
        points = boto3.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=now - timedelta(minutes=10),
            EndTime=now + timedelta(minutes=1),
            Period=3600,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
    return sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points)
