"""Executions of small definitions, with functions that are Python's."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localcloud.step_functions import execution
from localcloud.step_functions.execution import Execution, Services
from localcloud.step_functions.history import Event, History
from localcloud.step_functions.interpreter.branch import Answer, Invocation, Invoke, TakePlace
from localcloud.step_functions.maps.distributed import distribute

ACCOUNT = "arn:aws:states:us-east-1:111111111111"
FUNCTION = "arn:aws:lambda:us-east-1:111111111111:function:classify"
INVOKE = "arn:aws:states:::lambda:invoke"
ROLE = "arn:aws:iam::111111111111:role/machine"
PASS = {"Type": "Pass"}
TASK = {"Type": "Task", "Resource": FUNCTION}

Function = Callable[[Any], Any]


class FunctionError(Exception):
    """When a function of a test fails; its arguments are errorType and errorMessage."""


class Functions:
    """Answers invocations in the calling thread, and keeps them."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.invocations: list[Invocation] = []

    def invoke(self, invocation: Invocation) -> Answer:
        self.invocations.append(invocation)
        invocation.begun()
        try:
            answer = self.function(json.loads(invocation.payload))
        except FunctionError as err:
            payload = json.dumps({"errorMessage": err.args[1], "errorType": err.args[0]}).encode()
            return Answer(payload, "$LATEST", "request", is_error=True)
        return Answer(json.dumps(answer).encode(), "$LATEST", "request")


def allow_everything(role_arn: str, action: str, resource_arn: str) -> None:
    """Deny nothing."""


logged: list[tuple[str, int, Event]] = []  # ARN of the execution, id, event


def log(followed: Execution, number: int, event: Event) -> None:
    """Keep what an execution logs."""
    logged.append((followed.arn, number, event))


def connect(
    invoke: Invoke,
    bucket: Any = None,
    denial: Callable[[str, str, str], str | None] = allow_everything,
    take_place: TakePlace = lambda function: None,
) -> None:
    """Let executions call these functions, and have this bucket as S3."""
    execution.connect(Services(invoke, distribute, lambda role, region: bucket, denial, take_place, log))


def execution_of(definition: dict[str, Any], given: Any = None, kind: str = "STANDARD") -> Execution:
    """Return an execution that has not started."""
    return Execution(
        arn=f"{ACCOUNT}:execution:machine:run",
        name="run",
        machine_arn=f"{ACCOUNT}:stateMachine:machine",
        role_arn=ROLE,
        kind=kind,
        definition=definition,
        input=json.dumps({} if given is None else given, separators=(",", ":")),
        started=datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC),
        history=History(limit=None) if kind == "EXPRESS" else History(),
    )


def run(definition: dict[str, Any], given: Any = None, function: Function = lambda event: event) -> Execution:
    """Run a definition and return its execution."""
    connect(Functions(function).invoke)
    found = execution_of(definition, given)
    execution.run(found)
    return found


def wait_for_event(found: Execution, kind: str) -> None:
    deadline = time.monotonic() + 30
    while kind not in types(found):
        assert time.monotonic() < deadline, types(found)
        time.sleep(0.005)


def machine(*states: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a definition of states A, B, ... that follow one another."""
    names = [chr(ord("A") + number) for number in range(len(states))]
    chained = {}
    for number, (name, state) in enumerate(zip(names, states, strict=True)):
        last = number == len(states) - 1
        goes_on = state["Type"] in ("Choice", "Fail", "Succeed") or "Next" in state or "End" in state
        following = {} if goes_on else {"End": True} if last else {"Next": names[number + 1]}
        chained[name] = {**state, **following}
    return {"StartAt": "A", "States": chained, **more}


def output(found: Execution) -> Any:
    """Return what a successful execution gave."""
    assert found.status == "SUCCEEDED", (found.error, found.cause)
    assert found.output is not None
    return json.loads(found.output)


def types(found: Execution) -> list[str]:
    return [event["type"] for event in found.history.events()]


def chain(found: Execution) -> list[tuple[str, int]]:
    """Return the type and the previous event of each event."""
    return [(event["type"], event["previousEventId"]) for event in found.history.events()]


def details(found: Execution, kind: str, number: int = 0) -> Any:
    """Return what an event of this type tells; None when it has no details."""
    event = [event for event in found.history.events() if event["type"] == kind][number]
    told = [value for name, value in event.items() if name.endswith("EventDetails")]
    return told[0] if told else None
