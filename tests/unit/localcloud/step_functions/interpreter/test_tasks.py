"""Task states: what functions are sent, what the state gets, and what the history tells."""

import json
import threading
from typing import Any

import pytest

from localcloud.step_functions import execution
from localcloud.step_functions.interpreter.branch import Answer, Invocation
from localcloud.step_functions.interpreter.failures import TaskFailedError
from tests.unit.localcloud.step_functions.runs import (
    FUNCTION,
    INVOKE,
    PASS,
    ROLE,
    TASK,
    FunctionError,
    Functions,
    chain,
    connect,
    details,
    execution_of,
    machine,
    output,
    run,
    types,
)


def invoking(**arguments: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": FUNCTION, **arguments}}


def test_a_function_s_arn_has_its_own_events() -> None:
    found = run(machine({**TASK, "TimeoutSeconds": 9}), {"x": 1}, lambda event: {"y": event["x"]})
    assert output(found) == {"y": 1}
    assert chain(found)[1:] == [
        ("TaskStateEntered", 0),
        ("LambdaFunctionScheduled", 2),
        ("LambdaFunctionStarted", 3),
        ("LambdaFunctionSucceeded", 4),
        ("TaskStateExited", 5),
        ("ExecutionSucceeded", 6),
    ]
    scheduled = {"resource": FUNCTION, "input": '{"x":1}', "inputDetails": {"truncated": False}, "timeoutInSeconds": 9}
    assert details(found, "LambdaFunctionScheduled") == scheduled
    assert details(found, "LambdaFunctionStarted") is None
    succeeded = {"output": '{"y": 1}', "outputDetails": {"truncated": False}}
    assert details(found, "LambdaFunctionSucceeded") == succeeded


def test_lambda_invoke_has_the_events_of_a_service() -> None:
    state = {**invoking(Payload={"x": 1}), "TimeoutSeconds": 9, "HeartbeatSeconds": 3}
    found = run(machine(state), function=lambda event: {"y": event["x"]})
    assert types(found)[2:6] == ["TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]
    scheduled = details(found, "TaskScheduled")
    assert json.loads(scheduled.pop("parameters")) == {"FunctionName": FUNCTION, "Payload": {"x": 1}}
    service = {"resourceType": "lambda", "resource": "invoke"}
    assert scheduled == {**service, "region": "us-east-1", "timeoutInSeconds": 9, "heartbeatInSeconds": 3}
    assert details(found, "TaskStarted") == service
    succeeded = details(found, "TaskSucceeded")
    assert succeeded.pop("output") == found.output
    assert succeeded == {**service, "outputDetails": {"truncated": False}}


def test_lambda_invoke_answers_all_that_the_service_answers() -> None:
    answer = output(run(machine(invoking(Payload={})), function=lambda _: {"y": 1}))
    assert set(answer) == {"ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"}
    assert (answer["ExecutedVersion"], answer["Payload"], answer["StatusCode"]) == ("$LATEST", {"y": 1}, 200)
    assert answer["SdkResponseMetadata"] == {"RequestId": "request"}
    headers = answer["SdkHttpMetadata"]["HttpHeaders"]
    assert headers["Content-Length"] == str(len('{"y": 1}'))
    assert set(headers) == {
        "Connection",
        "Content-Length",
        "Content-Type",
        "Date",
        "X-Amz-Executed-Version",
        "X-Amzn-Trace-Id",
        "x-amzn-Remapped-Content-Length",
        "x-amzn-RequestId",
    }
    assert answer["SdkHttpMetadata"]["AllHttpHeaders"] == {name: [value] for name, value in headers.items()}
    assert answer["SdkHttpMetadata"]["HttpStatusCode"] == 200


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        ({"Payload": '{"x": 1}'}, {"x": 1}),
        ({"Payload": "text"}, "text"),
        ({"Payload": [1]}, [1]),
        ({"Payload": None}, {}),
        ({}, {}),
    ],
)
def test_a_payload_is_sent_as_it_is(payload: dict[str, Any], sent: Any) -> None:
    assert output(run(machine(invoking(**payload))))["Payload"] == sent


