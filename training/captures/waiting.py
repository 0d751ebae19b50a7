"""Waits for captures, which reach the bucket late."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
from rich.console import Console

from training.captures.progress import counting
from training.captures.reader import CaptureReader
from training.captures.source import SLACK

POLL_SECONDS = 2.0
QUIET_SECONDS = 30.0  # without a new record, when enough are there but some cannot be told from another caller's


@dataclass(frozen=True)
class Expected:
    """The inferences to wait for."""

    since: datetime
    inference_ids: Collection[str]  # of the staged photos; records without an id or with another may be ours, or not
    number: int
    timeout: float  # seconds


def wait_for(reader: CaptureReader, expected: Expected, console: Console) -> pd.DataFrame:
    """Return all inferences since `expected.since`, once as many as expected are captured or the time is up.

    Captured inferences reach S3 after minutes on AWS and after seconds on this machine. When there are enough records,
    but too few of known photos, `QUIET_SECONDS` without another one end the wait. After the timeout the console is told
    how many records are missing.

    Returns:
        The columns that `CaptureReader.read` returns.

    Raises:
        CaptureError: A line is not a capture record; the message names the file and the line.
    """
    grown_at = time.monotonic()
    deadline = grown_at + expected.timeout
    with counting(console, "Captured inferences", expected.number) as update:
        inferences = reader.read(expected.since, _now())
        while True:
            update(len(inferences))
            known = inferences["inference_id"].isin(expected.inference_ids).sum()
            quiet = len(inferences) >= expected.number and time.monotonic() >= grown_at + QUIET_SECONDS
            if known >= expected.number or quiet or time.monotonic() >= deadline:
                break
            time.sleep(POLL_SECONDS)
            if reader.fetch(expected.since, _now()):
                before = len(inferences)
                inferences = reader.read(expected.since, _now())
                grown_at = time.monotonic() if len(inferences) > before else grown_at
    missing = expected.number - len(inferences)
    if missing > 0:
        console.print(f"{missing} of {expected.number} inferences were not captured within {expected.timeout:.0f} s.")
    return inferences


def _now() -> datetime:
    return datetime.now(UTC) + SLACK
