"""filterInferences: fail the execution unless the best class reaches the confidence threshold."""

import json
import logging
import os
import reprlib
import time
from typing import Any, TypeGuard

logger = logging.getLogger()


class ThresholdConfidenceNotMetError(Exception):
    """When no class reaches the confidence threshold."""


class InvalidEventError(Exception):
    """When the event is not what this function can read."""


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


def read_inferences(body: dict[str, Any]) -> list[float]:
    """Return the inferences of an event, which may be a list or a JSON string."""
    inferences = body.get("inferences")
    try:
        numbers = json.loads(inferences) if isinstance(inferences, str) else inferences
    except (ValueError, RecursionError):
        numbers = []
    if not are_probabilities(numbers):
        sentence = "The event needs inferences, a number from 0 to 1 for each of two or more classes"
        raise InvalidEventError(f"{sentence}, but has {shorten(inferences)}.")
    return numbers


def metrics(namespace: str, best: float, refused: bool) -> dict[str, Any]:
    """Return what makes a log line metrics of CloudWatch, in its embedded metric format; nothing without a namespace.

    The average of Refused is the share of refusals.
    """
    if not namespace:
        return {}
    names = [{"Name": "Confidence"}, {"Name": "Refused"}]
    directive = {"Namespace": namespace, "Dimensions": [[]], "Metrics": names}
    metadata = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return {"_aws": metadata, "Confidence": best, "Refused": int(refused)}


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Return the event unchanged when its best inference reaches the threshold.

    Raises:
        ThresholdConfidenceNotMetError: No class reaches the threshold. The execution is meant to fail.
    """
    body = unwrap(event)
    inferences = read_inferences(body)
    photo = {name: body.get(name) for name in ("s3_bucket", "s3_key")}  # nothing here needs them
    if not all(value in (None, "") or is_text(value) for value in photo.values()):
        raise InvalidEventError(f"s3_bucket and s3_key must be text of at most 1,024 bytes, but are {shorten(photo)}.")
    best, threshold = max(inferences), float(os.environ["CONFIDENCE_THRESHOLD"])
    measures = metrics(os.environ.get("METRICS_NAMESPACE", ""), best, best < threshold)
    logger.info("filtered", extra={"s3_key": photo["s3_key"], "confidence": best, "threshold": threshold, **measures})
    if best < threshold:
        raise ThresholdConfidenceNotMetError(f"THRESHOLD_CONFIDENCE_NOT_MET: best {best:.3f} < {threshold:.3f}")
    return {"statusCode": 200, "body": {**photo, "image_data": "", "inferences": inferences}}
