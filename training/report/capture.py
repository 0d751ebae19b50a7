"""Reads what the endpoint's data capture wrote to the bucket."""

import base64
import json
import math
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from training.algorithm.images import network_shape
from training.algorithm.photo_statistics import STATISTICS, measure_photo
from training.config import capture_prefix, is_traffic
from training.errors import CaptureError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DOWNLOADS = 8  # at once; botocore keeps ten connections
POLL_SECONDS = 2.0
QUIET_SECONDS = 30.0  # without a new record, when enough are there but some cannot be told from another caller's
# A file's folder is the hour in which the file was written, not that of its inferences, and clocks differ.
SLACK = timedelta(minutes=10)
UNKNOWN = (math.nan,) * len(STATISTICS)


@dataclass(frozen=True)
class CapturedInference:
    """An answer of the endpoint as data capture recorded it."""

    time: datetime  # UTC, whole seconds
    inference_id: str | None  # None when the request had none
    probabilities: tuple[float, ...]  # one per class, in label order
    event_id: str
    statistics: tuple[float, ...] = UNKNOWN  # of the photo, in the order of STATISTICS; NaN: it was not captured


class CaptureReader:
    """Reads what an endpoint captured; each file is downloaded once, because data capture never writes to it again."""

    def __init__(
        self, s3: "S3Client", bucket: str, endpoint_name: str, image_shape: Sequence[int] | None = None
    ) -> None:
        """Read what an endpoint captured.

        Args:
            image_shape: (channels, height, width) of the network's input, to measure photos at; None: they are not.
        """
        self._shape = network_shape(image_shape) if image_shape else None
        self._s3 = s3
        self._bucket = bucket
        self._prefix = capture_prefix(endpoint_name)
        self._files: dict[str, list[CapturedInference]] = {}  # by key

    def read(self, since: datetime, until: datetime) -> list[CapturedInference]:
        """Return the inferences captured from `since` to `until`, both included, in chronological order.

        Those of a comparison of models are left out, which deploy asks for, and those of photos that somebody tried.

        Raises:
            CaptureError: A line is not a capture record; the message names the file and the line.
        """
        new = [key for key in self._list(since, until) if key not in self._files]
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            self._files |= dict(zip(new, pool.map(self._download, new), strict=True))
        first = since.replace(microsecond=0)  # records have whole seconds
        found = [
            one
            for records in self._files.values()
            for one in records
            if first <= one.time <= until and is_traffic(one.inference_id)
        ]
        return sorted(found, key=lambda inference: (inference.time, inference.event_id))

    def _list(self, since: datetime, until: datetime) -> list[str]:
        """Return the keys of the files, of all variants, that can hold an inference of the period."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
        )
        variants = [variant["Prefix"] for page in pages for variant in page.get("CommonPrefixes", [])]
        return [key for variant in variants for key in self._list_variant(variant, since, until)]

    def _list_variant(self, variant: str, since: datetime, until: datetime) -> list[str]:
        """List from the first hour folder to the last: key order is chronological."""
        first, last = (f"{variant}{hour.astimezone(UTC):%Y/%m/%d/%H}" for hour in (since - SLACK, until + SLACK))
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=variant, StartAfter=first
        )
        keys = (item["Key"] for page in pages for item in page.get("Contents", []))
        return [key for key in takewhile(lambda key: key[: len(last)] <= last, keys) if key.endswith(".jsonl")]

    def _download(self, key: str) -> list[CapturedInference]:
        content = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return _parse(content, f"s3://{self._bucket}/{key}", self._shape)


@dataclass(frozen=True)
class Expected:
    """The inferences to wait for."""

    since: datetime
    inference_ids: Collection[str]  # of the staged photos; records without an id or with another may be ours, or not
    number: int
    timeout: float  # seconds


def wait_for(reader: CaptureReader, expected: Expected, console: Console) -> list[CapturedInference]:
    """Return all inferences since `expected.since`, once as many as expected are captured or the time is up.

    Captured inferences reach S3 after minutes on AWS and after seconds on this machine. When there are enough records,
    but too few of known photos, `QUIET_SECONDS` without another one end the wait. After the timeout the console is told
    how many records are missing.

    Raises:
        CaptureError: A line is not a capture record; the message names the file and the line.
    """
    captured, grown_at = 0, time.monotonic()
    deadline = grown_at + expected.timeout
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Captured inferences", total=expected.number)
        while True:
            inferences = reader.read(expected.since, datetime.now(UTC) + SLACK)
            known = sum(inference.inference_id in expected.inference_ids for inference in inferences)
            if len(inferences) > captured:
                captured, grown_at = len(inferences), time.monotonic()
            progress.update(task, completed=captured)
            quiet = captured >= expected.number and time.monotonic() >= grown_at + QUIET_SECONDS
            if known >= expected.number or quiet or time.monotonic() >= deadline:
                break
            time.sleep(POLL_SECONDS)
    missing = expected.number - captured
    if missing > 0:
        console.print(f"{missing} of {expected.number} inferences were not captured within {expected.timeout:.0f} s.")
    return inferences


def _parse(content: bytes, url: str, shape: Sequence[int] | None) -> list[CapturedInference]:
    records = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            if line.strip():
                records.append(_record(json.loads(line), shape))
        except (KeyError, TypeError, ValueError) as err:
            raise CaptureError(
                f"Line {number} of {url} is not a capture record ({type(err).__name__}: {err}): "
                "remove that file and run the monitor step again."
            ) from err
    return records


def _record(fields: dict[str, Any], shape: Sequence[int] | None) -> CapturedInference:
    metadata = fields["eventMetadata"]
    when = datetime.fromisoformat(metadata["inferenceTime"])
    if when.tzinfo is None:
        raise ValueError(f"inferenceTime {metadata['inferenceTime']} has no time zone")
    data, name = fields["captureData"], metadata.get("inferenceId")
    statistics = _statistics(data.get("endpointInput"), shape)
    return CapturedInference(
        when.astimezone(UTC), name, _probabilities(data["endpointOutput"]), metadata["eventId"], statistics
    )


def _statistics(given: dict[str, str] | None, shape: Sequence[int] | None) -> tuple[float, ...]:
    """Return the statistics of the photo that was sent; a photo is captured as base64."""
    if shape is None or given is None or given["encoding"] != "BASE64":
        return UNKNOWN
    return measure_photo(base64.b64decode(given["data"], validate=True), shape)


def _probabilities(output: dict[str, str]) -> tuple[float, ...]:
    """Return the endpoint's answer; capture encodes it as base64 unless JsonContentTypes is configured."""
    data = base64.b64decode(output["data"], validate=True) if output["encoding"] == "BASE64" else output["data"]
    values = tuple(float(value) for value in json.loads(data))
    if not values or not all(0 <= value <= 1 for value in values):  # NaN is not within either
        raise ValueError(f"{values} are not probabilities")
    return values
