"""A stack in which an upload reaches a function through a rule and a queue."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.integration.support.iam import WRITE_LOGS, create_role
from tests.integration.support.logs import log_of
from tests.integration.support.queues import receive
from tests.integration.support.waiting import wait_for

NAME = f"it-{uuid.uuid4().hex[:8]}"
READ = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
CODE = """
def handler(event, context):
    print([record["body"] for record in event["Records"]])
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"] if "bad" in r["body"]]}
"""
LEDGER = (
    "CloudFormation",
    "AWS::Events::Rule with targets, AWS::SQS::Queue with RedrivePolicy, AWS::SQS::QueuePolicy, "
    "AWS::Lambda::EventSourceMapping, a bucket's EventBridgeConfiguration",
    "exact",
)


def arn(resource: str) -> Any:
    return {"Fn::GetAtt": [resource, "Arn"]}


def template(role: str) -> str:
    """Return a template whose numbers are parameters, which arrive as text."""
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [NAME]}, "object": {"key": [{"prefix": "in/"}]}}}
    target = {
        "Id": "queue",
        "Arn": arn("uploads"),
        "RetryPolicy": {"MaximumRetryAttempts": {"Ref": "Retries"}, "MaximumEventAgeInSeconds": 3600},
        "DeadLetterConfig": {"Arn": arn("dead")},
        "InputTransformer": {
            "InputPathsMap": {"key": "$.detail.object.key", "version": "$.detail.object.version-id"},
            "InputTemplate": '{"s3_key": <key>, "version": <version>}',
        },
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn("uploads"),
        "Condition": {"ArnEquals": {"aws:SourceArn": arn("rule")}},
    }
    redrive = {"deadLetterTargetArn": arn("dead"), "maxReceiveCount": {"Ref": "Receives"}}
    resources: dict[str, tuple[str, dict[str, Any]]] = {
        "bucket": (
            "S3::Bucket",
            {
                "BucketName": NAME,
                "VersioningConfiguration": {"Status": "Enabled"},
                "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            },
        ),
        "dead": ("SQS::Queue", {}),
        "uploads": ("SQS::Queue", {"VisibilityTimeout": 1, "RedrivePolicy": redrive}),
        "rule": ("Events::Rule", {"EventPattern": pattern, "Targets": [target]}),
        "policy": ("SQS::QueuePolicy", {"Queues": [{"Ref": "uploads"}], "PolicyDocument": {"Statement": [statement]}}),
        "function": (
            "Lambda::Function",
            {
                "FunctionName": NAME,
                "Role": role,
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Timeout": 1,
                "Code": {"ZipFile": CODE},
            },
        ),
        "mapping": (
            "Lambda::EventSourceMapping",
            {
                "FunctionName": {"Ref": "function"},
                "EventSourceArn": arn("uploads"),
                "BatchSize": {"Ref": "Size"},
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": 2},
            },
        ),
    }
    numbers = {"Retries": 3, "Receives": 2, "Size": 5}
    return json.dumps(
        {
            "Parameters": {name: {"Type": "Number", "Default": value} for name, value in numbers.items()},
            "Resources": {name: {"Type": f"AWS::{kind}", "Properties": one} for name, (kind, one) in resources.items()},
            "Outputs": {"Dead": {"Value": {"Ref": "dead"}}, "Mapping": {"Value": {"Ref": "mapping"}}},
        }
    )


@pytest.fixture(scope="module")
def outputs(aws: dict[str, str]) -> Iterator[dict[str, str]]:
    """Deploy the stack and yield its outputs."""
    role = create_role(NAME, "lambda", WRITE_LOGS, {"Effect": "Allow", "Action": READ, "Resource": "*"})
    client, delay = boto3.client("cloudformation"), {"Delay": 1}
    client.create_stack(StackName=NAME, TemplateBody=template(role))
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
