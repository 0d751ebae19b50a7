"""CloudFormation through boto3: properties of resources that MiniStack would ignore."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

from tests.integration.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
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


@pytest.mark.parametrize(
    ("stack", "reason"),
    [
        ("Bucket-Test", "Bucket name should not contain uppercase characters"),
        ("bucket-test-" + "x" * 30, "Bucket name should be between 3 and 63 characters long"),
    ],
)
@pytest.mark.aws("CloudFormation and SAM CLI", "a bucket's name that S3 refuses fails the stack", "exact")
@pytest.mark.correction(name="stack-bucket-name")
def test_a_stack_fails_whose_bucket_s3_would_refuse(aws: dict[str, str], stack: str, reason: str) -> None:
    client = boto3.client("cloudformation")
    name = {"Fn::Sub": "${AWS::StackName}-${AWS::AccountId}-${AWS::Region}"}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}
    client.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": {"bucket": bucket}}))

    def ended() -> bool:
        status: str = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        return not status.endswith("IN_PROGRESS")

    wait_for(ended)
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    client.delete_stack(StackName=stack)
    assert [one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == "CREATE_FAILED"] == [reason]


@pytest.mark.aws("CloudFormation and SAM CLI", "a parameter's limits, and its ConstraintDescription", "exact")
def test_a_parameter_out_of_its_limits_is_refused_with_the_reason(aws: dict[str, str]) -> None:
    parameters = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
    resource = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "EndpointName"}}}
    with pytest.raises(ClientError, match="SageMaker allows 63 characters, of which the names of the endpoint's"):
        boto3.client("cloudformation").create_change_set(
            StackName=f"{STACK}-limits",
            ChangeSetName="create",
            ChangeSetType="CREATE",
            TemplateBody=json.dumps({"Parameters": parameters, "Resources": {"any": resource}}),
            Parameters=[{"ParameterKey": "EndpointName", "ParameterValue": "x" * 48}],
        )


@pytest.mark.correction(name="stack-keeps-full-bucket")
@pytest.mark.aws("CloudFormation and SAM CLI", "a stack whose bucket is not empty is DELETE_FAILED", "exact")
def test_a_stack_keeps_its_bucket_until_it_is_empty(aws: dict[str, str]) -> None:
    client, s3, name = boto3.client("cloudformation"), boto3.client("s3"), f"{STACK}-full"
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}
    stack = client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"bucket": bucket}}))["StackId"]

    def end() -> tuple[str, str]:
        """Wait for the end of what is done to the stack and return its status with the reason."""
        described: list[Any] = []

        def is_settled() -> bool:
            described[:] = client.describe_stacks(StackName=stack)["Stacks"]
            return not described[0]["StackStatus"].endswith("IN_PROGRESS")

        wait_for(is_settled, pause=0.05)
        return described[0]["StackStatus"], described[0].get("StackStatusReason", "")

    assert end()[0] == "CREATE_COMPLETE"
    s3.put_object(Bucket=name, Key="photo", Body=b"")
    client.delete_stack(StackName=name)
    status, reason = end()
    assert (status, "bucket" in reason) == ("DELETE_FAILED", True)
    s3.delete_object(Bucket=name, Key="photo")
    client.delete_stack(StackName=name)
    assert end()[0] == "DELETE_COMPLETE"
    assert name not in [one["Name"] for one in s3.list_buckets()["Buckets"]]
