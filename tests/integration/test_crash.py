"""A kill -9 of the local cloud: messages and events that were answered for are there when it is up again."""

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from localcloud import instances
from localcloud.corrections.log_events import BLOCK
from tests.integration.support.clouds import OwnCloud, only_local, own_cloud
from tests.integration.support.queues import allow_events, create_queue
from tests.integration.support.waiting import wait_for

pytestmark = only_local

NAME = "crash"
LAST = "last"  # the key of the object whose answer kills the cloud
LOG = {"logGroupName": f"/{NAME}", "logStreamName": "stream"}
LINES = 20
WRITERS = 6
ONCE = Config(retries={"total_max_attempts": 1}, max_pool_connections=WRITERS)


@dataclass(frozen=True)
class Crashed:
    """A cloud that is up again after a kill -9."""

    state: Path
    sent: set[str]  # bodies of the messages whose SendMessage was answered
    uploaded: set[str]  # keys of the objects whose PutObject was answered
    queue: str  # URL of the queue of the former
    events: str  # URL of the queue with the events of the latter
    received: str  # URL of a queue of which one message was deleted, and one is hidden
    handle: str  # of the hidden message
    logged: set[str]  # names of calls of `log` that were answered


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashed]:
    with own_cloud(tmp_path_factory.mktemp("crash") / "cloud") as cloud:
        queue, received, events = (create_queue(f"{NAME}-{name}") for name in ("sent", "received", "events"))
        send_events_to(*events)
        handle = receive_some(received[0])
        logs: Any = boto3.client("logs", config=ONCE)
        logs.create_log_group(logGroupName=LOG["logGroupName"])
        logs.create_log_stream(**LOG)
        wait_until_saved(cloud)
        sqs, s3 = boto3.client("sqs", config=ONCE), boto3.client("s3", config=ONCE)
        sent, uploaded, logged = until_killed(
            running(cloud),
            lambda name: sqs.send_message(QueueUrl=queue[0], MessageBody=name),
            lambda name: s3.put_object(Bucket=NAME, Key=name, Body=b"photo"),
            lambda name: log(logs, name),
        )
        cloud.run("up")
        yield Crashed(cloud.state, sent, uploaded, queue[0], events[0], received[0], handle, logged)


def send_events_to(url: str, arn: str) -> None:
    """Send the events of a new bucket to a queue."""
    s3, events = boto3.client("s3"), boto3.client("events")
    s3.create_bucket(Bucket=NAME)
    s3.put_bucket_notification_configuration(Bucket=NAME, NotificationConfiguration={"EventBridgeConfiguration": {}})
    other = json.dumps({"source": ["aws.s3"], "detail": {"object": {"key": [{"prefix": f"no{n}"} for n in range(80)]}}})
    for number in range(20):  # it takes some milliseconds to find that these do not match
        events.put_rule(Name=f"{NAME}-{number}", EventPattern=other)
    rule = events.put_rule(Name=f"{NAME}-last", EventPattern='{"source": ["aws.s3"]}')["RuleArn"]
    allow_events(url, arn, rule)
    events.put_targets(Rule=f"{NAME}-last", Targets=[{"Id": "one", "Arn": arn}])


def receive_some(url: str) -> str:
    """Send four messages, delete one, and hide two; returns the receipt handle of one of these."""
    sqs = boto3.client("sqs")
    for body in ("deleted", "changed", "hidden", "shown"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    asked: Any = {"QueueUrl": url, "VisibilityTimeout": 3600}
    deleted, changed, hidden = (sqs.receive_message(**asked)["Messages"][0]["ReceiptHandle"] for _ in range(3))
    sqs.delete_message(QueueUrl=url, ReceiptHandle=deleted)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=changed, VisibilityTimeout=7200)
    return hidden


def log(logs: Any, name: str) -> None:
    """Write LINES lines into a log."""
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": f"{name} {line}"} for line in range(LINES)]
    logs.put_log_events(**LOG, logEvents=events)


def wait_until_saved(cloud: OwnCloud) -> None:
    """Wait until the state was saved twice: then everything before is on disk."""
    wait_until_user_saved(cloud, f"{NAME}-first")
    wait_until_user_saved(cloud, f"{NAME}-second")


