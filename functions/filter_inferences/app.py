"""filterInferences: fail the execution unless the best class reaches the confidence threshold."""

import json
import logging
import os
from typing import Any

logger = logging.getLogger()


class ThresholdConfidenceNotMetError(Exception):
    """When no class reaches the confidence threshold."""


class InvalidEventError(Exception):
    """When the event lacks what this function needs."""


def unwrap(event: Any) -> dict[str, Any]:
    """Return the innermost `body` of an event; each may be an object or a JSON string."""
    while isinstance(event, str) or "body" in event:
        event = json.loads(event) if isinstance(event, str) else event["body"]
    body: dict[str, Any] = event
    return body


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the event unchanged when its best inference reaches the threshold.

    Raises:
        ThresholdConfidenceNotMetError: No class reaches the threshold. The execution is meant to fail.
    """
    body = unwrap(event)
    inferences = body.get("inferences")
    if isinstance(inferences, str):
        inferences = json.loads(inferences or "[]")
    if not inferences:
        raise InvalidEventError(f"The event needs inferences, one number per class, but has {inferences!r}.")
    best, threshold = max(inferences), float(os.environ["CONFIDENCE_THRESHOLD"])
    logger.info("filtered", extra={"s3_key": body.get("s3_key"), "confidence": best, "threshold": threshold})
    if not best >= threshold:  # also true when best is NaN
        raise ThresholdConfidenceNotMetError(f"THRESHOLD_CONFIDENCE_NOT_MET: best {best:.3f} < {threshold:.3f}")
    answer = {"s3_bucket": body.get("s3_bucket"), "s3_key": body.get("s3_key")}
    return {"statusCode": 200, "body": {**answer, "image_data": "", "inferences": inferences}}
