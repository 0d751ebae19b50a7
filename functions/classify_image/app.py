"""classifyImage: ask the SageMaker endpoint how likely each class is."""

import base64
import json
import logging
import os
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

CONTENT_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}  # by the first bytes
TRANSIENT = {
    "InternalFailure",
    "InternalDependencyException",
    "ModelError",
    "ModelNotReadyException",
    "ServiceUnavailable",
    "ThrottlingException",
}

logger = logging.getLogger()
s3 = boto3.client("s3")
runtime = boto3.client("sagemaker-runtime", config=Config(read_timeout=25, retries={"total_max_attempts": 2}))


class InvalidEventError(Exception):
    """When the event does not name a photo."""


class InvalidImageError(Exception):
    """When the endpoint refuses the photo; asking again would not help."""


class EndpointUnavailableError(Exception):
    """When the endpoint cannot answer right now; the state machine retries it."""


def unwrap(event: Any) -> dict[str, Any]:
    """Return the innermost `body` of an event; each may be an object or a JSON string."""
    while isinstance(event, str) or "body" in event:
        event = json.loads(event) if isinstance(event, str) else event["body"]
    return event


def read_image(body: dict[str, Any]) -> bytes:
    """Return the photo from the event, or from the bucket when it travels by reference."""
    if body.get("image_data"):
        try:
            return base64.b64decode(body["image_data"], validate=True)
        except ValueError as err:
            raise InvalidImageError(f"image_data is not base64: {err}.") from err
    version = {"VersionId": body["s3_version_id"]} if "s3_version_id" in body else {}
    return s3.get_object(Bucket=body["s3_bucket"], Key=body["s3_key"], **version)["Body"].read()


def classify_image(image: bytes, s3_key: str) -> list[float]:
    """Return one probability per class, in label order.

    The inference id (at most 64 ASCII characters) lets captured data be joined to the photo.

    Raises:
        InvalidImageError: The endpoint answered 4xx.
        EndpointUnavailableError: It is throttled, failing, or did not answer in time.
    """
    content_type = next((t for magic, t in CONTENT_TYPES.items() if image.startswith(magic)), "application/x-image")
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=os.environ["ENDPOINT_NAME"],
            ContentType=content_type,
            Accept="application/json",
            InferenceId=quote(s3_key)[-64:],
            Body=image,
        )
    except (ConnectionError, HTTPClientError) as err:
        raise EndpointUnavailableError(str(err)) from err
    except ClientError as err:
        if 400 <= err.response.get("OriginalStatusCode", 0) < 500:
            raise InvalidImageError(f"The endpoint refused {s3_key}: {err.response['OriginalMessage']}") from err
        if err.response["Error"]["Code"] in TRANSIENT:
            raise EndpointUnavailableError(str(err)) from err
        raise
    return json.loads(answer["Body"].read())


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the event with `inferences` filled and `image_data` dropped: nothing downstream needs it."""
    body = unwrap(event)
    if not (body.get("s3_bucket") and body.get("s3_key")):
        raise InvalidEventError(f"The event needs s3_bucket and s3_key, but has only {sorted(body)}.")
    inferences = classify_image(read_image(body), body["s3_key"])
    logger.info("classified", extra={"s3_key": body["s3_key"], "confidence": max(inferences)})
    answer = {"s3_bucket": body["s3_bucket"], "s3_key": body["s3_key"], "image_data": "", "inferences": inferences}
    return {"statusCode": 200, "body": answer}