def wait_until_user_saved(cloud: OwnCloud, name: str) -> None:
    boto3.client("iam").create_user(UserName=name)
    file = cloud.state / "ministack" / "iam.json"
    wait_for(lambda: file.exists() and name in file.read_text(), 20)


def running(cloud: OwnCloud) -> instances.Cloud:
    found = instances.running(cloud.state)
    assert found is not None
    return found


def until_killed(cloud: instances.Cloud, *calls: Callable[[str], Any]) -> list[set[str]]:
    """Make calls from several threads, kill the cloud in the middle, and return the names of what answered each."""

    def work(writer: int) -> list[str]:
        done = list[str]()
        try:
            while True:
                name = f"{writer}-{len(done):05d}"
                calls[writer % len(calls)](name)
                done.append(name)
        except (BotoCoreError, ClientError):
            return done

    with ThreadPoolExecutor(WRITERS) as pool:
        found = pool.map(work, range(WRITERS))
        time.sleep(1)
        kill_at_an_answer(cloud)
    written = list(found)
    answered = [{name for names in written[kind :: len(calls)] for name in names} for kind in range(len(calls))]
    assert all(len(names) > 10 for names in answered)
    return [answered[0], answered[1] | {LAST}, answered[2]]


def kill_at_an_answer(cloud: instances.Cloud) -> None:
    """Upload LAST and kill the cloud at the first byte of the answer, when what is left for later is not done."""
    s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("put_object", Params={"Bucket": NAME, "Key": LAST})
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
    connection.request("PUT", url.partition(str(cloud.port))[2], body=b"photo")
    start = connection.sock.recv(12)
    os.kill(cloud.pid, signal.SIGKILL)
    connection.close()
    assert start == b"HTTP/1.1 200"


def drain(url: str) -> Iterator[str]:
    """Receive and delete messages until there are none, and yield their bodies."""
    sqs = boto3.client("sqs")
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        entries: Any = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(found)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        yield from (one["Body"] for one in found)


@pytest.mark.aws(
    "SQS",
    "a message is safe when SendMessage is answered",
    "approximate",
    "safe from the end of any process: a power failure can lose the messages of the last seconds",
)
@pytest.mark.correction(name="queue-messages")
def test_a_message_that_was_sent_outlives_a_crash(crashed: Crashed) -> None:
    assert crashed.sent <= set(drain(crashed.queue))


@pytest.mark.aws("S3", "the event of an upload is safe when PutObject is answered", "exact")
@pytest.mark.correction(name="s3-event-kept")
def test_the_event_of_an_upload_outlives_a_crash(crashed: Crashed) -> None:
    told = {json.loads(body)["detail"]["object"]["key"] for body in drain(crashed.events)}
    assert crashed.uploaded <= told


@pytest.mark.aws("SQS", "what was received, hidden or deleted is still so after a crash", "exact")
@pytest.mark.correction(name="queue-messages-received")
def test_what_was_received_or_deleted_outlives_a_crash(crashed: Crashed) -> None:
    sqs = boto3.client("sqs")
    assert list(drain(crashed.received)) == ["shown"]
    sqs.change_message_visibility(QueueUrl=crashed.received, ReceiptHandle=crashed.handle, VisibilityTimeout=0)
    (again,) = sqs.receive_message(QueueUrl=crashed.received, MessageSystemAttributeNames=["All"])["Messages"]
    assert (again["Body"], again["Attributes"]["ApproximateReceiveCount"]) == ("hidden", "2")


@pytest.mark.aws(
    "CloudWatch Logs",
    "log events are safe when PutLogEvents is answered",
    "approximate",
    "the newest 50 of a stream a few seconds later",
)
@pytest.mark.correction(name="log-events-kept")
def test_log_events_outlive_a_crash(crashed: Crashed) -> None:
    pages = boto3.client("logs").get_paginator("filter_log_events").paginate(logGroupName=LOG["logGroupName"])
    found = [event["message"] for page in pages for event in page["events"]]
    lost = {f"{name} {line}" for name in crashed.logged for line in range(LINES)} - set(found)
    assert len(lost) < 2 * BLOCK and len(set(found)) == len(found)


def test_the_saved_state_does_not_grow_with_the_messages(crashed: Crashed) -> None:
    content = (crashed.state / "ministack" / "sqs.json").read_text()
    assert f"{NAME}-received" in content and "hidden" not in content