def test_the_role_and_the_qualifier_go_with_the_call() -> None:
    functions = Functions(lambda event: event)
    connect(functions.invoke)
    for state in ({**TASK, "Resource": f"{FUNCTION}:2"}, invoking(Qualifier="live")):
        execution.run(execution_of(machine(state)))
    called = [(call.role_arn, call.function) for call in functions.invocations]
    assert called == [(ROLE, f"{FUNCTION}:2"), (ROLE, f"{FUNCTION}:live")]


def fails(event: Any) -> Any:
    raise FunctionError("Boom", "boom")


@pytest.mark.parametrize(
    ("state", "kind", "cause"),
    [
        (TASK, "LambdaFunctionFailed", '{"errorMessage": "boom", "errorType": "Boom"}'),
        (invoking(), "TaskFailed", '{"errorMessage":"boom","errorType":"Boom"}'),
    ],
)
def test_a_function_s_error_is_recorded(state: dict[str, Any], kind: str, cause: str) -> None:
    found = run(machine(state), function=fails)
    service = {"resourceType": "lambda", "resource": "invoke"} if kind == "TaskFailed" else {}
    assert details(found, kind) == {"error": "Boom", "cause": cause, **service}
    assert (found.error, found.cause) == ("Boom", cause)
    assert chain(found)[-2:] == [(kind, 4), ("ExecutionFailed", 5)]


def test_an_error_without_a_name_is_unknown() -> None:
    connect(lambda _: Answer(b'{"errorMessage": "m"}', "$LATEST", "r", is_error=True))
    found = execution_of(machine(TASK))
    execution.run(found)
    assert (found.error, found.cause) == (
        "Lambda.Unknown",
        "The cause could not be determined because Lambda did not return an error type. Returned payload: "
        '{"errorMessage": "m"}',
    )


def test_a_call_that_reaches_no_function_starts_and_fails() -> None:
    def invoke(invocation: Invocation) -> Answer:
        raise TaskFailedError("Lambda.ResourceNotFoundException", "Function not found")

    connect(invoke)
    found = execution_of(machine(invoking()))
    execution.run(found)
    assert types(found)[2:] == ["TaskScheduled", "TaskStarted", "TaskFailed", "ExecutionFailed"]
    assert found.error == "Lambda.ResourceNotFoundException"


@pytest.mark.parametrize(
    ("state", "kind", "name"),
    [(TASK, "LambdaFunctionFailed", FUNCTION), (invoking(), "TaskFailed", "lambda")],
)
def test_too_large_a_result_fails_the_task(state: dict[str, Any], kind: str, name: str) -> None:
    found = run(machine(state), function=lambda _: "x" * 262_145)
    assert details(found, kind)["error"] == "States.DataLimitExceeded"
    assert found.cause == (
        f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit."
    )


def test_too_large_an_argument_fails_the_state() -> None:
    found = run(machine({**TASK, "Parameters": {"a.$": "$", "b.$": "$"}}), "x" * 200_000)
    assert (found.error, types(found)[-2]) == ("States.DataLimitExceeded", "TaskStateEntered")


@pytest.mark.parametrize(
    ("state", "kind", "caught"),
    [
        ({**TASK, "TimeoutSeconds": 1}, "LambdaFunctionTimedOut", "States.Timeout"),
        ({**invoking(), "TimeoutSecondsPath": "$.one"}, "TaskTimedOut", "States.ALL"),
        ({**invoking(), "TimeoutSeconds": 9, "HeartbeatSeconds": 1}, "TaskTimedOut", "States.HeartbeatTimeout"),
    ],
)
def test_a_task_that_takes_too_long_times_out(state: dict[str, Any], kind: str, caught: str) -> None:
    release = threading.Event()
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "C"}, {"ErrorEquals": [caught], "Next": "B"}]
    if caught == "States.ALL":
        catch = catch[1:]
    found = run(machine({**state, "Catch": catch}, PASS, PASS), {"one": 1}, lambda _: release.wait(20))
    release.set()
    assert output(found) == {"Error": "States.Timeout", "Cause": ""}
    service = {"resourceType": "lambda", "resource": "invoke"} if kind == "TaskTimedOut" else {}
    assert details(found, kind) == {"error": "States.Timeout", **service}


