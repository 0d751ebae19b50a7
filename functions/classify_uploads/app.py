"""classifyUploads: give each photo that was uploaded one verdict, and tell it.

Events come twice and in any order, and an invocation may end anywhere. So each step can be repeated: the verdict is
written only where there is none, then an event tells it, and at last a tag on the photo says that both are done.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PHOTO_ERRORS = {"ImageNotFoundError", "ImageTooLargeError", "InvalidEventError", "InvalidImageError"}  # others may pass
GONE = {"NoSuchKey", "NoSuchVersion", "MethodNotAllowed"}  # S3's codes for a photo that has been deleted
TAG, MOST_TAGS = "verdict", 10
FIRST_PAUSE, LONGEST_PAUSE = 15, 900  # seconds until a message comes again; doubled each time

logger = logging.getLogger()
s3 = boto3.client("s3", config=Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 2}))
events = boto3.client("events", config=Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 2}))
sqs = boto3.client("sqs", config=Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 2}))
# It answers when the execution has ended, which its TimeoutSeconds limits to 100.
states = boto3.client("stepfunctions", config=Config(connect_timeout=2, read_timeout=110, retries={"mode": "standard"}))

Verdict = dict[str, Any]
Tags = list[Any]  # Key and Value of each


class InvalidEventError(Exception):
    """When the event is not what this function can read."""


@dataclass(frozen=True)
class Upload:
    """One version of one photo."""

    bucket: str
    key: str
    version_id: str  # "" in a bucket without versions
    etag: str
    time: str  # ISO 8601, UTC; the same in each copy of an event
    sequencer: str  # orders the uploads of one key

    @property
    def version(self) -> str:
        return self.version_id or self.etag

    @property
    def address(self) -> dict[str, Any]:
        version = {"VersionId": self.version_id} if self.version_id else {}
        return {"Bucket": self.bucket, "Key": self.key, **version}

    @property
    def verdict_key(self) -> str:
        digest = hashlib.sha256(self.key.encode()).hexdigest()[:32]
        return f"verdicts/uploads/date={self.time[:10]}/{digest}-{self.version}.jsonl"


def read_messages(event: Any) -> list[dict[str, Any]]:
    """Return the messages of a batch.

    Raises:
        InvalidEventError: The event is something else.
    """
    try:
        messages = [{**message} for message in event["Records"]]
        for message in messages:
            "".join(message[name] for name in ("messageId", "receiptHandle", "body"))  # all of them text
            int(message["attributes"]["ApproximateReceiveCount"])
        return messages
    except (LookupError, TypeError, ValueError) as err:
        raise InvalidEventError(f"The event is no batch of messages of a queue: {ascii(str(err))[:200]}.") from err


def read_upload(body: str) -> Upload:
    """Return the photo that a message is about.

    Raises:
        InvalidEventError: The message is something else.
    """
    try:
        event = json.loads(body)
        found, version = event["detail"]["object"], event["detail"]["object"].get("version-id")
        version_id = "" if version in (None, "null") else version  # null: written while versioning was suspended
        place = (event["detail"]["bucket"]["name"], found["key"], version_id, found["etag"])
        upload = Upload(*place, event["time"], found.get("sequencer", ""))
        "".join((*place, upload.time, upload.sequencer)).encode()  # all of them text, in UTF-8
        return upload
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as err:
        raise InvalidEventError(f"The message is not an event of S3 about an object: {err!r}.") from err


def for_each(act: Callable[[Upload], Any], uploads: Iterable[Upload]) -> dict[Upload, Any]:
    """Call a function for all uploads at once; those for which AWS answers with an error are left out."""

    def attempt(upload: Upload) -> list[tuple[Upload, Any]]:
        try:
            return [(upload, act(upload))]
        except (BotoCoreError, ClientError) as err:
            logger.warning("postponed", extra={"s3_key": upload.key, "cause": str(err)})
            return []

    with ThreadPoolExecutor(10) as pool:
        return dict(chain.from_iterable(pool.map(attempt, uploads)))


def read_tags(upload: Upload) -> Tags:
    """Return the tags of a photo, none of one that has been deleted."""
    try:
        return list(s3.get_object_tagging(**upload.address)["TagSet"])
    except ClientError as err:
        if err.response["Error"]["Code"] not in GONE:
            raise
        return []


def read_verdict(upload: Upload) -> Verdict | None:
    """Return the verdict of an earlier invocation, None when there is none."""
    try:
        found = s3.get_object(Bucket=upload.bucket, Key=upload.verdict_key)["Body"].read()
    except ClientError as err:
        if err.response["Error"]["Code"] not in GONE:
            raise
        return None
    verdict: Verdict = json.loads(found)
    return verdict


def classify(uploads: list[Upload]) -> dict[Upload, Verdict]:
    """Return the verdicts of photos; those that could not be classified now have none.

    Only an error that lies in the photo is a verdict. Every other one, also a missing endpoint or permission, is left
    to the queue: the photo is classified once the cause is gone.
    """
    photos = [{"s3_key": one.key, "version": one.version_id or None} for one in uploads]
    classes = [name for name in os.environ["CLASSES"].split(",") if name]
    try:
        answer = states.start_sync_execution(
            stateMachineArn=os.environ["STATE_MACHINE_ARN"], input=json.dumps({"Items": photos, "classes": classes})
        )
    except (BotoCoreError, ClientError) as err:
        logger.warning("postponed", extra={"photos": len(photos), "cause": str(err)})
        return {}
    if answer["status"] != "SUCCEEDED":
        why = {name: answer.get(name) for name in ("status", "error", "cause")}
        logger.warning("postponed", extra={"photos": len(photos), "cause": why})
        return {}
    found = dict(zip(uploads, json.loads(answer["output"]), strict=True))
    for one in (one for one in found.values() if "error" in one):
        logger.warning("unclassified", extra={name: one.get(name) for name in ("s3_key", "error", "cause")})
    return {one: verdict for one, verdict in found.items() if is_final(verdict)}


def is_final(verdict: Verdict) -> bool:
    return "error" not in verdict or verdict["error"] in PHOTO_ERRORS


def store(upload: Upload, verdict: Verdict) -> Verdict:
    """Keep the first verdict of a photo, and return it: of two invocations at once, one writes."""
    more = {"version": upload.version, "s3_bucket": upload.bucket, "uploaded": upload.time}
    kept = {**verdict, **more, "sequencer": upload.sequencer}
    line = json.dumps(kept, ensure_ascii=False) + "\n"
    try:
        s3.put_object(Bucket=upload.bucket, Key=upload.verdict_key, Body=line.encode(), IfNoneMatch="*")
        return kept
    except ClientError as err:
        if err.response["Error"]["Code"] != "PreconditionFailed":
            raise
    return read_verdict(upload) or kept


def outcome(verdict: Verdict) -> str:
    if "error" in verdict:
        return "failed"
    return "accepted" if verdict["accepted"] else "refused"


def announce(verdicts: dict[Upload, Verdict]) -> list[Upload]:
    """Send an event for each verdict, and return the photos whose events were sent."""
    entries = [
        {
            "Source": "scones",
            "DetailType": "Photo classified",
            "Detail": json.dumps({**verdict, "verdict": outcome(verdict), "verdict_key": upload.verdict_key}),
        }
        for upload, verdict in verdicts.items()
    ]
    if not entries:
        return []
    try:
        answers = events.put_events(Entries=entries)["Entries"]  # at most ten, as many as a batch has messages
    except (BotoCoreError, ClientError) as err:
        logger.warning("postponed", extra={"photos": len(entries), "cause": str(err)})
        return []
    return [upload for upload, answer in zip(verdicts, answers, strict=True) if "ErrorCode" not in answer]


def tag(upload: Upload, verdict: Verdict, tags: Tags) -> None:
    """Tag a photo with its verdict, besides the tags that it has; S3 takes them all at once."""
    others = [one for one in tags if one["Key"] != TAG]
    if len(others) >= MOST_TAGS:
        logger.warning("untagged", extra={"s3_key": upload.key, "tags": len(others)})
        return
    try:
        tagging: Any = {"TagSet": [*others, {"Key": TAG, "Value": outcome(verdict)}]}
        s3.put_object_tagging(**upload.address, Tagging=tagging)
    except ClientError as err:
        if err.response["Error"]["Code"] not in GONE:
            raise


def conclude(uploads: list[Upload]) -> set[Upload]:
    """Give each photo its verdict, event and tag; return the photos that have all three."""
    tags = for_each(read_tags, uploads)
    tagged = [one for one, found in tags.items() if TAG in [pair["Key"] for pair in found]]
    known = for_each(read_verdict, tagged)  # a tag without a verdict is the uploader's own
    complete = {one for one, verdict in known.items() if verdict}
    verdicts = classify(rest) if (rest := [one for one in tags if one not in complete]) else {}
    stored = for_each(lambda one: store(one, verdicts[one]), verdicts)
    told = announce(stored)
    complete |= set(for_each(lambda one: tag(one, stored[one], tags[one]), told))
    logger.info("concluded", extra={"photos": len(uploads), "complete": len(complete)})
    return complete


def postpone(record: dict[str, Any]) -> None:
    """Let a message come again after a pause that doubles, instead of after the queue's visibility timeout."""
    pause = FIRST_PAUSE * 2 ** min(10, int(record["attributes"]["ApproximateReceiveCount"]) - 1)
    try:
        sqs.change_message_visibility(
            QueueUrl=os.environ["QUEUE_URL"],
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=min(LONGEST_PAUSE, pause),
        )
    except (BotoCoreError, ClientError) as err:  # it comes again all the same, later
        logger.warning("unchanged", extra={"message_id": record["messageId"], "cause": str(err)})


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Return the messages that must come again: the others have a verdict.

    Raises:
        InvalidEventError: The event is no batch of messages.
    """
    uploads: dict[Upload, list[dict[str, Any]]] = {}
    failed = []
    for record in read_messages(event):
        try:
            uploads.setdefault(read_upload(record["body"]), []).append(record)
        except InvalidEventError as err:
            logger.warning("unreadable", extra={"message_id": record["messageId"], "cause": str(err)})
            failed.append(record)
    complete = conclude(list(uploads))
    failed += [record for one, records in uploads.items() if one not in complete for record in records]
    for record in failed:
        postpone(record)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}
