"""tellFailure: say in one readable message which execution failed, for which photo, and why."""

import json
import logging
import os
from typing import Any

import boto3
from botocore.config import Config

NEEDED = ("name", "stateMachineArn", "status", "executionArn")  # of an event's detail
NAMED = ("s3_bucket", "s3_key", "prefix", "manifest")  # what an execution's input says of its photos; never image_data
CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}  # by partition
LONGEST_SUBJECT, LONGEST_PART = 100, 1000  # characters; the first is SNS's limit

logger = logging.getLogger()
sns = boto3.client("sns", config=Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 2}))


class InvalidEventError(Exception):
    """When the event is not what this function can read."""


def read_detail(event: Any) -> dict[str, Any]:
    """Return what an event tells of an execution.

    Raises:
        InvalidEventError: It tells of something else.
    """
    try:
        detail = {**event["detail"]}
        "".join(detail[name] for name in NEEDED)  # all of them text
        console_url(detail["executionArn"])
        return detail
    except (LookupError, TypeError, ValueError) as err:
        raise InvalidEventError(f"The event does not tell of an execution: {ascii(str(err))[:200]}.") from err


def photos_of(text: Any) -> str:
    """Return what an execution's input says of its photos."""
    try:
        found = json.loads(text)
        parts = [f"{name} {str(found[name])[:LONGEST_PART]}" for name in NAMED if found.get(name)]
    except (ValueError, TypeError, AttributeError, RecursionError):  # too large for an event, or no object
        parts = []
    return ", ".join(parts) or "not named by the input"


def message_of(cause: Any) -> str:
    """Return the sentence in a cause: a function's is JSON with a stack trace."""
    try:
        cause = json.loads(cause)["errorMessage"]
    except (ValueError, TypeError, LookupError, RecursionError):
        pass
    return str(cause or "not told")[:LONGEST_PART]


def console_url(execution_arn: str) -> str:
    _, partition, _, region, *_ = execution_arn.split(":")
    domain = CONSOLES.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{domain}/states/home?region={region}#/v2/executions/details/{execution_arn}"


def lambda_handler(event: Any, context: Any) -> None:
    """Publish a message about an execution that has failed, timed out or was aborted.

    Raises:
        InvalidEventError: The event does not tell of an execution.
    """
    detail = read_detail(event)
    machine = detail["stateMachineArn"].rpartition(":")[2]
    error = detail.get("error") or "no error"
    lines = [
        f"What: execution {detail['name']} of {machine} has status {detail['status']} ({error}).",
        f"Photo: {photos_of(detail.get('input'))}",
        f"Why: {message_of(detail.get('cause'))}",
        f"Look: {console_url(detail['executionArn'])}",
    ]
    subject = f"{machine}: {detail['status']}, {error}".encode("ascii", "replace").decode()[:LONGEST_SUBJECT]
    message = "\n".join(lines).encode(errors="replace").decode()  # an input may have half a character
    sns.publish(TopicArn=os.environ["TOPIC_ARN"], Subject=" ".join(subject.split()), Message=message)
    logger.info("told", extra={"execution_arn": detail["executionArn"], "error": error})
