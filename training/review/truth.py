"""Keeps answers in the bucket in SageMaker's formats: lines of ground truth, and an augmented manifest of the photos.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest.html
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from training.config import REVIEW_PREFIX, VARIANT
from training.context import Context
from training.review.answers import UNUSABLE, Answer, photo_path

UPLOADS = 8  # at once; botocore keeps ten connections
MANIFEST_KEY = f"{REVIEW_PREFIX}/augmented.manifest"
PHOTO_PREFIX = f"{REVIEW_PREFIX}/photos/"


def keep(context: Context, answers: list[Answer], classes: tuple[str, ...]) -> None:
    """Put all answers into the bucket; a second call with the same answers changes nothing.

    An unusable photo has no truth. A photo that shows none of the classes has that as its truth, and is not in the
    manifest, which is for training.
    """
    hours = truth_by_key(context.stack.endpoint_name, answers, classes)
    stale = set(_keys(context, truth_prefix(context.stack.endpoint_name))) - hours.keys()
    for key in sorted(stale | hours.keys()):
        _put(context, key, hours.get(key, []))  # an undo may have emptied an hour
    with_photo = [one for one in answers if one.answer in classes and _photo_exists(context, one)]
    _upload_photos(context, with_photo)
    _put(context, MANIFEST_KEY, [manifest_line(context, one, classes) for one in with_photo])


def truth_prefix(endpoint_name: str) -> str:
    return f"{REVIEW_PREFIX}/truth/{endpoint_name}/{VARIANT}/"


def truth_by_key(endpoint_name: str, answers: Iterable[Answer], classes: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the lines of ground truth by the key of their file: one an hour, that of the inferences, in UTC."""
    found: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        if answer.answer != UNUSABLE:
            hour = datetime.fromisoformat(answer.inference_time)
            key = f"{truth_prefix(endpoint_name)}{hour:%Y/%m/%d/%H}/answers.jsonl"
            found[key].append(truth_line(answer, classes))
    return dict(found)


def truth_line(answer: Answer, classes: tuple[str, ...]) -> str:
    """Return a line of ground truth; a class is its label, which counts from 0."""
    data = str(classes.index(answer.answer)) if answer.answer in classes else answer.answer
    event = {"eventId": answer.inference_id or answer.event_id}
    return json.dumps(
        {"groundTruthData": {"data": data, "encoding": "CSV"}, "eventMetadata": event, "eventVersion": "0"}
    )


def manifest_line(context: Context, answer: Answer, classes: tuple[str, ...]) -> str:
    """Return a line of the augmented manifest, as a labeling job of Ground Truth writes it."""
    metadata = {
        "class-name": answer.answer,
        "confidence": 1.0,  # one person has answered
        "type": "groundtruth/image-classification",
        "human-annotated": "yes",
        "creation-date": datetime.fromisoformat(answer.time).strftime("%Y-%m-%dT%H:%M:%S.000000"),
        "job-name": f"review/{context.stack.name}",
    }
    source = f"s3://{context.stack.bucket}/{photo_key(context, answer)}"
    return json.dumps(
        {"source-ref": source, "class": classes.index(answer.answer), "class-metadata": metadata}, ensure_ascii=False
    )


def photo_key(context: Context, answer: Answer) -> str:
    """Return the key of the copy of a photo; the object that was classified may be replaced or deleted."""
    return f"{PHOTO_PREFIX}{photo_path(context.directory, answer.event_id).name}"


def _photo_exists(context: Context, answer: Answer) -> bool:
    return photo_path(context.directory, answer.event_id).exists()


def _upload_photos(context: Context, answers: list[Answer]) -> None:
    there = set(_keys(context, PHOTO_PREFIX))
    missing = {key: one for one in answers if (key := photo_key(context, one)) not in there}

    def upload(key: str) -> None:
        content = photo_path(context.directory, missing[key].event_id).read_bytes()
        context.clients.s3.put_object(Bucket=context.stack.bucket, Key=key, Body=content)

    with ThreadPoolExecutor(UPLOADS) as pool:
        list(pool.map(upload, missing))


def _keys(context: Context, prefix: str) -> Iterator[str]:
    pages = context.clients.s3.get_paginator("list_objects_v2").paginate(Bucket=context.stack.bucket, Prefix=prefix)
    return (item["Key"] for page in pages for item in page.get("Contents", []))


def _put(context: Context, key: str, lines: list[str]) -> None:
    body = "".join(f"{line}\n" for line in lines).encode()
    context.clients.s3.put_object(Bucket=context.stack.bucket, Key=key, Body=body, ContentType="application/jsonlines")
