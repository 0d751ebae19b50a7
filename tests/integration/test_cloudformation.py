"""CloudFormation through boto3: properties of resources that MiniStack would ignore."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

STACK = "cloudformation-test"
NAME = "cloudformation-test-function"


def template(**properties: int) -> str:
    """Return a template with one function that has these properties besides those it needs."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": [trust]}
    function = {
        "FunctionName": NAME,
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["role", "Arn"]},
        "Code": {"ZipFile": "def handler(event, context): return event"},
    }
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": policy}}
    resources = {"role": role, "function": {"Type": "AWS::Lambda::Function", "Properties": function | properties}}
    return json.dumps({"Resources": resources})


@pytest.fixture
def cloudformation(aws: dict[str, str]) -> Iterator[Any]:
    client = boto3.client("cloudformation")
    yield client
    client.delete_stack(StackName=STACK)
    client.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})


def deploy(cloudformation: Any, action: str, **properties: int) -> int | None:
    """Create or update the stack; returns the concurrency that its function reserves then."""
    body = template(**properties)
    getattr(cloudformation, f"{action}_stack")(StackName=STACK, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter(f"stack_{action}_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    reserved: int | None = (
        boto3.client("lambda").get_function_concurrency(FunctionName=NAME).get("ReservedConcurrentExecutions")
    )
    return reserved


@pytest.mark.aws("CloudFormation and SAM CLI", "reserved concurrency of a function", "exact")
@pytest.mark.correction(name="stack-creates-function")
def test_a_stack_reserves_concurrency(cloudformation: Any) -> None:
    assert deploy(cloudformation, "create", ReservedConcurrentExecutions=3) == 3


@pytest.mark.correction(name="stack-updates-concurrency")
def test_an_updated_stack_changes_reserved_concurrency(cloudformation: Any) -> None:
    assert deploy(cloudformation, "create", Timeout=3) is None
    assert deploy(cloudformation, "update", ReservedConcurrentExecutions=5) == 5
    assert deploy(cloudformation, "update", Timeout=4) is None


def test_an_update_keeps_reserved_concurrency_that_no_template_names(cloudformation: Any) -> None:
    deploy(cloudformation, "create", Timeout=3)
    boto3.client("lambda").put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=7)
    assert deploy(cloudformation, "update", Timeout=4) == 7
