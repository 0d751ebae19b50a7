"""Queues of the tests' own, and what is on them."""

import json
import uuid
from typing import Any

import boto3

from tests.integration.support.waiting import wait_for


def create_queue(name: str = "", **attributes: str) -> tuple[str, str]:
    """Return URL and ARN of a new queue."""
    sqs: Any = boto3.client("sqs")
    url = str(sqs.create_queue(QueueName=name or f"it-{uuid.uuid4().hex[:8]}", Attributes=attributes)["QueueUrl"])
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def allow_events(url: str, queue_arn: str, rule_arn: str) -> None:
    """Let EventBridge send the events of a rule to a queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    boto3.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def receive(url: str, **request: Any) -> Any:
    """Return a message as soon as there is one, and delete it."""
    sqs: Any = boto3.client("sqs")
    asked: Any = {"QueueUrl": url, "WaitTimeSeconds": 5, "MessageAttributeNames": ["All"], **request}
    (message,) = wait_for(lambda: sqs.receive_message(**asked).get("Messages"), seconds=20)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return message


def body_of(url: str) -> Any:
    """Return the body of a message, decoded, as soon as there is one."""
    return json.loads(receive(url)["Body"])