def test_the_time_of_a_task_begins_when_its_function_runs() -> None:
    def invoke(invocation: Invocation) -> Answer:
        threading.Event().wait(1.2)  # in Lambda's queue
        invocation.begun()
        return Answer(b"{}", "$LATEST", "request")

    connect(invoke)
    found = execution_of(machine({**TASK, "TimeoutSeconds": 1}))
    execution.run(found)
    assert found.status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"Resource": "arn:aws:states:::sqs:sendMessage"}, "arn:aws:states:::sqs:sendMessage as a task."),
        ({"Credentials": {"RoleArn": ROLE}}, "the Credentials of a Task state."),
        (invoking(InvocationType="Event"), "lambda:invoke with InvocationType Event."),
    ],
)
def test_what_is_not_emulated_is_named(fields: dict[str, Any], named: str) -> None:
    found = run(machine({**TASK, **fields}))
    assert found.error == "States.Runtime" and found.cause is not None
    assert found.cause.endswith(f"The local cloud does not emulate {named}")


def test_the_retry_count_is_in_the_context() -> None:
    counts = []

    def function(event: Any) -> Any:
        counts.append(event["count"])
        return fails(event)

    retry = [{"ErrorEquals": ["Boom"], "MaxAttempts": 2, "IntervalSeconds": 0}]
    run(machine({**TASK, "Parameters": {"count.$": "$$.State.RetryCount"}, "Retry": retry}), function=function)
    assert counts == [0, 1, 2]


class Places:
    """Counts the places that calls have taken."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = self.peak = 0

    def take(self, function: str) -> "Places.One":
        self.taken += self.taken < self.most
        self.peak = max(self.peak, self.taken)
        return self.One(self, self.taken == self.most)

    class One:
        def __init__(self, places: "Places", is_refused: bool) -> None:
            self.places, self.is_refused = places, is_refused

        def release(self) -> None:
            self.places.taken -= 1


def test_calls_take_their_places_when_they_are_scheduled_not_when_a_thread_is_free() -> None:
    """Of 200 calls at once, a few run at a time here; on AWS all would."""
    places, all_scheduled = Places(most=1000), threading.Event()

    def invoke(invocation: Invocation) -> Answer:
        invocation.begun()
        assert all_scheduled.wait(20)
        return Answer(b"1", "$LATEST", "request")

    def take_place(function: str) -> Any:
        place = places.take(function)
        if places.taken == 200:
            all_scheduled.set()
        return place

    connect(invoke, take_place=take_place)
    iterations = {"Type": "Map", "Iterator": machine(TASK), "ItemsPath": "$"}
    found = execution_of(machine({"Type": "Parallel", "Branches": [machine(iterations)] * 5}), [0] * 40)
    execution.run(found)
    assert (found.status, places.peak, places.taken) == ("SUCCEEDED", 200, 0)


def test_a_call_that_is_refused_its_place_fails_at_once() -> None:
    def invoke(invocation: Invocation) -> Answer:
        assert invocation.place.is_refused
        raise TaskFailedError("Lambda.TooManyRequestsException", "Rate Exceeded.")

    connect(invoke, take_place=Places(most=0).take)
    found = execution_of(machine(TASK))
    execution.run(found)
    assert (found.status, found.error) == ("FAILED", "Lambda.TooManyRequestsException")
    assert types(found)[2:5] == ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed"]
