"""classifyImage: invoke the SageMaker endpoint for the probability of each class."""

import base64
import json
import logging
import os
import re
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CONTENT_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}  # by the image's first bytes
SIZE_LIMIT = 6 * 1024 * 1024  # bytes; the most that a SageMaker endpoint accepts in one request
BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")
FAILING = {"InternalFailure", "InternalDependencyException", "ModelError", "ServiceUnavailable"}
BUSY = {"ModelNotReadyException", "ThrottlingException"}

logger = logging.getLogger()
# Two attempts at each end before the function's timeout, so that their error has a name.
s3 = boto3.client("s3", config=Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 2}))
runtime = boto3.client(
    "sagemaker-runtime", config=Config(connect_timeout=2, read_timeout=18, retries={"total_max_attempts": 2})
)


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


class InvalidImageError(Exception):
    """When the endpoint refuses the photo; a retry would not help."""


class EndpointNotFoundError(Exception):
    """When there is no endpoint of the configured name."""


class EndpointUnavailableError(Exception):
    """When the endpoint cannot answer now; the state machine retries."""


class InvalidInferencesError(Exception):
    """When the endpoint answers anything but a probability for each class."""


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


def are_probabilities(value: Any) -> TypeGuard[list[float]]:
    """Return whether a value is a list of numbers from 0 to 1, one for each of two or more classes."""
    if not isinstance(value, list) or len(value) < 2:
        return False
    return all(type(number) in (int, float) and 0 <= number <= 1 for number in value)  # not NaN, not a boolean


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


def read_image(body: dict[str, Any]) -> bytes:
    """Return the photo from the event, or from the bucket when the event carries a reference only."""
    bucket, key = locate(body)
    if data := body.get("image_data"):
        return decode(data)
    version = {} if body.get("s3_version_id") is None else {"VersionId": body["s3_version_id"]}
    if version and not is_text(version["VersionId"]):
        raise InvalidEventError(f"s3_version_id must be the id of a version, but is {shorten(version['VersionId'])}.")
    with s3_errors_named(f"s3://{bucket}/{key}"):
        photo = s3.get_object(Bucket=bucket, Key=key, **version)
        size = photo["ContentLength"]
        if size > SIZE_LIMIT:  # without versions, the key may name another photo than serializeImageData saw
            raise ImageTooLargeError(f"s3://{bucket}/{key} has {size:,} bytes; at most {SIZE_LIMIT:,} are classified.")
        return photo["Body"].read()


def decode(image_data: Any) -> bytes:
    """Return the photo that an event carries in base64."""
    if not isinstance(image_data, str):
        raise InvalidEventError(f"image_data must be text in base64, but is of type {type(image_data).__name__}.")
    try:
        return base64.b64decode(image_data, validate=True)
    except ValueError as err:
        raise InvalidImageError(f"image_data is not base64: {err}.") from err


def endpoint_error(err: ClientError, s3_key: str) -> Exception:
    """Return the error for the state machine that an answer of SageMaker means."""
    response: Any = err.response
    code, refusal = response["Error"]["Code"], response.get("OriginalStatusCode", 0)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = str(response.get("OriginalMessage", err))[:1000].encode(errors="replace").decode()
    if 400 <= refusal < 500 and refusal not in (408, 429):  # by the container
        return InvalidImageError(f"The endpoint refused {s3_key}: {message}")
    if code in FAILING | BUSY or status >= 500 or status == 429:
        return EndpointUnavailableError(f"{code}: {message}")
    if code == "AccessDeniedException" or status == 403:
        return AccessDeniedError(f"The endpoint may not be invoked: {message}")
    if code == "ValidationError" and "not found" in message:
        return EndpointNotFoundError(f"{message} Deploy the model, or correct the stack's parameter EndpointName.")
    return InvalidImageError(f"SageMaker refused {s3_key}: {message}")


def classify_image(image: bytes, s3_key: str) -> list[float]:
    """Return one probability per class, in label order."""
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=os.environ["ENDPOINT_NAME"],
            ContentType=next((CONTENT_TYPES[m] for m in CONTENT_TYPES if image.startswith(m)), "application/x-image"),
            Accept="application/json",
            InferenceId=quote(s3_key)[-64:],  # joins captured data to the photo; at most 64 ASCII characters
            Body=image,
        )
        text = answer["Body"].read()
    except BotoCoreError as err:  # no connection, no answer in time, or a part of the answer only
        raise EndpointUnavailableError(str(err)) from err
    except ClientError as err:
        raise endpoint_error(err, s3_key) from err
    try:
        probabilities = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise InvalidInferencesError(f"The endpoint answered no JSON, but {shorten(text)}.") from err
    if not are_probabilities(probabilities):
        raise InvalidInferencesError(f"The endpoint answered no probabilities, but {shorten(probabilities)}.")
    return probabilities


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Return the event with `inferences`, and without `image_data`, which no later state needs."""
    body = unwrap(event)
    bucket, key = locate(body)
    image = read_image(body)
    if not image:
        raise InvalidImageError(f"s3://{bucket}/{key} is empty.")
    inferences = classify_image(image, key)
    logger.info("classified", extra={"s3_key": key, "confidence": max(inferences)})
    answer = {"s3_bucket": bucket, "s3_key": key, "image_data": "", "inferences": inferences}
    return {"statusCode": 200, "body": answer}
