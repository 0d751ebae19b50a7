"""Step Functions through boto3: limits, Retry and Catch, timeouts, permissions, and many executions at once."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.support.functions import create_function
from tests.integration.support.iam import create_role
from tests.integration.support.names import NAME
from tests.integration.support.waiting import wait_for

LIMIT = 262_144  # bytes
# The event tells the function what to do. It fails `failures` times, counted in a file named by `run`.
CODE = '''
import os, pathlib, time

class BusyError(Exception):
    """When the event asks for it."""

def lambda_handler(event, context):
    time.sleep(event.get("sleep", 0))
    memory = b"x" * event.get("allocate", 0)
    if "run" in event:
        attempts = pathlib.Path("/tmp", event["run"])
        with attempts.open("a") as file:
            print(time.time(), file=file)
        times = attempts.read_text().split()
        if len(times) <= event.get("failures", 0):
            raise BusyError("busy")
        attempts.unlink()
        return [float(moment) for moment in times]
    return event.get("letter", "x") * event.get("length", 0)
'''


@pytest.fixture(scope="module")
def client(aws: dict[str, str]) -> Any:
    return boto3.client("stepfunctions", config=Config(max_pool_connections=20))


@pytest.fixture(scope="module")
def function(aws: dict[str, str]) -> str:
    role = create_role(f"{NAME}-task", "lambda")
    return create_function(f"{NAME}-task", role, CODE, Timeout=4, MemorySize=128)


@pytest.fixture(scope="module")
def role(function: str) -> str:
    functions = [function, f"{function}-gone"]
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": functions}
    return create_role(f"{NAME}-machine", "states", statement)


@pytest.fixture
def run(client: Any, function: str, role: str) -> Callable[..., Any]:
    """Return a function that runs one task, with a state Caught for its catchers, and returns the execution."""

    def execute(event: Any, **task: Any) -> Any:
        return ended(client, start(client, create_machine(client, {"Resource": function, **task}, role), event))

    return execute


def create_machine(client: Any, task: dict[str, Any], role: str, **settings: Any) -> str:
    """Return the ARN of a state machine with the states Task and Caught."""
    states = {"Task": {"Type": "Task", "End": True, **task}, "Caught": {"Type": "Pass", "End": True}}
    definition = {"QueryLanguage": "JSONata", "StartAt": "Task", "States": states, **settings}
    name = f"{NAME}-{uuid.uuid4().hex[:8]}"
    machine = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    arn: str = machine["stateMachineArn"]
    return arn


def start(client: Any, machine: str, event: Any) -> str:
    arn: str = client.start_execution(stateMachineArn=machine, input=json.dumps(event))["executionArn"]
    return arn


def ended(client: Any, execution: str) -> Any:
    """Wait for the end of an execution and return its description."""

    def described() -> Any:
        found = client.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    return wait_for(described, 60, pause=0.02)


def catch(*errors: str) -> list[dict[str, Any]]:
    return [{"ErrorEquals": list(errors), "Next": "Caught"}]


# Limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.aws("Step Functions", "262,144 bytes of task result pass, one more is States.DataLimitExceeded", "exact")
@pytest.mark.parametrize("letter", ["x", "é"])
def test_the_limit_of_a_task_s_result_is_in_bytes(run: Callable[..., Any], letter: str) -> None:
    length = (LIMIT - 2) // len(letter.encode())  # without the two quotes
    assert run({"length": length, "letter": letter})["status"] == "SUCCEEDED"
    over = run({"length": length + 1, "letter": letter})
    assert (over["status"], over["error"]) == ("FAILED", "States.DataLimitExceeded")
    assert "returned a result with a size exceeding the maximum number of bytes service limit." in over["cause"]


@pytest.mark.aws("Step Functions", "262,144 bytes of state output pass, one more is States.DataLimitExceeded", "exact")
def test_the_limit_of_a_state_s_output(run: Callable[..., Any]) -> None:
    frame = len('{"in":"","out":""}')
    padding = "y" * (LIMIT - frame - 100_000)
    output = "{% {'in': $states.input.padding, 'out': $states.result} %}"
    assert run({"length": 100_000, "padding": padding}, Output=output)["status"] == "SUCCEEDED"
    assert run({"length": 100_001, "padding": padding}, Output=output)["error"] == "States.DataLimitExceeded"


@pytest.mark.aws(
    "Step Functions",
    "States.DataLimitExceeded is caught by its own name only",
    "approximate",
    "as AWS documents it; published runs on AWS show States.ALL catching it for a Lambda task",
)
@pytest.mark.parametrize(
    ("errors", "status"),
    [("States.ALL", "FAILED"), ("States.TaskFailed", "FAILED"), ("States.DataLimitExceeded", "SUCCEEDED")],
)
def test_wildcards_do_not_catch_the_limit(run: Callable[..., Any], errors: str, status: str) -> None:
    assert run({"length": LIMIT}, Catch=catch(errors))["status"] == status


@pytest.mark.aws("Step Functions", "an execution's input over 262,144 bytes is refused", "exact")
def test_an_input_over_the_limit_is_refused(client: Any, function: str, role: str) -> None:
    machine = create_machine(client, {"Resource": function, "Arguments": {}}, role)
    assert ended(client, start(client, machine, "x" * (LIMIT - 2)))["status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match=r"ValidationException.*less than or equal to 262144 bytes in UTF-8 encoding"):
        start(client, machine, "x" * (LIMIT - 1))


@pytest.mark.aws("Step Functions", "an execution's input that is not JSON is refused", "exact")
def test_an_input_that_is_not_json_is_refused(client: Any, function: str, role: str) -> None:
    machine = create_machine(client, {"Resource": function}, role)
    for given in ("{'a': 1}", '"\ud800"', "[NaN]", "[-Infinity]", "[" * 100_000):
        with pytest.raises(ClientError, match=r"InvalidExecutionInput.*Invalid State Machine Execution Input"):
            client.start_execution(stateMachineArn=machine, input=given)
    assert client.list_executions(stateMachineArn=machine)["executions"] == []


# Retry and Catch ---------------------------------------------------------------------------------------------------


@pytest.mark.aws("Step Functions", "Retry: MaxAttempts, BackoffRate, MaxDelaySeconds", "exact")
def test_a_retry_waits_no_longer_than_its_maximum(run: Callable[..., Any]) -> None:
    retrier = {"ErrorEquals": ["BusyError"], "IntervalSeconds": 1, "BackoffRate": 5, "MaxDelaySeconds": 2}
    times = json.loads(run({"run": uuid.uuid4().hex, "failures": 2}, Retry=[retrier])["output"])
    first, second = times[1] - times[0], times[2] - times[1]
    assert 1 <= first < 1.9
    assert 2 <= second < 2.9


@pytest.mark.aws("Step Functions", "Retry: JitterStrategy FULL", "exact")
def test_full_jitter_waits_anything_up_to_the_delay(client: Any, function: str, role: str) -> None:
    retrier = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 1, "JitterStrategy": "FULL"}
    task = {"Resource": function, "Arguments": {"letter": "x", "length": "no number"}, "Retry": [retrier]}
    machine = create_machine(client, task, role)
    executions = [ended(client, execution) for execution in [start(client, machine, {}) for _ in range(12)]]
    waits = [(one["stopDate"] - one["startDate"]).total_seconds() for one in executions]
    assert {one["status"] for one in executions} == {"FAILED"}
    assert min(waits) < 1.5
    assert max(waits) < 4
    assert max(waits) - min(waits) > 0.3  # twelve draws from [0, 2) lie closer once in ten million times


@pytest.mark.aws("Step Functions", "Retry: MaxAttempts 0 never retries", "exact")
def test_zero_attempts_never_retry(run: Callable[..., Any]) -> None:
    never = {"ErrorEquals": ["BusyError"], "MaxAttempts": 0}
    always = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}
    described = run({"run": uuid.uuid4().hex, "failures": 1}, Retry=[never, always])
    assert (described["status"], described["error"]) == ("FAILED", "BusyError")


@pytest.mark.aws("Step Functions", "States.ALL must be alone and last", "exact")
@pytest.mark.parametrize("rules", [[["States.ALL", "BusyError"]], [["States.ALL"], ["BusyError"]]])
@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_a_wildcard_must_be_alone_and_last(client: Any, function: str, role: str, field: str, rules: Any) -> None:
    task = {"Resource": function, field: [{"ErrorEquals": errors, "Next": "Caught"} for errors in rules]}
    with pytest.raises(
        ClientError, match=r"InvalidDefinition.*States.ALL must appear alone and at end of list at /Sta"
    ):
        create_machine(client, task, role)


@pytest.mark.aws("Step Functions", "a task over its TimeoutSeconds is States.Timeout", "exact")
@pytest.mark.parametrize(
    ("errors", "status"),
    [("States.Timeout", "SUCCEEDED"), ("States.ALL", "SUCCEEDED"), ("States.TaskFailed", "FAILED")],
)
def test_a_task_times_out(run: Callable[..., Any], errors: str, status: str) -> None:
    described = run({"sleep": 1.5}, TimeoutSeconds=1, Catch=catch(errors))
    assert described["status"] == status
    assert (
        json.loads(described["output"]) == {"Error": "States.Timeout", "Cause": ""} if status == "SUCCEEDED" else True
    )
    assert described.get("error", "States.Timeout") == "States.Timeout"


@pytest.mark.aws("Step Functions", "an execution over the TimeoutSeconds of its definition is TIMED_OUT", "exact")
def test_an_execution_times_out(client: Any, function: str, role: str) -> None:
    machine = create_machine(client, {"Resource": function}, role, TimeoutSeconds=1)
    described = ended(client, start(client, machine, {"sleep": 1.5}))
    assert (described["status"], described["error"]) == ("TIMED_OUT", "States.Timeout")


@pytest.mark.aws("Step Functions", "an execution that was stopped stays ABORTED", "exact")
def test_a_stopped_execution_stays_stopped(client: Any, function: str, role: str) -> None:
    machine = create_machine(client, {"Resource": function}, role)
    execution = start(client, machine, {"run": uuid.uuid4().hex, "failures": 9, "sleep": 0.5})
    wait_for(lambda: "LambdaFunctionStarted" in event_types(client, execution), 10, pause=0.02)
    client.stop_execution(executionArn=execution)
    time.sleep(1)
    assert client.describe_execution(executionArn=execution)["status"] == "ABORTED"


# Errors of Lambda --------------------------------------------------------------------------------------------------


@pytest.mark.aws("Step Functions", "a function's error has the name of its class, and its payload as Cause", "exact")
def test_a_function_s_error_is_named_by_its_class(run: Callable[..., Any]) -> None:
    described = run({"run": uuid.uuid4().hex, "failures": 1})
    assert (described["status"], described["error"]) == ("FAILED", "BusyError")
    assert json.loads(described["cause"])["errorMessage"] == "busy"
    assert run({"run": uuid.uuid4().hex, "failures": 1}, Catch=catch("States.TaskFailed"))["status"] == "SUCCEEDED"


@pytest.mark.aws(
    "Step Functions",
    "a function that times out or runs out of memory",
    "approximate",
    "Sandbox.Timedout and Runtime.OutOfMemory as with newer runtimes; older ones gave Lambda.Unknown",
)
@pytest.mark.parametrize(
    ("event", "error"), [({"sleep": 6}, "Sandbox.Timedout"), ({"allocate": 300_000_000}, "Runtime.OutOfMemory")]
)
def test_the_platform_s_errors_keep_their_names(run: Callable[..., Any], event: dict[str, int], error: str) -> None:
    described = run(event)
    assert (described["status"], described["error"]) == ("FAILED", error)
    assert json.loads(described["cause"])["errorMessage"].startswith("RequestId: ")


@pytest.mark.aws(
    "Step Functions", "a throttled function is Lambda.TooManyRequestsException, which Retry matches", "exact"
)
def test_throttling_is_named_and_retried(client: Any, function: str, role: str) -> None:
    lambda_ = boto3.client("lambda")
    retrier = {
        "ErrorEquals": ["Lambda.TooManyRequestsException"],
        "IntervalSeconds": 1,
        "BackoffRate": 1,
        "MaxAttempts": 9,
    }
    patient = create_machine(client, {"Resource": function, "Retry": [retrier]}, role)
    hasty = create_machine(client, {"Resource": function}, role)
    lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        waiting = start(client, patient, {})
        described = ended(client, start(client, hasty, {}))
    finally:
        lambda_.delete_function_concurrency(FunctionName=function)
    assert (described["status"], described["error"]) == ("FAILED", "Lambda.TooManyRequestsException")
    assert described["cause"].startswith("Rate Exceeded. (Service: AWSLambda; Status Code: 429; ")
    assert ended(client, waiting)["status"] == "SUCCEEDED"


@pytest.mark.aws("Step Functions", "the role of the state machine invokes the functions", "exact")
def test_without_permission_the_task_fails(client: Any, function: str) -> None:
    name = f"{NAME}-nobody"
    machine = create_machine(client, {"Resource": function}, create_role(name, "states"))
    described = ended(client, start(client, machine, {}))
    assert (described["status"], described["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert f":assumed-role/{name}/" in described["cause"]
    denial = f"is not authorized to perform: lambda:InvokeFunction on resource: {function} because no identity-based"
    assert denial in described["cause"]
    assert "Status Code: 403; Error Code: AccessDeniedException" in described["cause"]


@pytest.mark.aws("Step Functions", "permission to invoke a function does not cover its versions and aliases", "exact")
def test_a_version_needs_a_permission_of_its_own(client: Any, function: str, role: str) -> None:
    version = boto3.client("lambda").publish_version(FunctionName=function)["FunctionArn"]
    refused = ended(client, start(client, create_machine(client, {"Resource": version}, role), {}))
    assert f"on resource: {version} because" in refused["cause"]
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": version}
    allowed = create_role(f"{NAME}-version", "states", statement)
    assert ended(client, start(client, create_machine(client, {"Resource": version}, allowed), {}))["output"] == '""'


@pytest.mark.aws("Step Functions", "a function that does not exist is Lambda.ResourceNotFoundException", "exact")
def test_a_missing_function_is_named(run: Callable[..., Any], function: str) -> None:
    described = run({}, Resource=f"{function}-gone")
    assert described["error"] == "Lambda.ResourceNotFoundException"
    assert described["cause"].startswith(f"Function not found: {function}-gone (Service: AWSLambda; Status Code: 404; ")


@pytest.mark.aws("Step Functions", "the history of an execution, event by event", "exact")
def test_the_history_tells_what_happened(client: Any, run: Callable[..., Any]) -> None:
    assert event_types(client, run({})["executionArn"]) == [
        "ExecutionStarted",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def event_types(client: Any, execution: str) -> list[str]:
    return [event["type"] for event in client.get_execution_history(executionArn=execution)["events"]]


def test_an_execution_begins_at_once(client: Any, role: str) -> None:
    machine = create_machine(client, {"Type": "Pass"}, role)
    executions = [ended(client, start(client, machine, {})) for _ in range(5)]
    assert min((one["stopDate"] - one["startDate"]).total_seconds() for one in executions) < 0.1


# Many at once ------------------------------------------------------------------------------------------------------


@pytest.mark.aws("Step Functions", "many executions at once: none is lost, none times out while it waits", "exact")
def test_a_hundred_executions_at_once_all_succeed(client: Any, function: str, role: str) -> None:
    # The last ones queue longer than TimeoutSeconds: here 100 x 0.1 s of work at four places.
    task = {"Resource": function, "Arguments": {"sleep": 0.1, "length": 1}, "TimeoutSeconds": 2}
    machine = create_machine(client, task, role)
    with ThreadPoolExecutor(20) as pool:
        started = list(pool.map(lambda number: start(client, machine, {"number": number}), range(100)))
    statuses = [ended(client, execution)["status"] for execution in started]
    assert statuses == ["SUCCEEDED"] * 100


@pytest.mark.aws(
    "CloudWatch", "AWS/States metrics: Executions Started, Succeeded, Failed, Aborted, TimedOut and Time", "exact"
)
def test_executions_are_counted(client: Any, function: str, role: str) -> None:
    machine = create_machine(client, {"Resource": function}, role)
    for event in ({}, {}, {"run": uuid.uuid4().hex, "failures": 1}):
        ended(client, start(client, machine, event))
    assert metric(machine, "ExecutionsStarted") == 3
    assert metric(machine, "ExecutionsSucceeded") == 2
    assert metric(machine, "ExecutionsFailed") == 1
    assert 0 < metric(machine, "ExecutionTime") < 30_000  # milliseconds of three


def metric(machine: str, name: str) -> float:
    """Return the sum of a metric's values."""
    now = datetime.now(UTC)
    points: Any = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/States",
        MetricName=name,
        Dimensions=[{"Name": "StateMachineArn", "Value": machine}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))
