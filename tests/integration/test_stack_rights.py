"""CloudFormation creates, changes and deletes a stack's resources with the permissions of whoever sent the request."""

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.integration.support.iam import client_of_role
from tests.integration.support.waiting import wait_for

STACK = "stack-rights-test"
CLOUDFORMATION = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}
LOGS = ("logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DescribeLogGroups", "logs:ListTagsForResource")
TAGS = ("logs:TagResource", "logs:PutRetentionPolicy")


@pytest.fixture(autouse=True)
def no_stack(aws: dict[str, str]) -> Iterator[None]:
    yield
    client = boto3.client("cloudformation")
    client.delete_stack(StackName=STACK)
    client.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})


def person(*actions: str) -> Any:
    """Return a CloudFormation client that may do these actions too."""
    return client_of_role("cloudformation", CLOUDFORMATION, {"Effect": "Allow", "Action": actions, "Resource": "*"})


def template(days: int) -> str:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": STACK, "RetentionInDays": days}}
    return json.dumps({"Resources": {"group": group}})


def ended() -> str:
    """Return the stack's status once nothing is in progress."""
    client = boto3.client("cloudformation")

    def status() -> str | None:
        found: str = client.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
        return None if found.endswith("IN_PROGRESS") else found

    return wait_for(status)


def reasons(resource: str = "group") -> list[str]:
    """Return the reasons of the resource's failures."""
    events = boto3.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [one for one in events if one["LogicalResourceId"] == resource and "FAILED" in one["ResourceStatus"]]
    return [one["ResourceStatusReason"] for one in failed]


@pytest.mark.aws(
    "IAM",
    "a stack's resources are created, changed and deleted with the permissions of whoever deploys it",
    "approximate",
    "asked for the types of resources that this application has, for the actions that AWS's registry names for them",
)
@pytest.mark.correction(name="stack-creates-with-rights")
def test_a_stack_is_created_with_its_deployer_s_permissions() -> None:
    person(*LOGS, "logs:TagResource").create_stack(StackName=STACK, TemplateBody=template(7))
    assert ended() == "ROLLBACK_COMPLETE"
    (reason,) = reasons()
    assert "is not authorized to perform: logs:PutRetentionPolicy on resource" in reason
    assert f"log-group:{STACK} because no identity-based policy allows" in reason


@pytest.mark.correction(name="stack-updates-with-rights")
def test_a_stack_is_updated_with_its_deployer_s_permissions() -> None:
    person(*LOGS, *TAGS).create_stack(StackName=STACK, TemplateBody=template(7))
    assert ended() == "CREATE_COMPLETE"
    person(*LOGS).update_stack(StackName=STACK, TemplateBody=template(14))
    assert ended() == "UPDATE_ROLLBACK_COMPLETE"
    assert "logs:PutRetentionPolicy" in reasons()[0]


@pytest.mark.correction(name="stack-deletes-with-rights")
def test_a_stack_is_deleted_with_its_deployer_s_permissions() -> None:
    boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=template(7))
    assert ended() == "CREATE_COMPLETE"
    person("logs:DescribeLogGroups").delete_stack(StackName=STACK)
    assert ended() == "DELETE_FAILED"
    assert "logs:DeleteLogGroup" in reasons()[0]


QUEUE = f"arn:aws:sqs:us-east-1:000000000000:{STACK}"
ROLE = f"arn:aws:iam::000000000000:role/{STACK}"
TARGET = {"Id": "one", "Arn": QUEUE, "RoleArn": ROLE}
RULE = {"Name": STACK, "EventPattern": {"source": ["any"]}, "Targets": [TARGET]}


@pytest.mark.aws(
    "IAM",
    "the rights of a stack's rules, queues and their policies, event source mappings and permissions of functions",
    "approximate",
    "the actions that AWS's registry names for them; to delete a queue's policy none is asked for",
)
@pytest.mark.parametrize(
    ("kind", "properties", "allowed", "missing"),
    [
        ("Events::Rule", RULE, "events:Describe*", f"events:PutRule on resource: arn:aws:events:.*:rule/{STACK} "),
        ("Events::Rule", RULE, "events:*", f"iam:PassRole on resource: {ROLE} "),
        ("SQS::Queue", {"QueueName": STACK}, "sqs:Get*", f"sqs:CreateQueue on resource: {QUEUE} "),
        (
            "SQS::QueuePolicy",
            {"Queues": [f"http://127.0.0.1/000000000000/{STACK}"], "PolicyDocument": {}},
            "sqs:Get*",
            f"sqs:SetQueueAttributes on resource: {QUEUE} ",
        ),
        (
            "Lambda::EventSourceMapping",
            {"FunctionName": STACK, "EventSourceArn": QUEUE},
            "lambda:Get*",
            "lambda:CreateEventSourceMapping on resource: .*:event-source-mapping:",
        ),
        (
            "Lambda::Permission",
            {"FunctionName": STACK, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"},
            "lambda:Get*",
            f"lambda:AddPermission on resource: .*:function:{STACK} ",
        ),
    ],
)
def test_a_right_that_is_missing_is_named(kind: str, properties: dict[str, Any], allowed: str, missing: str) -> None:
    template = {"Resources": {"one": {"Type": f"AWS::{kind}", "Properties": properties}}}
    person(allowed).create_stack(StackName=STACK, TemplateBody=json.dumps(template))
    assert ended() == "ROLLBACK_COMPLETE"
    assert re.search(f"is not authorized to perform: {missing}", reasons("one")[0])
