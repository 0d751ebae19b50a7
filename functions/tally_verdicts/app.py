"""tallyVerdicts: count the verdicts of a batch, from where an earlier invocation stopped."""

import json
import logging
import re
import reprlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

RESERVE = 30_000  # milliseconds of its time in which an invocation reads no further line
BETWEEN_LOOKS = 1_000  # lines, after which an invocation looks at the time that it has left
CHUNK = 1 << 20  # bytes read at once
VERDICTS = ("accepted", "refused")  # every other outcome is the name of an error
KINDS = ("SUCCEEDED", "FAILED", "PENDING")  # of files, in a manifest of Step Functions
BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")

logger = logging.getLogger()
# Two attempts end before the function's timeout, so that their error has a name.
s3 = boto3.client("s3", config=Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 2}))


class InvalidEventError(Exception):
    """When the event is not what this function can read."""


class AccessDeniedError(Exception):
    """When the role of this function lacks a permission; the message names it."""


class InvalidVerdictsError(Exception):
    """When a file of the batch is missing, or is not what Step Functions and the batch write."""


class VerdictsUnavailableError(Exception):
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


def read_counts(body: dict[str, Any]) -> tuple[Counter[str], int, int]:
    """Return what earlier invocations counted, by outcome, and the file and byte where they stopped."""
    try:
        found = {name: body.get(name, 0) for name in VERDICTS} | body.get("errors", {})
        outcomes = Counter({str(name): int(number) for name, number in found.items()})
        return outcomes, int(body.get("file", 0)), int(body.get("byte", 0))
    except (TypeError, ValueError) as err:
        raise InvalidEventError(f"The counts of the event are not those of an earlier invocation: {err}.") from err


@contextmanager
def verdict_errors_named(key: str) -> Iterator[None]:
    """Raise each error of S3, and each mistake in a file, under a name that the state machine knows."""
    try:
        yield
    except BotoCoreError as err:  # no connection, no answer in time, or a part of the answer only
        raise VerdictsUnavailableError(f"{key} cannot be read now: {err}") from err
    except ClientError as err:
        code, status = err.response["Error"]["Code"], err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "AccessDenied" or status == 403:
            raise AccessDeniedError(f"{key} may not be read: {err}") from err
        if 400 <= status < 500 and status != 429:
            raise InvalidVerdictsError(f"{key} is refused by S3: {err}") from err
        raise VerdictsUnavailableError(f"{key} cannot be read now: {err}") from err
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        raise InvalidVerdictsError(f"{key} is not what a batch writes: {type(err).__name__}: {err}") from err


def read_files(bucket: str, key: str) -> list[tuple[str, str, int]]:
    """Return kind, key and bytes of each file that a manifest names; an empty file has nothing to read."""
    with verdict_errors_named(f"s3://{bucket}/{key}"):
        files = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])["ResultFiles"]
        found = [(kind, one["Key"], int(one["Size"])) for kind in KINDS for one in files.get(kind, [])]
    return [one for one in found if one[2]]


def outcomes_of(kind: str, line: bytes) -> Iterator[str]:
    """Yield "accepted", "refused" or the name of an error, once for each photo of a line."""
    entry = json.loads(line)
    if kind == "SUCCEEDED":
        yield entry["error"] if "error" in entry else VERDICTS[0] if entry["accepted"] else VERDICTS[1]
        return
    for child in entry if isinstance(entry, list) else [entry]:  # one that has not ended well, as Step Functions has it
        for _ in json.loads(child["Input"])["Items"]:
            yield child.get("Error") or child["Status"]


def count_lines(kind: str, lines: Iterator[bytes], outcomes: Counter[str], context: Any) -> int:
    """Count the outcomes of whole lines until time is up; returns the bytes that were read."""
    read = 0
    for number, line in enumerate(lines, start=1):
        if line.strip():
            outcomes.update(outcomes_of(kind, line))
        read += len(line)
        if number % BETWEEN_LOOKS == 0 and is_late(context):
            break
    return read


def is_late(context: Any) -> bool:
    return bool(context.get_remaining_time_in_millis() < RESERVE)


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Return how many photos were accepted, refused or failed, and whether all files have been read.

    Raises:
        InvalidVerdictsError: A file is missing or cannot be read.
    """
    body = unwrap(event)
    bucket, key = locate(body)
    outcomes, at, byte = read_counts(body)
    files = read_files(bucket, key)
    while at < len(files) and not is_late(context):
        kind, name, size = files[at]
        with verdict_errors_named(f"s3://{bucket}/{name}"):
            rest = s3.get_object(Bucket=bucket, Key=name, Range=f"bytes={byte}-")["Body"]
            byte += count_lines(kind, rest.iter_lines(CHUNK, keepends=True), outcomes, context)
        at, byte = (at, byte) if byte < size else (at + 1, 0)
    logger.info("tallied", extra={"s3_key": key, "photos": outcomes.total(), "files": at})
    verdicts = {verdict: outcomes.pop(verdict) for verdict in VERDICTS}
    failed = outcomes.total()
    counts = {"photos": sum(verdicts.values()) + failed, **verdicts, "failed": failed, "errors": dict(outcomes)}
    return {"statusCode": 200, "body": {"s3_key": key, **counts, "file": at, "byte": byte, "done": at >= len(files)}}
