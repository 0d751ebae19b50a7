"""Start on upload: photos below incoming/ get one verdict each, in S3, as an event and as a tag."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import jsonschema  # type: ignore[import-untyped]  # of cfn-lint
import pytest

from tests.integration.support.endpoints import create_constant_endpoint
from tests.integration.support.people import person
from tests.integration.support.photos import png
from tests.integration.support.queues import allow_events, create_queue, receive
from tests.integration.support.stacks import ROOT, deploy_application, stack_outputs
from tests.integration.support.waiting import wait_for

STACK = "uploads-test"
SCHEMA = json.loads((ROOT / "events/schemas/photo_classified.json").read_text())
CLASSES = "bicycle,motorcycle"


@dataclass(frozen=True)
class Stack:
    """The deployed stack, and a queue that gets the events of its verdicts."""

    bucket: str
    uploads: str  # URL of the queue
    dead_letters: str  # URL
    told: str  # URL


def put(bucket: str, key: str, body: bytes) -> str:
    version: str = boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
    return version


@pytest.fixture(scope="module")
def stack(aws: dict[str, str], build: Path) -> Iterator[Stack]:
    """Deploy the stack as a person with the rights of permissions.yaml. The endpoint comes after the first photo."""
    environment = person(STACK, aws)
    parameters = {"EndpointName": STACK, "ClassifyUploads": "true", "UploadClasses": CLASSES}
    deploy_application(STACK, build, environment, **parameters)
    outputs, sqs = stack_outputs(STACK), boto3.client("sqs")
    uploads, dead_letters = (
        sqs.get_queue_url(QueueName=f"{STACK}-{name}")["QueueUrl"] for name in ("uploads", "uploads-dead-letters")
    )
    deployed = Stack(outputs["BucketName"], uploads, dead_letters, subscribe())
    put(deployed.bucket, "images/train/staged.png", png(0))
    put(deployed.bucket, "incoming/early.png", png(0))
    wait_for(lambda: number_of_receives(deployed.uploads), seconds=60)
    create_constant_endpoint(STACK, deployed.bucket, outputs["SageMakerRoleArn"], [0.97, 0.03])
    yield deployed
    boto3.client("sagemaker").delete_endpoint(EndpointName=STACK)


def subscribe() -> str:
    """Return the URL of a queue that gets the events of verdicts."""
    url, arn = create_queue()
    events = boto3.client("events")
    pattern = json.dumps({"source": ["scones"], "detail-type": ["Photo classified"]})
    rule = events.put_rule(Name=f"{STACK}-told", EventPattern=pattern)["RuleArn"]
    allow_events(url, arn, rule)
    events.put_targets(Rule=f"{STACK}-told", Targets=[{"Id": "queue", "Arn": arn}])
    return url


def number_of_receives(url: str) -> int:
    """Return how many messages of a queue somebody has received and not deleted."""
    attributes: Any = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessagesNotVisible"])


def verdicts(stack: Stack, key: str) -> list[dict[str, Any]]:
    objects = boto3.resource("s3").Bucket(stack.bucket).objects.filter(Prefix="verdicts/uploads/")
    found = [json.loads(one.get()["Body"].read()) for one in objects]
    return [one for one in found if one["s3_key"] == key]


def tag_of(stack: Stack, key: str, version: str) -> str | None:
    tags = boto3.client("s3").get_object_tagging(Bucket=stack.bucket, Key=key, VersionId=version)["TagSet"]
    return next((tag["Value"] for tag in tags if tag["Key"] == "verdict"), None)


@pytest.mark.aws(
    "S3",
    "PutObject with If-None-Match: *, and the tags of one version of an object",
    "exact",
)
def test_a_photo_waits_for_the_endpoint_and_gets_a_verdict_an_event_and_a_tag(stack: Stack) -> None:
    key = "incoming/early.png"
    (verdict,) = wait_for(lambda: verdicts(stack, key), seconds=90)
    assert (verdict["accepted"], verdict["class"], len(verdict["inferences"])) == (True, "bicycle", 2)
    event = json.loads(receive(stack.told)["Body"])
    jsonschema.validate(event, SCHEMA)
    assert event["detail"].items() >= verdict.items()
    wait_for(partial(is_accepted, stack, key, verdict["version"]))
    assert verdicts(stack, "images/train/staged.png") == []  # `run.py stage` puts its photos there


def test_a_file_that_is_no_photo_gets_a_verdict_by_name(stack: Stack) -> None:
    key = "incoming/sub folder/nö phöto+%20.txt"
    version = put(stack.bucket, key, b"text")
    (verdict,) = wait_for(lambda: verdicts(stack, key), seconds=60)
    assert (verdict["error"], verdict["version"]) == ("InvalidImageError", version)
    jsonschema.validate(json.loads(receive(stack.told)["Body"]), SCHEMA)
    wait_for(lambda: tag_of(stack, key, version) == "failed")


def test_a_burst_of_versions_and_repeated_events_gives_each_version_one_verdict(stack: Stack) -> None:
    versions = {key: [put(stack.bucket, key, png(1)) for _ in range(3)] for key in ("incoming/a", "incoming/b")}
    for key, all_of_it in versions.items():
        for version in all_of_it:
            send_again(stack, key, version)
    for key, all_of_it in versions.items():
        wait_for(partial(has_verdicts, stack, key, 3), seconds=90)
        assert sorted(one["version"] for one in verdicts(stack, key)) == sorted(all_of_it)
        for version in all_of_it:
            wait_for(partial(is_accepted, stack, key, version))
    wait_for(lambda: number_of_receives(stack.uploads) == 0, seconds=30)
    assert [len(verdicts(stack, key)) for key in versions] == [3, 3]


def has_verdicts(stack: Stack, key: str, number: int) -> bool:
    return len(verdicts(stack, key)) == number


def is_accepted(stack: Stack, key: str, version: str) -> bool:
    return tag_of(stack, key, version) == "accepted"


def send_again(stack: Stack, key: str, version: str) -> None:
    """Send a photo's event once more, as S3 and EventBridge may do."""
    found = {"key": key, "etag": "e", "version-id": version, "sequencer": "00"}
    today = boto3.client("s3").head_object(Bucket=stack.bucket, Key=key, VersionId=version)["LastModified"]
    event = {"time": f"{today:%Y-%m-%dT%H:%M:%SZ}", "detail": {"bucket": {"name": stack.bucket}, "object": found}}
    boto3.client("sqs").send_message(QueueUrl=stack.uploads, MessageBody=json.dumps(event))


def test_what_cannot_be_classified_is_a_dead_letter_that_can_be_moved_back(stack: Stack) -> None:
    sqs = boto3.client("sqs")
    policy = json.loads(attribute(stack.uploads, "RedrivePolicy"))
    once = json.dumps({**policy, "maxReceiveCount": 1})  # ten attempts take an hour
    sqs.set_queue_attributes(QueueUrl=stack.uploads, Attributes={"RedrivePolicy": once})
    sqs.send_message(QueueUrl=stack.uploads, MessageBody="no event of S3")
    wait_for(lambda: int(attribute(stack.dead_letters, "ApproximateNumberOfMessages")), seconds=60)
    source, destination = attribute(stack.dead_letters, "QueueArn"), attribute(stack.uploads, "QueueArn")
    sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
    wait_for(lambda: int(attribute(stack.dead_letters, "ApproximateNumberOfMessages")) == 0, seconds=30)


def attribute(url: str, name: str) -> str:
    found: Any = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return str(found[name])
