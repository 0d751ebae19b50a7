"""Small state machines that AWS answers in a known way: refusals, results, errors and histories."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.functions import create_function
from tests.integration.support.iam import create_role
from tests.integration.support.names import NAME
from tests.integration.support.state_machines import Case, parameters
from tests.integration.support.waiting import wait_for

CODE = """
import time

def lambda_handler(event, context):
    if isinstance(event, dict):
        time.sleep(event.get("sleep", 0))
    if isinstance(event, dict) and "raise" in event:
        raise type(event["raise"], (Exception,), {})(event.get("message", ""))
    return event["return"] if isinstance(event, dict) and "return" in event else event
"""
CASES = parameters()
Create = Callable[[Case], str]


@pytest.fixture(scope="module")
def client(aws: dict[str, str]) -> Any:
    return boto3.client("stepfunctions")


@pytest.fixture(scope="module")
def function(aws: dict[str, str]) -> str:
    return create_function(f"{NAME}-table", create_role(f"{NAME}-table", "lambda"), CODE, Timeout=10, MemorySize=128)


@pytest.fixture(scope="module")
def create(client: Any, function: str) -> Create:
    """Return a function that creates a case's state machine and returns its ARN."""
    functions = [function, f"{function}:*"]
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": functions}
    role = create_role(f"{NAME}-table-machine", "states", statement)

    def create(case: Case) -> str:
        definition = case.definition(substitutions(client, function))
        name = f"{NAME}-{uuid.uuid4().hex[:8]}"
        machine = client.create_state_machine(name=name, definition=definition, roleArn=role)
        arn: str = machine["stateMachineArn"]
        return arn

    return create


@pytest.fixture(scope="module")
def executions(create: Create, client: Any) -> dict[tuple[str, str], str | ClientError]:
    """Start the executions of all cases, so that those that wait do so together; or say why one did not start."""
    started: dict[tuple[str, str], str | ClientError] = {}
    for case in (entry.values[0] for entry in CASES if "status" in entry.values[0].answer):
        try:
            machine, given = create(case), json.dumps(case.answer.get("input", {}))
            started[case.group, case.name] = client.start_execution(stateMachineArn=machine, input=given)[
                "executionArn"
            ]
        except ClientError as err:
            started[case.group, case.name] = err
    return started


def substitutions(client: Any, function: str) -> dict[str, str]:
    return {"Function": function, "Region": client.meta.region_name}


def cases_with(field: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [entry for entry in CASES if field in entry.values[0].answer])


def test_each_case_has_one_answer_and_its_source() -> None:
    for entry in CASES:
        case: Case = entry.values[0]
        assert case.source.startswith("https://"), case.name
        assert {"refused", "diagnostics", "status"} & case.answer.keys(), case.name
    assert len({entry.id for entry in CASES}) == len(CASES) >= 60


@cases_with("refused")
def test_create_state_machine_refuses(case: Case, create: Create) -> None:
    with pytest.raises(ClientError) as raised:
        create(case)
    error = raised.value.response["Error"]
    answer = case.answer["refused"]
    assert error["Code"] == answer.get("code", "InvalidDefinition"), case.source
    for part in answer.get("says", []):
        assert part in error["Message"], case.source
    assert error["Message"] == answer.get("message", error["Message"]), case.source


@cases_with("diagnostics")
def test_validate_state_machine_definition_answers(case: Case, client: Any, function: str) -> None:
    definition = case.definition(substitutions(client, function))
    kind = case.answer.get("kind", "STANDARD")
    validated = client.validate_state_machine_definition(definition=definition, type=kind)
    assert len(validated["diagnostics"]) == len(case.answer["diagnostics"]), (validated["diagnostics"], case.source)
    for found, expected in zip(validated["diagnostics"], case.answer["diagnostics"], strict=True):
        assert found | expected == found, case.source
    severities = {found["severity"] for found in validated["diagnostics"]}
    assert validated["result"] == ("FAIL" if "ERROR" in severities else "OK"), case.source


@cases_with("status")
def test_an_execution_ends_as_on_aws(
    case: Case, executions: dict[tuple[str, str], str | ClientError], client: Any, function: str
) -> None:
    started = executions[case.group, case.name]
    assert isinstance(started, str), (started, case.source)
    execution = ended(client, started)
    events = client.get_execution_history(executionArn=started, maxResults=1000)["events"]
    check_result(execution, case)
    if "history" in case.answer:
        replaced = json.dumps(case.answer["history"])
        for name, value in substitutions(client, function).items():
            replaced = replaced.replace(f"${{{name}}}", value)
        check_history(events, json.loads(replaced), case)
    if "previous" in case.answer:
        assert [event["previousEventId"] for event in events] == case.answer["previous"], case.source


def ended(client: Any, execution: str) -> dict[str, Any]:
    """Wait for the end of an execution and return its description."""

    def described() -> Any:
        found = client.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    description: dict[str, Any] = wait_for(described, 60, pause=0.02)
    return description


def check_result(execution: dict[str, Any], case: Case) -> None:
    answer = case.answer
    told = {name: execution.get(name) for name in ("status", "output", "error", "cause")}
    assert execution["status"] == answer["status"], (told, case.source)
    if "output" in answer:
        assert json.loads(execution["output"]) == answer["output"], case.source
    if "error" in answer:
        assert execution.get("error") == answer["error"], (told, case.source)
    if "cause" in answer:
        assert execution.get("cause") == answer["cause"], (told, case.source)
    for part in answer.get("says", []):
        assert part in execution["cause"], case.source
    if answer["status"] != "SUCCEEDED":
        assert "output" not in execution, case.source


def check_history(events: list[dict[str, Any]], expected: list[Any], case: Case) -> None:
    """Compare the types of the events and, where an entry is {type: details}, the details that it names."""
    types = [entry if isinstance(entry, str) else next(iter(entry)) for entry in expected]
    assert [event["type"] for event in events] == types, case.source
    for event, entry in zip(events, expected, strict=True):
        if isinstance(entry, dict):
            found = details(event)
            for name, value in entry[event["type"]].items():
                assert json_value(found.get(name)) == value, (event, name, case.source)


def details(event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
    return found


def json_value(value: Any) -> Any:
    """Return what a text of JSON holds: inputs, outputs and parameters are texts in a history."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value
