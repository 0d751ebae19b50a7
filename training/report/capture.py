"""Reads what the endpoint's data capture recorded, and joins every inference to the image it was made for."""

import base64
import json
import time
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from training.config import CAPTURE_PREFIX, inference_id
from training.errors import CaptureError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DOWNLOADS = 8  # at once; botocore keeps ten connections
POLL_SECONDS = 2.0
# A file's folder is the hour of the file, a record's time that of the inference, and clocks differ.
SLACK = timedelta(minutes=10)


@dataclass(frozen=True)
class CapturedInference:
    """One answer of the endpoint, as data capture recorded it."""

    time: datetime  # UTC, whole seconds
    inference_id: str | None  # None when the caller gave none
    probabilities: tuple[float, ...]  # one per class, in label order
    event_id: str


def read(s3: "S3Client", bucket: str, endpoint_name: str, since: datetime, until: datetime) -> list[CapturedInference]:
    """Return every inference that was captured from `since` to `until`, both included, in order of time.

    Raises:
        CaptureError: A line is not a capture record; the message names the file and the line.
    """
    keys = list_files(s3, bucket, endpoint_name, since, until)
    return _in_period(download(s3, bucket, keys), since, until)


def wait_for(
    s3: "S3Client",
    bucket: str,
    endpoint_name: str,
    since: datetime,
    inference_ids: Collection[str],
    expected: int,
    timeout: float,
    console: Console,
) -> list[CapturedInference]:
    """Return the inferences since `since`, once `expected` of them have one of `inference_ids` or time is up.

    Capture reaches S3 minutes after the inference on AWS, seconds after it on this machine. Every file is
    downloaded once: data capture never writes to a file again.

    Args:
        timeout: In seconds; what is there by then is returned, and the console told how much is missing.

    Raises:
        CaptureError: A line is not a capture record; the message names the file and the line.
    """
    deadline = time.monotonic() + timeout
    files: dict[str, list[CapturedInference]] = {}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Captured inferences", total=expected)
        while True:
            until = datetime.now(UTC) + SLACK
            keys = list_files(s3, bucket, endpoint_name, since, until)
            files |= download(s3, bucket, [key for key in keys if key not in files])
            inferences = _in_period(files, since, until)
            known = sum(inference.inference_id in inference_ids for inference in inferences)
            progress.update(task, completed=known)
            if known >= expected or time.monotonic() >= deadline:
                break
            time.sleep(POLL_SECONDS)
    if known < expected:
        console.print(f"{expected - known} of {expected} inferences were not captured within {timeout:.0f} s.")
    return inferences


def list_files(s3: "S3Client", bucket: str, endpoint_name: str, since: datetime, until: datetime) -> list[str]:
    """Return the keys of the capture files, of all variants, that can hold an inference of the period."""
    # The slash keeps out the endpoints whose names only begin with this one's.
    root = f"{CAPTURE_PREFIX}/{endpoint_name}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=root, Delimiter="/")
    variants = [variant["Prefix"] for page in pages for variant in page.get("CommonPrefixes", [])]
    return [key for variant in variants for key in _variant_files(s3, bucket, variant, since, until)]


def _variant_files(s3: "S3Client", bucket: str, variant: str, since: datetime, until: datetime) -> list[str]:
    """List from the first hour folder to the last: keys come in order, and theirs is the order of time."""
    first, last = (f"{variant}{hour.astimezone(UTC):%Y/%m/%d/%H}" for hour in (since - SLACK, until + SLACK))
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=variant, StartAfter=first)
    keys = (item["Key"] for page in pages for item in page.get("Contents", []))
    return [key for key in takewhile(lambda key: key[: len(last)] <= last, keys) if key.endswith(".jsonl")]


def download(s3: "S3Client", bucket: str, keys: Iterable[str]) -> dict[str, list[CapturedInference]]:
    """Return the records of each capture file.

    Raises:
        CaptureError: A line is not a capture record; the message names the file and the line.
    """

    def records(key: str) -> tuple[str, list[CapturedInference]]:
        return key, _parse(s3.get_object(Bucket=bucket, Key=key)["Body"].read(), f"s3://{bucket}/{key}")

    with ThreadPoolExecutor(DOWNLOADS) as pool:
        return dict(pool.map(records, keys))


