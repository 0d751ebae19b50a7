"""SQS: visibility, dead letters, policies, and what the operations of a batch are judged by."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.iam import client_of_role
from tests.integration.support.queues import create_queue, receive
from tests.integration.support.waiting import wait_for

SERVICE = "SQS"


@pytest.fixture
def queue(aws: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield URL and ARN of a queue."""
    url, arn = create_queue(VisibilityTimeout="1")
    yield url, arn
    boto3.client("sqs").delete_queue(QueueUrl=url)


@pytest.fixture
def dead_letters(queue: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Yield URL and ARN of the queue's dead-letter queue, which gets what was received once and not deleted."""
    url, arn = create_queue()
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    boto3.client("sqs").set_queue_attributes(QueueUrl=queue[0], Attributes={"RedrivePolicy": policy})
    yield url, arn
    boto3.client("sqs").delete_queue(QueueUrl=url)


def messages(url: str, **request: Any) -> list[Any]:
    client: Any = boto3.client("sqs")
    return list(client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **request).get("Messages", []))


@pytest.mark.aws(SERVICE, "a message that is not deleted comes again after the visibility timeout", "exact")
def test_a_message_comes_again(queue: tuple[str, str]) -> None:
    sqs, url = boto3.client("sqs"), queue[0]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    (first,) = messages(url, VisibilityTimeout=60)
    assert messages(url) == []
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=1)
    (again,) = messages(
        url, WaitTimeSeconds=10, VisibilityTimeout=60, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )
    assert (again["MessageId"], again["Attributes"]["ApproximateReceiveCount"]) == (first["MessageId"], "2")
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=0)
    assert [one["Body"] for one in messages(url)] == ["one"]


def dead_letter(url: str, dead_url: str, body: str) -> Any:
    """Make a dead letter and return it; nobody else receives it for now."""
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody=body)
    assert messages(url)
    time.sleep(1.1)  # seconds: the visibility timeout
    assert messages(url) == []
    (letter,) = wait_for(lambda: messages(dead_url, VisibilityTimeout=0, MessageSystemAttributeNames=["All"]))
    return letter


@pytest.mark.correction(name="queue-moves")
@pytest.mark.aws(
    SERVICE,
    "StartMessageMoveTask and ListMessageMoveTasks move dead letters back",
    "approximate",
    "over at once, whatever MaxNumberOfMessagesPerSecond says; a restart forgets the tasks, and none can be cancelled",
)
def test_dead_letters_move_back(queue: tuple[str, str], dead_letters: tuple[str, str]) -> None:
    sqs, (url, arn), (dead_url, dead_arn) = boto3.client("sqs"), queue, dead_letters
    letter = dead_letter(url, dead_url, "one")
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn
    assert sqs.start_message_move_task(SourceArn=dead_arn)["TaskHandle"]
    moved = receive(url, MessageSystemAttributeNames=["All"])
    assert (moved["Body"], moved["Attributes"]["ApproximateReceiveCount"]) == ("one", "1")
    assert moved["MessageId"] != letter["MessageId"]
    (task,) = sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    with pytest.raises(ClientError, match="Source queue must be configured as a Dead Letter Queue"):
        sqs.start_message_move_task(SourceArn=arn)


@pytest.mark.aws("IAM", "sqs:StartMessageMoveTask, and what moving a message needs", "exact")
def test_moving_needs_rights_on_both_queues(queue: tuple[str, str], dead_letters: tuple[str, str]) -> None:
    (_, arn), (_, dead_arn) = queue, dead_letters
    actions = ["sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    on_source = {"Effect": "Allow", "Action": actions, "Resource": dead_arn}
    only_start = {"Effect": "Allow", "Action": actions[0], "Resource": dead_arn}
    with pytest.raises(ClientError, match="not authorized to perform: sqs:ReceiveMessage"):
        client_of_role("sqs", only_start).start_message_move_task(SourceArn=dead_arn)
    with pytest.raises(ClientError, match="not authorized to perform: sqs:SendMessage"):
        client_of_role("sqs", on_source).start_message_move_task(SourceArn=dead_arn, DestinationArn=arn)


@pytest.mark.aws("IAM", "operations of a batch need the permission of a single message", "exact")
def test_a_batch_is_judged_as_its_messages(queue: tuple[str, str]) -> None:
    url, arn = queue
    sender = client_of_role("sqs", {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn})
    assert sender.send_message_batch(QueueUrl=url, Entries=[{"Id": "0", "MessageBody": "one"}])["Successful"]
    handle = messages(url)[0]["ReceiptHandle"]
    entries: Any = [{"Id": "0", "ReceiptHandle": handle}]
    with pytest.raises(ClientError, match="not authorized to perform: sqs:DeleteMessage"):
        sender.delete_message_batch(QueueUrl=url, Entries=entries)


@pytest.mark.aws(SERVICE, "a queue's policy denies what it says", "exact")
def test_a_queue_s_policy_denies(queue: tuple[str, str]) -> None:
    url, arn = queue
    policy = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    boto3.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    allowed = {"Effect": "Allow", "Action": "sqs:*", "Resource": arn}
    with pytest.raises(ClientError, match="AccessDenied"):
        client_of_role("sqs", allowed).send_message(QueueUrl=url, MessageBody=uuid.uuid4().hex)
