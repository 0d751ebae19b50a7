"""Events of S3 that reach EventBridge."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from tests.integration.support.queues import allow_events, body_of, create_queue

NAME = f"it-{uuid.uuid4().hex[:8]}"
SERVICE = "S3"
CREATED = "Object Created in EventBridge: PutObject, CopyObject, CompleteMultipartUpload; with the object's version"
DELETED = "Object Deleted in EventBridge: Delete Marker Created, Permanently Deleted"
KEY = "incoming/a photo.png"  # with a space: a key is not encoded in these events
PART = b"x" * 7


@pytest.fixture(scope="module")
def queue(aws: dict[str, str]) -> Iterator[str]:
    """Yield the URL of a queue that receives the events of the versioned bucket NAME."""
    events, s3 = boto3.client("events"), boto3.client("s3")
    s3.create_bucket(Bucket=NAME)
    s3.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket=NAME, NotificationConfiguration={"EventBridgeConfiguration": {}})
    pattern = '{"source": ["aws.s3"], "detail": {"bucket": {"name": ["%s"]}, "object": {"key": [{"prefix": "in"}]}}}'
    rule = events.put_rule(Name=NAME, EventPattern=pattern % NAME)["RuleArn"]
    url, arn = create_queue()
    allow_events(url, arn, rule)
    events.put_targets(Rule=NAME, Targets=[{"Id": "one", "Arn": arn}])
    yield url
    events.remove_targets(Rule=NAME, Ids=["one"])
    events.delete_rule(Name=NAME)
    boto3.client("sqs").delete_queue(QueueUrl=url)
    bucket = boto3.resource("s3").Bucket(NAME)
    bucket.object_versions.delete()
    bucket.delete()


def put() -> Any:
    return boto3.client("s3").put_object(Bucket=NAME, Key=KEY, Body=PART)


def copy() -> Any:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=NAME, Key="source", Body=PART)
    return s3.copy_object(Bucket=NAME, Key=KEY, CopySource={"Bucket": NAME, "Key": "source"})


def upload_in_parts() -> Any:
    s3 = boto3.client("s3")
    upload = s3.create_multipart_upload(Bucket=NAME, Key=KEY)["UploadId"]
    part = s3.upload_part(Bucket=NAME, Key=KEY, UploadId=upload, PartNumber=1, Body=PART)
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    return s3.complete_multipart_upload(Bucket=NAME, Key=KEY, UploadId=upload, MultipartUpload=parts)


@pytest.mark.correction(name="s3-event-object")
@pytest.mark.aws(SERVICE, CREATED, "exact")
@pytest.mark.parametrize(
    ("create", "reason"),
    [(put, "PutObject"), (copy, "CopyObject"), (upload_in_parts, "CompleteMultipartUpload")],
)
def test_a_created_object_is_an_event(queue: str, create: Callable[[], Any], reason: str) -> None:
    created = create()
    event = body_of(queue)
    assert event["detail"]["object"].pop("sequencer")
    etag = created.get("ETag") or created["CopyObjectResult"]["ETag"]
    version = created["VersionId"]
    assert event["detail"]["object"] == {"key": KEY, "size": 7, "etag": etag.strip('"'), "version-id": version}
    assert (event["detail-type"], event["detail"]["reason"]) == ("Object Created", reason)


@pytest.mark.correction(name="s3-event-shape")
@pytest.mark.aws(SERVICE, CREATED, "exact")
def test_an_event_has_the_members_that_it_has_on_aws(queue: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    put()
    event = body_of(queue)
    detail = event.pop("detail")
    assert uuid.UUID(event.pop("id"))
    assert before <= datetime.strptime(event.pop("time"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert event == {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{NAME}"],
    }
    assert detail.pop("object").keys() == {"key", "size", "etag", "version-id", "sequencer"}
    assert re.fullmatch("[0-9A-Z]{16}", detail.pop("request-id"))
    assert detail == {
        "version": "0",
        "event-version": "1.2",
        "bucket": {"name": NAME},
        "requester": "000000000000",
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }


@pytest.mark.aws(SERVICE, "events of one key are in the order of their sequencers", "exact")
def test_sequencers_grow(queue: str) -> None:
    versions = [put()["VersionId"] for _ in range(3)]
    found = [body_of(queue)["detail"]["object"] for _ in versions]
    in_order = sorted(found, key=lambda one: str(one["sequencer"]))
    assert [one["version-id"] for one in in_order] == versions


@pytest.mark.aws(SERVICE, DELETED, "exact")
def test_a_deleted_object_is_an_event(queue: str) -> None:
    s3, version = boto3.client("s3"), put()["VersionId"]
    body_of(queue)
    marker = s3.delete_object(Bucket=NAME, Key=KEY)["VersionId"]
    found = deletion(queue)
    assert found == (
        "Delete Marker Created",
        {"key": KEY, "version-id": marker, "etag": "d41d8cd98f00b204e9800998ecf8427e"},
    )
    s3.delete_object(Bucket=NAME, Key=KEY, VersionId=version)
    assert deletion(queue) == ("Permanently Deleted", {"key": KEY, "version-id": version})


def deletion(queue: str) -> tuple[str, Any]:
    """Return the next event's deletion type and object."""
    event = body_of(queue)
    detail = event["detail"]
    assert (event["detail-type"], detail["reason"]) == ("Object Deleted", "DeleteObject")
    assert detail["object"].pop("sequencer")
    return detail["deletion-type"], detail["object"]


@pytest.mark.aws("CloudFormation", "a bucket's NotificationConfiguration with EventBridgeConfiguration", "exact")
def test_a_stack_s_bucket_sends_events(aws: dict[str, str]) -> None:
    cloudformation, name = boto3.client("cloudformation"), f"{NAME}-stack"
    bucket = {
        "BucketName": name,
        "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
    }
    template = {"Resources": {"bucket": {"Type": "AWS::S3::Bucket", "Properties": bucket}}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    found = boto3.client("s3").get_bucket_notification_configuration(Bucket=name)
    assert found["EventBridgeConfiguration"] == {}
    cloudformation.delete_stack(StackName=name)
