"""classifyImage: invoke the SageMaker endpoint for the probability of each class."""

import base64
import json
import logging
import os
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

CONTENT_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}  # by the image's first bytes
FAILING = {"InternalFailure", "InternalDependencyException", "ModelError", "ServiceUnavailable"}
BUSY = {"ModelNotReadyException", "ThrottlingException"}

logger = logging.getLogger()
s3 = boto3.client("s3")
runtime = boto3.client("sagemaker-runtime", config=Config(read_timeout=25, retries={"total_max_attempts": 2}))


class InvalidEventError(Exception):
    """When the event lacks what this function needs."""


class InvalidImageError(Exception):
    """When the endpoint refuses the photo; a retry would not help."""


class EndpointUnavailableError(Exception):
    """When the endpoint cannot answer now; the state machine retries."""


def unwrap(event: Any) -> dict[str, Any]:
    """Return the innermost `body` of an event; each may be an object or a JSON string."""
    while isinstance(event, str) or "body" in event:
        event = json.loads(event) if isinstance(event, str) else event["body"]
    body: dict[str, Any] = event
    return body


def read_image(body: dict[str, Any]) -> bytes:
    """Return the photo from the event, or from the bucket when the event carries a reference only."""
    if body.get("image_data"):
        try:
            return base64.b64decode(body["image_data"], validate=True)
        except ValueError as err:
            raise InvalidImageError(f"image_data is not base64: {err}.") from err
    version = {"VersionId": body["s3_version_id"]} if "s3_version_id" in body else {}
    return s3.get_object(Bucket=body["s3_bucket"], Key=body["s3_key"], **version)["Body"].read()


def classify_image(image: bytes, s3_key: str) -> list[float]:
    """Return one probability per class, in label order.

    Raises:
        InvalidImageError: The endpoint answered 4xx.
        EndpointUnavailableError: The endpoint is throttled, is failing, or did not answer in time.
    """
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=os.environ["ENDPOINT_NAME"],
            ContentType=next((CONTENT_TYPES[m] for m in CONTENT_TYPES if image.startswith(m)), "application/x-image"),
            Accept="application/json",
            InferenceId=quote(s3_key)[-64:],  # joins captured data to the photo; at most 64 ASCII characters
            Body=image,
        )
    except (ConnectionError, HTTPClientError) as err:
        raise EndpointUnavailableError(str(err)) from err
    except ClientError as err:
        response: Any = err.response
        if 400 <= response.get("OriginalStatusCode", 0) < 500:
            raise InvalidImageError(f"The endpoint refused {s3_key}: {response['OriginalMessage']}") from err
        if response["Error"]["Code"] in FAILING | BUSY:
            raise EndpointUnavailableError(str(err)) from err
        raise
    probabilities: list[float] = json.loads(answer["Body"].read())
    return probabilities


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the event with `inferences`, and without `image_data`, which no later state needs."""
    body = unwrap(event)
    if not (body.get("s3_bucket") and body.get("s3_key")):
        raise InvalidEventError(f"The event needs s3_bucket and s3_key, but has only {sorted(body)}.")
    inferences = classify_image(read_image(body), body["s3_key"])
    logger.info("classified", extra={"s3_key": body["s3_key"], "confidence": max(inferences)})
    answer = {"s3_bucket": body["s3_bucket"], "s3_key": body["s3_key"], "image_data": "", "inferences": inferences}
    return {"statusCode": 200, "body": answer}
