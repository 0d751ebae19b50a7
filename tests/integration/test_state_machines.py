"""State machines through boto3: their definitions, names, versions and aliases, and what is told about executions."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.definitions.accepted import VALID, WARNED
from tests.integration.support.definitions.refused import REFUSED, REFUSED_AS_EXPRESS
from tests.integration.support.iam import client_of_role, create_role
from tests.integration.support.names import NAME
from tests.integration.support.waiting import wait_for

PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
OTHER = {"StartAt": "B", "States": {"B": {"Type": "Pass", "Result": 2, "End": True}}}
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}

Create = Callable[..., str]


@pytest.fixture(scope="module")
def client(aws: dict[str, str]) -> Any:
    return boto3.client("stepfunctions")


@pytest.fixture(scope="module")
def role(aws: dict[str, str]) -> str:
    return create_role(f"{NAME}-passes", "states")


@pytest.fixture(scope="module")
def create(client: Any, role: str) -> Create:
    """Return a function that creates a state machine under a name of its own and returns its ARN."""

    def create_machine(definition: Any = PASS, **settings: Any) -> str:
        given = {"name": unique(), "roleArn": role, "definition": json.dumps(definition), **settings}
        return str(client.create_state_machine(**given)["stateMachineArn"])

    return create_machine


def unique() -> str:
    return f"{NAME}-{uuid.uuid4().hex[:8]}"


def ended(client: Any, arn: str) -> Any:
    def described() -> Any:
        found = client.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    return wait_for(described, 20, pause=0.02)


def refused(action: Callable[..., Any], **given: Any) -> tuple[str, str]:
    """Return code and message of a request that is refused."""
    with pytest.raises(ClientError) as caught:
        action(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# Definitions -----------------------------------------------------------------------------------------------------


def diagnostics(client: Any, definition: Any, **given: Any) -> Any:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    return client.validate_state_machine_definition(definition=text, **given)


@pytest.mark.correction(name="step-functions")
@pytest.mark.aws(
    "Step Functions",
    "definitions are refused by Create-, Update- and ValidateStateMachineDefinition",
    "approximate",
    "in AWS's words as far as they are published; a resource that is not emulated is refused with NOT_EMULATED",
)
def test_definitions_are_answered_as_on_aws(client: Any) -> None:
    cases = [
        *((one, "STANDARD") for one in REFUSED.values()),
        *((one, "EXPRESS") for one in REFUSED_AS_EXPRESS.values()),
    ]
    for (definition, expected), kind in cases:
        answer = diagnostics(client, definition, type=kind)
        found = [f"{one['code']}: {one['message']} at {one.get('location', 'null')}" for one in answer["diagnostics"]]
        assert (answer["result"], found) == ("FAIL", expected)
    for definition in VALID.values():
        answer = diagnostics(client, definition, severity="WARNING")
        assert (answer["result"], answer["diagnostics"], answer["truncated"]) == ("OK", [], False)


@pytest.mark.aws(
    "Step Functions",
    "warnings of ValidateStateMachineDefinition",
    "approximate",
    "published answers of AWS call an unreachable state an error",
)
def test_warnings_are_told_when_they_are_asked_for(client: Any) -> None:
    for definition, code, location in WARNED.values():
        assert diagnostics(client, definition)["diagnostics"] == []
        answer = diagnostics(client, definition, severity="WARNING")
        (found,) = answer["diagnostics"]
        assert (answer["result"], found["severity"]) == ("OK", "WARNING")
        assert (found["code"], found["location"]) == (code, location)


def test_diagnostics_are_cut(client: Any) -> None:
    two = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "f", "Next": "B"}, "C": {"Type": "Succeed"}}}
    answer = diagnostics(client, two, maxResults=1)
    assert (len(answer["diagnostics"]), answer["truncated"]) == (1, True)


def test_a_state_machine_is_neither_created_nor_updated_with_a_wrong_definition(client: Any, create: Create) -> None:
    wrong = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Succeed"}}})
    sentence = (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next'"
    )
    with pytest.raises(ClientError) as caught:
        create(definition=json.loads(wrong))
    assert caught.value.response["Error"] == {"Code": "InvalidDefinition", "Message": sentence}
    arn = create()
    assert refused(client.update_state_machine, stateMachineArn=arn, definition=wrong) == (
        "InvalidDefinition",
        sentence,
    )
    assert json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"]) == PASS


@pytest.mark.aws("Step Functions", "a definition has at most 1,048,576 characters", "exact")
def test_a_definition_over_1_mb_is_refused(client: Any, create: Create) -> None:
    frame = len(json.dumps({**PASS, "Comment": ""}))
    create({**PASS, "Comment": "x" * (1_048_576 - frame)})
    with pytest.raises(ClientError, match=r"ValidationException.*less than or equal to 1048576"):
        create({**PASS, "Comment": "x" * (1_048_577 - frame)})


# Names and ARNs --------------------------------------------------------------------------------------------------


@pytest.mark.aws("Step Functions", "names of state machines and executions", "exact")
@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "a*", "a\n", "a#", "x" * 81])
def test_a_name_with_other_characters_is_refused(client: Any, create: Create, name: str) -> None:
    given = {"name": name, "definition": json.dumps(PASS), "roleArn": "arn:aws:iam::000000000000:role/r"}
    assert refused(client.create_state_machine, **given) == ("InvalidName", f"Invalid Name: '{name}'")
    assert refused(client.start_execution, stateMachineArn=create(), name=name)[0] == "InvalidName"


def test_malformed_arns_are_refused(client: Any) -> None:
    given = {"name": unique(), "definition": json.dumps(PASS)}
    assert refused(client.create_state_machine, **given, roleArn="r") == ("InvalidArn", "Invalid Role Arn: 'r'")
    for arn in ("machine", "arn:aws:states:us-east-1:000000000000:machine:m"):
        assert refused(client.describe_state_machine, stateMachineArn=arn)[0] == "InvalidArn"
    missing = "arn:aws:states:us-east-1:000000000000:stateMachine:gone"
    expected = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{missing}'")
    assert refused(client.describe_state_machine, stateMachineArn=missing) == expected
    assert refused(client.start_execution, stateMachineArn=missing) == expected


def test_what_is_not_emulated_is_named(client: Any) -> None:
    code, message = refused(client.create_activity, name="a")
    assert (code, message) == ("UnknownOperationException", "The local cloud does not emulate states:CreateActivity.")


# State machines --------------------------------------------------------------------------------------------------


@pytest.mark.aws("Step Functions", "CreateStateMachine answers the same request again, and refuses another", "exact")
def test_a_state_machine_is_created_once(client: Any, role: str) -> None:
    given = {"name": unique(), "definition": json.dumps(PASS), "roleArn": role}
    arn = client.create_state_machine(**given, tags=[{"key": "team", "value": "scones"}])["stateMachineArn"]
    assert client.create_state_machine(**given)["stateMachineArn"] == arn
    other = {**given, "definition": json.dumps(OTHER)}
    expected = ("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
    assert refused(client.create_state_machine, **other) == expected
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": "scones"}]


def test_tags_are_changed(client: Any, create: Create) -> None:
    arn = create(tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    client.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "3"}])
    client.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "3"}]


@pytest.mark.aws(
    "Step Functions", "an update changes what it names; executions keep the revision they started with", "exact"
)
def test_an_update_changes_what_it_names(client: Any, create: Create) -> None:
    arn = create(WAIT)
    running = client.start_execution(stateMachineArn=arn)["executionArn"]
    before = client.describe_state_machine(stateMachineArn=arn)
    updated = client.update_state_machine(stateMachineArn=arn, definition=json.dumps(PASS))
    after = client.describe_state_machine(stateMachineArn=arn)
    assert (after["roleArn"], json.loads(after["definition"])) == (before["roleArn"], PASS)
    assert after["revisionId"] == updated["revisionId"]
    assert (
        client.update_state_machine(stateMachineArn=arn, definition=json.dumps(PASS))["revisionId"]
        == after["revisionId"]
    )
    started_with = client.describe_state_machine_for_execution(executionArn=running)["definition"]
    assert json.loads(started_with) == WAIT
    client.stop_execution(executionArn=running, error="E", cause="enough")
    assert (ended(client, running)["error"], ended(client, running)["cause"]) == ("E", "enough")
    assert refused(client.update_state_machine, stateMachineArn=arn)[0] == "MissingRequiredParameter"


@pytest.mark.aws("Step Functions", "a state machine that is deleted ends its executions", "exact")
def test_a_deleted_state_machine_is_gone(client: Any, create: Create) -> None:
    arn = create(WAIT)
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    client.delete_state_machine(stateMachineArn=arn)
    client.delete_state_machine(stateMachineArn=arn)  # as on AWS, once more is no error
    assert arn not in [one["stateMachineArn"] for one in client.list_state_machines()["stateMachines"]]
    assert refused(client.describe_execution, executionArn=execution)[0] == "ExecutionDoesNotExist"


# Versions and aliases ----------------------------------------------------------------------------------------------


@pytest.mark.aws("Step Functions", "versions are published once a revision, and never change", "exact")
def test_versions_keep_their_definition(client: Any, create: Create) -> None:
    arn = create()
    first = client.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    assert first == f"{arn}:1"
    assert client.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == first
    client.update_state_machine(stateMachineArn=arn, definition=json.dumps(OTHER))
    stale = {"stateMachineArn": arn, "revisionId": "INITIAL"}
    assert refused(client.publish_state_machine_version, **stale)[0] == "ConflictException"
    second = client.publish_state_machine_version(stateMachineArn=arn, description="two")["stateMachineVersionArn"]
    listed = client.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [one["stateMachineVersionArn"] for one in listed] == [second, first]
    assert json.loads(client.describe_state_machine(stateMachineArn=first)["definition"]) == PASS
    assert client.describe_state_machine(stateMachineArn=second)["description"] == "two"
    client.delete_state_machine_version(stateMachineVersionArn=second)
    client.update_state_machine(stateMachineArn=arn, definition=json.dumps(WAIT), publish=True)
    assert client.describe_state_machine(stateMachineArn=f"{arn}:3")["status"] == "ACTIVE"  # no number comes twice


@pytest.mark.aws("Step Functions", "an alias leads to one version, or to two by their weights", "exact")
def test_an_alias_leads_to_versions_by_weight(client: Any, create: Create) -> None:
    arn = create(publish=True)
    client.update_state_machine(stateMachineArn=arn, definition=json.dumps(OTHER), publish=True)
    first, second = f"{arn}:1", f"{arn}:2"
    routes = [{"stateMachineVersionArn": first, "weight": 50}, {"stateMachineVersionArn": second, "weight": 50}]
    alias = client.create_state_machine_alias(name="live", routingConfiguration=routes)["stateMachineAliasArn"]
    assert alias == f"{arn}:live"
    started = [client.start_execution(stateMachineArn=alias)["executionArn"] for _ in range(40)]
    described = [ended(client, one) for one in started]
    counts = Counter(one["stateMachineVersionArn"] for one in described)
    assert counts.keys() == {first, second}  # 40 draws are all the same once in 5e11 times
    assert {one["stateMachineAliasArn"] for one in described} == {alias}
    assert {one["stateMachineArn"] for one in described} == {arn}
    outputs = {one["stateMachineVersionArn"]: one["output"] for one in described}
    assert outputs == {first: "{}", second: "2"}
    assert len(client.list_executions(stateMachineArn=first)["executions"]) == counts[first]
    assert len(client.list_executions(stateMachineArn=alias)["executions"]) == 40
    code, message = refused(client.delete_state_machine_version, stateMachineVersionArn=first)
    assert (code, "[live]" in message) == ("ConflictException", True)
    moved = [{"stateMachineVersionArn": second, "weight": 100}]
    client.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=moved)
    assert client.describe_state_machine_alias(stateMachineAliasArn=alias)["routingConfiguration"] == moved
    client.delete_state_machine_version(stateMachineVersionArn=first)
    listed = client.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"]
    assert [one["stateMachineAliasArn"] for one in listed] == [alias]
    client.delete_state_machine_alias(stateMachineAliasArn=alias)
    assert refused(client.start_execution, stateMachineArn=alias)[0] == "StateMachineDoesNotExist"


@pytest.mark.aws("IAM", "permission on a state machine's alias or version names it", "exact")
def test_an_alias_needs_a_permission_of_its_own(client: Any, create: Create) -> None:
    arn = create(publish=True)
    actions = ["states:CreateStateMachineAlias", "states:DescribeStateMachineAlias", "states:StartExecution"]
    may = client_of_role("stepfunctions", {"Effect": "Allow", "Action": actions, "Resource": f"{arn}:live"})
    routes = [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    alias = may.create_state_machine_alias(name="live", routingConfiguration=routes)["stateMachineAliasArn"]
    may.describe_state_machine_alias(stateMachineAliasArn=alias)
    may.start_execution(stateMachineArn=alias)
    for action, given in (
        (may.create_state_machine_alias, {"name": "other", "routingConfiguration": routes}),
        (may.start_execution, {"stateMachineArn": arn}),
        (may.delete_state_machine_alias, {"stateMachineAliasArn": alias}),
    ):
        assert refused(action, **given)[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [([100, 100], "distinct"), ([30], "must equal 100"), ([101], "less than or equal to 100")],
)
def test_wrong_weights_are_refused(client: Any, create: Create, weights: list[int], sentence: str) -> None:
    version = f"{create(publish=True)}:1"
    routes = [{"stateMachineVersionArn": version, "weight": weight} for weight in weights]
    code, message = refused(client.create_state_machine_alias, name="live", routingConfiguration=routes)
    assert (code, sentence in message) == ("ValidationException", True)


# Executions --------------------------------------------------------------------------------------------------------


@pytest.mark.aws("Step Functions", "StartExecution with the same name and input answers again while it runs", "exact")
def test_a_name_is_used_once(client: Any, create: Create) -> None:
    given = {"stateMachineArn": create(WAIT), "name": "one", "input": "{}"}
    first = client.start_execution(**given)
    again = client.start_execution(**given)
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    expected = ("ExecutionAlreadyExists", f"Execution Already Exists: '{first['executionArn']}'")
    assert refused(client.start_execution, **{**given, "input": "[]"}) == expected
    client.stop_execution(executionArn=first["executionArn"])
    assert refused(client.start_execution, **given) == expected


@pytest.mark.aws("Step Functions", "ListExecutions: newest first, in pages, by status", "exact")
def test_executions_are_listed_newest_first_in_pages(client: Any, create: Create) -> None:
    arn, started = create(), []
    for _ in range(5):
        started.append(client.start_execution(stateMachineArn=arn)["executionArn"])
        ended(client, started[-1])
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=arn, maxResults=2)
    found = [[one["executionArn"] for one in page["executions"]] for page in pages]
    assert found == [started[:2:-1], started[2:0:-1], started[:1]]
    assert client.list_executions(stateMachineArn=arn, statusFilter="FAILED")["executions"] == []
    assert refused(client.list_executions, stateMachineArn=arn, nextToken="x")[0] == "InvalidToken"


@pytest.mark.aws("Step Functions", "ListExecutions: by start while it runs, by end afterwards", "exact")
def test_what_has_ended_last_is_listed_before_what_has_started_before(client: Any, create: Create) -> None:
    arn = create(WAIT)
    started = [client.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(3)]
    client.stop_execution(executionArn=started[0])
    found = [one["executionArn"] for one in client.list_executions(stateMachineArn=arn)["executions"]]
    assert found == [started[0], started[2], started[1]]
    for one in started[1:]:
        client.stop_execution(executionArn=one)


@pytest.mark.aws("Step Functions", "GetExecutionHistory: in pages, in reverse order, without data", "exact")
def test_a_history_is_read_in_pages_and_in_reverse(client: Any, create: Create) -> None:
    arn = client.start_execution(stateMachineArn=create(), input='{"a": 1}')["executionArn"]
    ended(client, arn)
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn, maxResults=2)
    ids = [[event["id"] for event in page["events"]] for page in pages]
    assert ids == [[1, 2], [3, 4]]
    backwards = client.get_execution_history(executionArn=arn, reverseOrder=True, includeExecutionData=False)["events"]
    assert [event["id"] for event in backwards] == [4, 3, 2, 1]
    assert "input" not in backwards[-1]["executionStartedEventDetails"]


def test_a_failed_execution_has_no_output(client: Any, create: Create) -> None:
    machine = create({"StartAt": "F", "States": {"F": {"Type": "Fail", "Cause": "why"}}})
    failed = ended(client, client.start_execution(stateMachineArn=machine)["executionArn"])
    assert (failed["status"], failed["cause"]) == ("FAILED", "why")
    assert {"output", "error"} & failed.keys() == set()


@pytest.mark.aws(
    "Step Functions",
    "Express state machines: StartSyncExecution; nothing of them is listed",
    "approximate",
    "clients must be told not to prefix the host of this call with `sync-`",
)
def test_an_express_execution_answers_at_its_end(client: Any, create: Create) -> None:
    machine = create(OTHER, type="EXPRESS")
    answer = client.start_sync_execution(stateMachineArn=machine, input="[1]")
    assert (answer["status"], answer["output"], answer["input"]) == ("SUCCEEDED", "2", "[1]")
    assert ":express:" in answer["executionArn"]
    assert answer["billingDetails"]["billedDurationInMilliseconds"] % 100 == 0
    assert refused(client.list_executions, stateMachineArn=machine)[0] == "StateMachineTypeNotSupported"
    assert refused(client.describe_execution, executionArn=answer["executionArn"])[0] == "InvalidArn"
    client.start_execution(stateMachineArn=machine)


def test_a_standard_execution_is_not_started_synchronously(client: Any, create: Create) -> None:
    assert refused(client.start_sync_execution, stateMachineArn=create())[0] == "StateMachineTypeNotSupported"
