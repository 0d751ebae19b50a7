"""A stack in which an upload reaches a function through a rule and a queue."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.integration.support.iam import WRITE_LOGS, create_role
from tests.integration.support.logs import log_of
from tests.integration.support.queues import receive
from tests.integration.support.waiting import wait_for

NAME = f"it-{uuid.uuid4().hex[:8]}"
READ = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
TEMPLATE = Path(__file__).parent / "data" / "stacks" / "events.yaml"
LEDGER = (
    "CloudFormation",
    "AWS::Events::Rule with targets, AWS::SQS::Queue with RedrivePolicy, AWS::SQS::QueuePolicy, "
    "AWS::Lambda::EventSourceMapping, a bucket's EventBridgeConfiguration",
    "exact",
)


@pytest.fixture(scope="module")
def outputs(aws: dict[str, str]) -> Iterator[dict[str, str]]:
    """Deploy the stack and yield its outputs."""
    role = create_role(NAME, "lambda", WRITE_LOGS, {"Effect": "Allow", "Action": READ, "Resource": "*"})
    client, delay = boto3.client("cloudformation"), {"Delay": 1}
    given: Any = [{"ParameterKey": key, "ParameterValue": value} for key, value in (("Name", NAME), ("Role", role))]
    client.create_stack(StackName=NAME, TemplateBody=TEMPLATE.read_text(), Parameters=given)
    client.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig=delay)  # type: ignore[arg-type]
    found = client.describe_stacks(StackName=NAME)["Stacks"][0]["Outputs"]
    yield {one["OutputKey"]: one["OutputValue"] for one in found}
    boto3.resource("s3").Bucket(NAME).object_versions.delete()
    client.delete_stack(StackName=NAME)
    client.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig=delay)  # type: ignore[arg-type]


@pytest.mark.aws(*LEDGER)
def test_an_upload_reaches_the_function_with_its_version(outputs: dict[str, str]) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=NAME, Key="elsewhere", Body=b"x")
    version = s3.put_object(Bucket=NAME, Key="in/good", Body=b"x")["VersionId"]
    (line,) = wait_for(lambda: [one for one in log_of(f"/aws/lambda/{NAME}", "2") if "s3_key" in one], seconds=30)
    assert line.strip() == str([json.dumps({"s3_key": "in/good", "version": version})])


@pytest.mark.aws(*LEDGER)
def test_an_upload_that_fails_twice_is_a_dead_letter(outputs: dict[str, str]) -> None:
    boto3.client("s3").put_object(Bucket=NAME, Key="in/bad", Body=b"x")
    assert json.loads(receive(outputs["Dead"])["Body"])["s3_key"] == "in/bad"


@pytest.mark.aws(*LEDGER)
def test_the_mapping_has_its_properties(outputs: dict[str, str]) -> None:
    found = boto3.client("lambda").get_event_source_mapping(UUID=outputs["Mapping"])
    assert (found["BatchSize"], found["ScalingConfig"]) == (5, {"MaximumConcurrency": 2})
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
