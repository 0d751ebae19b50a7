"""serializeImageData: put the photo that the event names into the state, or a reference if it does not fit."""

import base64
import json
import logging
from typing import Any

import boto3
from botocore.exceptions import ClientError

# A state of Step Functions holds 262,144 bytes: 180,000 bytes become 240,000 characters of base64 and leave room for
# the rest of the event. The event carries a reference to a larger photo, and classifyImage reads the photo itself.
INLINE_BUDGET = 180_000  # bytes
SIZE_LIMIT = 6 * 1024 * 1024  # bytes; the most that a SageMaker endpoint accepts in one request

logger = logging.getLogger()
s3 = boto3.client("s3")


class InvalidEventError(Exception):
    """When the event lacks what this function needs."""


class ImageNotFoundError(Exception):
    """When the bucket has no object of this key."""


class ImageTooLargeError(Exception):
    """When the photo is larger than the endpoint accepts."""


def unwrap(event: Any) -> dict[str, Any]:
    """Return the innermost `body` of an event; each may be an object or a JSON string."""
    while isinstance(event, str) or "body" in event:
        event = json.loads(event) if isinstance(event, str) else event["body"]
    body: dict[str, Any] = event
    return body


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the event with `image_data` in base64, or `""` when the photo is above the inline budget."""
    body = unwrap(event)
    bucket, key = body.get("s3_bucket"), body.get("s3_key")
    if not (bucket and key):
        raise InvalidEventError(f"The event needs s3_bucket and s3_key, but has s3_bucket={bucket!r}, s3_key={key!r}.")
    try:
        photo = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as err:
        if err.response["Error"]["Code"] not in ("NoSuchKey", "NoSuchBucket"):
            raise
        raise ImageNotFoundError(f"s3://{bucket}/{key} does not exist.") from err
    size = photo["ContentLength"]
    if size > SIZE_LIMIT:
        raise ImageTooLargeError(f"s3://{bucket}/{key} has {size:,} bytes; at most {SIZE_LIMIT:,} can be classified.")
    answer = {"s3_bucket": bucket, "s3_key": key, "image_data": "", "inferences": []}
    if size <= INLINE_BUDGET:
        answer["image_data"] = base64.b64encode(photo["Body"].read()).decode()
    elif "VersionId" in photo:  # the key may be overwritten before classifyImage reads the photo
        answer["s3_version_id"] = photo["VersionId"]
    logger.info("serialized", extra={"s3_key": key, "bytes": size, "inline": size <= INLINE_BUDGET})
    return {"statusCode": 200, "body": answer}
