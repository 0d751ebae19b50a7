"""Reads what a scheduled job has not looked at yet: it has no directory that lasts, and so no cache."""

from collections.abc import Collection
from datetime import datetime

import pandas as pd

from training.captures.frames import PLACE, frame
from training.captures.source import Source
from training.config import is_traffic


def read_new(source: Source, since: datetime, until: datetime, seen: Collection[str]) -> tuple[pd.DataFrame, set[str]]:
    """Return the inferences captured from `since` to `until`, both included, in the files that were not seen.

    Args:
        seen: Keys of captured files.

    Returns:
        What `CaptureReader.read` returns, and the keys of all files of the period, seen or not.

    Raises:
        CaptureError: A line is not a capture record; the message names the file and the line.
    """
    listed = source.keys(since, until)
    known, first = {*seen}, since.replace(microsecond=0)  # records have whole seconds
    records = [
        one
        for _, found in source.read([key for key in listed if key not in known])
        for one in found
        if first <= one.time <= until and is_traffic(one.inference_id)
    ]
    records.sort(key=lambda one: (one.time, one.event_id))
    return frame(records).drop(columns=[*PLACE]), {*listed}