def known_images(images: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `images.csv` with their `inference_id`, without those that share one.

    Keys that end in the same 64 characters have the same id: a guess would count a wrong label as the truth.
    """
    return images.assign(inference_id=images["s3_key"].map(inference_id)).drop_duplicates("inference_id", keep=False)


def join(
    inferences: Iterable[CapturedInference], images: pd.DataFrame, classes: tuple[str, ...], threshold: float
) -> pd.DataFrame:
    """Return one row per inference, in order of time, with the image and its true class where the id is known.

    Args:
        images: `known_images` of the dataset.
        threshold: Confidence below which the workflow refuses an inference; equal is accepted.

    Returns:
        Columns `time`, `s3_key`, `filename`, `true_class` (these three missing when the inference cannot be
        joined), `predicted_class`, `confidence` (the largest probability), `below_threshold`, and
        `p_<class>` for each class.

    Raises:
        CaptureError: An inference has not one probability per class.
    """
    rows = list(inferences)
    probabilities = _matrix(rows, classes)  # (inferences, classes)
    confidence = probabilities.max(axis=1)
    found = pd.DataFrame({"inference_id": [row.inference_id for row in rows]}, dtype=object).merge(
        images[["inference_id", "s3_key", "filename", "class_name"]], on="inference_id", how="left"
    )
    return pd.DataFrame(
        {
            "time": pd.to_datetime([row.time for row in rows], utc=True),
            "s3_key": found["s3_key"],
            "filename": found["filename"],
            "true_class": found["class_name"],
            "predicted_class": np.array(classes, dtype=object)[probabilities.argmax(axis=1)],
            "confidence": confidence,
            "below_threshold": confidence < threshold,
            **{f"p_{name}": probabilities[:, label] for label, name in enumerate(classes)},
        }
    )


def _matrix(inferences: list[CapturedInference], classes: tuple[str, ...]) -> npt.NDArray[np.float64]:
    for inference in inferences:
        if len(inference.probabilities) != len(classes):
            raise CaptureError(
                f"The inference captured at {inference.time:%Y-%m-%d %H:%M:%S} UTC has {len(inference.probabilities)} "
                f"probabilities for the {len(classes)} classes {', '.join(classes)}: "
                "deploy a model of these classes and run the test step again."
            )
    return np.array([inference.probabilities for inference in inferences]).reshape(-1, len(classes))


def _in_period(files: dict[str, list[CapturedInference]], since: datetime, until: datetime) -> list[CapturedInference]:
    first = since.replace(microsecond=0)  # records have whole seconds
    found = [inference for records in files.values() for inference in records if first <= inference.time <= until]
    return sorted(found, key=lambda inference: (inference.time, inference.event_id))


def _parse(content: bytes, url: str) -> list[CapturedInference]:
    records = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            if line.strip():
                records.append(_record(json.loads(line)))
        except (KeyError, TypeError, ValueError) as err:
            raise CaptureError(
                f"Line {number} of {url} is not a capture record ({type(err).__name__}: {err}): "
                "remove that file and run the monitor step again."
            ) from err
    return records


def _record(fields: dict[str, Any]) -> CapturedInference:
    metadata = fields["eventMetadata"]
    when = datetime.fromisoformat(metadata["inferenceTime"])
    if when.tzinfo is None:
        raise ValueError(f"inferenceTime {metadata['inferenceTime']} has no time zone")
    probabilities = _probabilities(fields["captureData"]["endpointOutput"])
    return CapturedInference(when.astimezone(UTC), metadata.get("inferenceId"), probabilities, metadata["eventId"])


def _probabilities(output: dict[str, str]) -> tuple[float, ...]:
    """Return the endpoint's answer; without JsonContentTypes in its configuration, capture encodes it as base64."""
    data = base64.b64decode(output["data"], validate=True) if output["encoding"] == "BASE64" else output["data"]
    values = tuple(float(value) for value in json.loads(data))
    if not values or not all(0 <= value <= 1 for value in values):  # NaN is not within either
        raise ValueError(f"{values} are not probabilities")
    return values
