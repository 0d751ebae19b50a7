"""State machines in stacks: their definitions, versions and aliases, as SAM's AutoPublishAlias sends them."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.integration.support.iam import create_role
from tests.integration.support.names import NAME

RETAIN = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


@pytest.fixture(scope="module")
def role(aws: dict[str, str]) -> str:
    return create_role(f"{NAME}-stacked", "states")


@pytest.fixture
def stack(aws: dict[str, str]) -> Iterator[str]:
    name, client = f"{NAME}-machines-{uuid.uuid4().hex[:8]}", boto3.client("cloudformation")
    yield name
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def passing(result: Any) -> str:
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": result, "End": True}}})


def template(role: str, preference: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    """Return a template with a state machine and, with a preference, a version and the alias `live`."""
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": role, **properties}}
    if preference is None:
        return {"machine": machine}
    revision = {"StateMachineRevisionId": {"Fn::GetAtt": ["machine", "StateMachineRevisionId"]}}
    version = {
        "Type": "AWS::StepFunctions::StateMachineVersion",
        "Properties": {"StateMachineArn": {"Ref": "machine"}, **revision},
        **RETAIN,
    }
    shifted = {"StateMachineVersionArn": {"Ref": "version"}, **preference}
    alias = {
        "Type": "AWS::StepFunctions::StateMachineAlias",
        "Properties": {"Name": "live", "DeploymentPreference": shifted},
    }
    return {"machine": machine, "version": version, "alias": alias}


def deploy(stack: str, resources: dict[str, Any], action: str = "create") -> dict[str, str]:
    """Create or update the stack, and return the physical ids of its resources."""
    client: Any = boto3.client("cloudformation")
    getattr(client, f"{action}_stack")(StackName=stack, TemplateBody=json.dumps({"Resources": resources}))
    client.get_waiter(f"stack_{action}_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    described = client.describe_stack_resources(StackName=stack)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in described}


def failure(stack: str, action: str) -> str:
    events = boto3.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return next(one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == f"{action}_FAILED")


@pytest.mark.correction(name="stack-creates-machine")
@pytest.mark.aws(
    "CloudFormation and SAM CLI", "a stack's state machine is checked as CreateStateMachine checks", "exact"
)
def test_a_stack_with_a_wrong_definition_fails(stack: str, role: str) -> None:
    with pytest.raises(WaiterError):
        deploy(stack, template(role, DefinitionString='{"StartAt": "A", "States": {"A": {"Type": "Pass"}}}'))
    assert "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: " in failure(stack, "CREATE")


@pytest.mark.correction(name="stack-updates-machine")
def test_a_stack_is_not_updated_to_a_wrong_definition(stack: str, role: str) -> None:
    machine = deploy(stack, template(role, DefinitionString=passing(1)))["machine"]
    with pytest.raises(WaiterError):
        deploy(stack, template(role, DefinitionString="{}"), "update")
    assert "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: " in failure(stack, "UPDATE")
    described = boto3.client("stepfunctions").describe_state_machine(stateMachineArn=machine)
    assert described["definition"] == passing(1)


@pytest.mark.correction(name="stack-deletes-machine")
def test_the_executions_of_a_deleted_machine_end(stack: str, role: str) -> None:
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    machine = deploy(stack, template(role, DefinitionString=json.dumps(wait)))["machine"]
    client = boto3.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=machine)["executionArn"]
    cloudformation = boto3.client("cloudformation")
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        client.describe_execution(executionArn=execution)


@pytest.mark.aws("CloudFormation and SAM CLI", "definitions in the template and in S3, with substitutions", "exact")
def test_a_definition_comes_from_s3_with_substitutions(stack: str, role: str) -> None:
    s3, bucket = boto3.client("s3"), f"{stack}-definitions"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="machine.json", Body=passing("${Word}").encode())
    location = {"Bucket": bucket, "Key": "machine.json"}
    properties: dict[str, Any] = {"DefinitionS3Location": location, "DefinitionSubstitutions": {"Word": "hello"}}
    settings: dict[str, Any] = {
        "LoggingConfiguration": {"Level": "OFF"},
        "TracingConfiguration": {"Enabled": True},
        "Tags": [{"Key": "team", "Value": "scones"}],
    }
    machine = deploy(stack, template(role, **properties, **settings))["machine"]
    client = boto3.client("stepfunctions")
    described = client.describe_state_machine(stateMachineArn=machine)
    assert described["definition"] == passing("hello")
    assert described["tracingConfiguration"] == {"enabled": True}
    assert {"key": "team", "value": "scones"} in client.list_tags_for_resource(resourceArn=machine)["tags"]
    deploy(stack, template(role, **{**properties, "DefinitionSubstitutions": {"Word": "bye"}}), "update")
    assert client.describe_state_machine(stateMachineArn=machine)["definition"] == passing("bye")


@pytest.mark.correction(name="stack-machine-versions")
@pytest.mark.correction(name="stack-machine-aliases")
@pytest.mark.aws("CloudFormation and SAM CLI", "AutoPublishAlias of a state machine: each change is a version", "exact")
def test_an_update_publishes_a_version_and_moves_the_alias(stack: str, role: str) -> None:
    at_once = {"Type": "ALL_AT_ONCE"}
    first = deploy(stack, template(role, at_once, DefinitionString=passing(1)))
    machine = first["machine"]
    assert first == {"machine": machine, "version": f"{machine}:1", "alias": f"{machine}:live"}
    second = deploy(stack, template(role, at_once, DefinitionString=passing(2)), "update")
    assert second == {**first, "version": f"{machine}:2"}
    client = boto3.client("stepfunctions")
    alias = client.describe_state_machine_alias(stateMachineAliasArn=first["alias"])
    assert alias["routingConfiguration"] == [{"stateMachineVersionArn": f"{machine}:2", "weight": 100}]
    assert client.describe_state_machine(stateMachineArn=f"{machine}:1")["definition"] == passing(1)
