"""serializeImageData: put the photo that the event names into the state, or a reference if it does not fit."""

import base64
import json
import logging
import re
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# A state of Step Functions holds 262,144 bytes: 180,000 bytes become 240,000 characters of base64 and leave room for
# the rest of the event. The event carries a reference to a larger photo, and classifyImage reads the photo itself.
INLINE_BUDGET = 180_000  # bytes
SIZE_LIMIT = 6 * 1024 * 1024  # bytes; the most that a SageMaker endpoint accepts in one request
BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")

logger = logging.getLogger()
# Two attempts end before the function's timeout, so that their error has a name.
s3 = boto3.client("s3", config=Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 2}))


class InvalidEventError(Exception):
    """When the event is not what this function can read."""


class AccessDeniedError(Exception):
    """When the role of this function lacks a permission; the message names it."""


class ImageNotFoundError(Exception):
    """When the bucket has no object of this key, or not this version of it."""


class ImageTooLargeError(Exception):
    """When the photo is larger than the endpoint accepts."""


class ImageUnavailableError(Exception):
    """When S3 cannot answer now; the state machine retries."""


def unwrap(event: Any) -> dict[str, Any]:
    """Return the innermost `body` of an event; each may be an object or a JSON string."""
    try:
        while isinstance(event, str) or "body" in event:
            event = json.loads(event) if isinstance(event, str) else event["body"]
        return {**event}
    except (TypeError, ValueError, RecursionError) as err:  # not an object, not JSON, nested too deeply
        raise InvalidEventError(f"The event or its body is neither a JSON object nor the text of one: {err}.") from err


def is_text(value: Any) -> TypeGuard[str]:
    """Return whether a value is a string of 1 to 1,024 bytes in UTF-8, which has no lone surrogates."""
    try:
        return isinstance(value, str) and 1 <= len(value.encode()) <= 1024
    except UnicodeEncodeError:
        return False


def shorten(value: Any) -> str:
    """Return the beginning of a value for a message, with lone surrogates escaped."""
    try:
        return reprlib.repr(value)
    except ValueError:  # an integer with more digits than Python writes
        return type(value).__name__


def locate(body: dict[str, Any]) -> tuple[str, str]:
    """Return the bucket and the key of the photo."""
    bucket, key = body.get("s3_bucket"), body.get("s3_key")
    if not (is_text(bucket) and BUCKET_NAME.fullmatch(bucket) and is_text(key)):
        raise InvalidEventError(
            "The event needs s3_bucket and s3_key, the name of a bucket and a key of at most 1,024 bytes in UTF-8, "
            f"but has s3_bucket={shorten(bucket)}, s3_key={shorten(key)}."
        )
    return bucket, key


def s3_error(err: ClientError, photo: str) -> Exception:
    """Return the error for the state machine that an answer of S3 means."""
    code, status = err.response["Error"]["Code"], err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in ("NoSuchBucket", "NoSuchKey", "NoSuchVersion", "MethodNotAllowed"):  # the last for a deleted version
        return ImageNotFoundError(f"{photo} does not exist: {err}")
    if code == "AccessDenied" or status == 403:
        return AccessDeniedError(f"{photo} may not be read: {err}")
    if 400 <= status < 500 and status != 429:
        return InvalidEventError(f"{photo} is refused by S3: {err}")
    return ImageUnavailableError(f"{photo} cannot be read now: {err}")


@contextmanager
def s3_errors_named(photo: str) -> Iterator[None]:
    """Raise each error of S3 under a name that the state machine knows."""
    try:
        yield
    except BotoCoreError as err:  # no connection, no answer in time, or a part of the answer only
        raise ImageUnavailableError(f"{photo} cannot be read now: {err}") from err
    except ClientError as err:
        raise s3_error(err, photo) from err


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Return the event with `image_data` in base64, or `""` when the photo is above the inline budget."""
    bucket, key = locate(unwrap(event))
    answer = {"s3_bucket": bucket, "s3_key": key, "image_data": "", "inferences": []}
    with s3_errors_named(f"s3://{bucket}/{key}"):
        photo = s3.get_object(Bucket=bucket, Key=key)
        size = photo["ContentLength"]
        if size > SIZE_LIMIT:
            raise ImageTooLargeError(f"s3://{bucket}/{key} has {size:,} bytes; at most {SIZE_LIMIT:,} are classified.")
        if size <= INLINE_BUDGET:
            answer["image_data"] = base64.b64encode(photo["Body"].read()).decode()
        elif "VersionId" in photo:  # the key may be overwritten before classifyImage reads the photo
            answer["s3_version_id"] = photo["VersionId"]
    logger.info("serialized", extra={"s3_key": key, "bytes": size, "inline": size <= INLINE_BUDGET})
    return {"statusCode": 200, "body": answer}
