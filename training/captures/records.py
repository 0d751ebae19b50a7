"""Parses the files of data capture: JSON lines, one an inference."""

import base64
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.algorithm.errors import InputError
from training.algorithm.images import decode
from training.algorithm.photo_statistics import STATISTICS, measure
from training.errors import CaptureError

PIXELS_AT_ONCE = 1 << 14  # that are measured together: 16 photos of 32 x 32 pixels
UNKNOWN = (math.nan,) * len(STATISTICS)


@dataclass(frozen=True)
class Place:
    """Where a record is in the bucket."""

    key: str
    line: int  # from 1


@dataclass(frozen=True)
class CapturedInference:
    """An answer of the endpoint as data capture recorded it."""

    time: datetime  # UTC, whole seconds
    inference_id: str | None  # None when the request had none
    probabilities: tuple[float, ...]  # one per class, in label order
    event_id: str
    statistics: tuple[float, ...] = UNKNOWN  # of the photo, in the order of STATISTICS; NaN: it was not captured
    content_type: str | None = None  # of the request; None: it was not captured
    place: Place = Place("", 0)


def parse(content: bytes, bucket: str, key: str, shape: Sequence[int] | None) -> list[CapturedInference]:
    """Return the records of a file, in its order.

    Args:
        shape: (height, width, channels) of the network's input, to measure photos at; None: they are not.

    Raises:
        CaptureError: A line is not a capture record; the message names the file and the line.
    """
    records, photos = [], []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            if line.strip():
                fields = json.loads(line)
                records.append(_record(fields, Place(key, number)))
                photos.append(_photo(fields["captureData"].get("endpointInput")) if shape else None)
        except (KeyError, TypeError, ValueError) as err:
            raise CaptureError(
                f"Line {number} of s3://{bucket}/{key} is not a capture record ({type(err).__name__}: {err}): "
                "remove that file and run the monitor step again."
            ) from err
    if shape is None:
        return records
    rows = zip(records, _measure(photos, shape), strict=True)
    return [replace(record, statistics=found) if found is not UNKNOWN else record for record, found in rows]


def _record(fields: dict[str, Any], place: Place) -> CapturedInference:
    metadata = fields["eventMetadata"]
    when = datetime.fromisoformat(metadata["inferenceTime"])
    if when.tzinfo is None:
        raise ValueError(f"inferenceTime {metadata['inferenceTime']} has no time zone")
    data, name = fields["captureData"], metadata.get("inferenceId")
    return CapturedInference(
        time=when.astimezone(UTC),
        inference_id=None if name is None else str(name),
        probabilities=_probabilities(data["endpointOutput"]),
        event_id=str(metadata["eventId"]),
        content_type=(data.get("endpointInput") or {}).get("observedContentType"),
        place=place,
    )


def _probabilities(output: dict[str, str]) -> tuple[float, ...]:
    """Return the endpoint's answer; capture encodes it as base64 unless JsonContentTypes is configured."""
    data = base64.b64decode(output["data"], validate=True) if output["encoding"] == "BASE64" else output["data"]
    values = tuple(float(value) for value in json.loads(data))
    if not values or not all(0 <= value <= 1 for value in values):  # NaN is not within either
        raise ValueError(f"{values} are not probabilities")
    return values


def _photo(given: dict[str, str] | None) -> bytes | None:
    """Return the photo that was sent, which is captured as base64; None: it was not captured."""
    if given is None or given["encoding"] != "BASE64":
        return None
    return base64.b64decode(given["data"], validate=True)


def _measure(photos: list[bytes | None], shape: Sequence[int]) -> Iterator[tuple[float, ...]]:
    """Yield the statistics of each photo, UNKNOWN where there is none that can be read.

    Several photos at a time take a third less time; all photos of a file could need too much memory.
    """
    at_once = max(1, PIXELS_AT_ONCE // (shape[0] * shape[1]))
    left = iter(photos)
    while block := list(islice(left, at_once)):
        pixels = [_decoded(photo, shape) for photo in block]
        known = [one for one in pixels if one is not None]
        measured = iter(measure(np.stack(known)).tolist() if known else [])
        yield from (UNKNOWN if one is None else tuple(next(measured)) for one in pixels)


def _decoded(photo: bytes | None, shape: Sequence[int]) -> NDArray[np.uint8] | None:
    try:
        return None if photo is None else decode(photo, shape)
    except InputError:
        return None
