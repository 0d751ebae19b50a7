"""What traffic showed: counts, percentiles, tables, and one line a photo as CSV."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Column, Table

from training import csv_files
from training.config import inference_id
from training.traffic.records import ACCEPTED, FAILED, NOT_SENT, REFUSED, UNANSWERED, Record

LATE = 0.1  # seconds; a photo that is sent later than that is told
COLUMNS = (
    "number",
    "sent_at",
    "lag",
    "latency",
    "outcome",
    "class",
    "confidence",
    "error",
    "cause",
    "s3_key",
    "inference_id",
    "photo",
    "true_class",
    "change",
    "expected_error",
)
PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}


def write_table(records: Iterable[Record], path: Path) -> None:
    """Write one line for each photo that was sent."""
    csv_files.write_rows(COLUMNS, (row(one) for one in records if one.outcome != NOT_SENT), path)


def row(record: Record) -> list[Any]:
    content = record.item.content
    assert record.sent_at is not None
    return [
        record.item.number,
        record.sent_at.isoformat(timespec="milliseconds"),
        number(record.lag),
        number(record.latency),
        record.outcome,
        record.class_name,
        number(record.confidence),
        record.error,
        record.cause,
        record.key,
        inference_id(record.key),
        content.photo.name,
        content.class_name,
        content.change,
        content.error,
    ]


def number(value: float) -> float | str:
    return "" if math.isnan(value) else round(value, 4)


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """Return the percentiles of those values that are numbers, {} without any."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return {}
    found = np.percentile(known, list(PERCENTILES.values()))
    return {name: round(float(value), 3) for name, value in zip(PERCENTILES, found, strict=True)}


def summarize(records: Sequence[Record]) -> dict[str, Any]:
    """Return the figures of all photos for `--json`."""
    outcomes = Counter(record.outcome for record in records)
    sent = [record for record in records if record.outcome != NOT_SENT]
    errors = Counter(record.error for record in sent if record.outcome == FAILED)
    return {
        "photos": len(records),
        "sent": len(sent),
        **{outcome: outcomes[outcome] for outcome in (ACCEPTED, REFUSED, FAILED, UNANSWERED)},
        "errors": dict(errors.most_common()),
        "unexpected": sum(not record.expected for record in sent),
        "latency": percentiles(record.latency for record in sent),
        "lag": percentiles(record.lag for record in sent),
        "late": sum(record.lag > LATE for record in sent),
    }


def reached_rate(records: Iterable[Record]) -> float | None:
    """Return how many photos a second were sent, None of fewer than two."""
    times = [one.sent_at for one in records if one.sent_at is not None]
    if len(times) < 2 or max(times) == min(times):
        return None
    return round((len(times) - 1) / (max(times) - min(times)).total_seconds(), 2)


def outcome_table(records: Iterable[Record]) -> Table:
    """Return how many photos had which outcome, and how long it took."""
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        groups[record.outcome, record.error].append(record)
    columns = ("Photos", "p50 s", "p95 s", "p99 s", "max s")
    table = Table("Outcome", Column("Error", overflow="fold"), *columns, title="Traffic", title_justify="left")
    order = (ACCEPTED, REFUSED, FAILED, UNANSWERED, NOT_SENT)
    for outcome, error in sorted(groups, key=lambda group: (order.index(group[0]), -len(groups[group]))):
        group = groups[outcome, error]
        times = [f"{value:.2f}" for value in percentiles(one.latency for one in group).values()]
        table.add_row(outcome, error, f"{len(group):,}", *(times or [""] * len(PERCENTILES)))
    return table


def change_table(records: Iterable[Record]) -> Table:
    """Return what became of the photos that were changed in each way."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.outcome != NOT_SENT:
            groups[record.item.content.change].append(record)
    columns = (Column("Change", overflow="fold"), "Photos", "Accepted", "Refused", "Failed", "Right", "Confidence")
    table = Table(*columns, title="What was sent", title_justify="left")
    for change, group in groups.items():
        outcomes = Counter(one.outcome for one in group)
        counts = [f"{outcomes[one]:,}" for one in (ACCEPTED, REFUSED, FAILED)]
        table.add_row(change, f"{len(group):,}", *counts, right_of(group), confidence_of(group))
    return table


def right_of(records: Iterable[Record]) -> str:
    """Return how many of the photos are right whose class is known: that of accepted ones, and of refused uploads."""
    known = [one for one in records if one.class_name and one.item.content.class_name]
    right = sum(one.class_name == one.item.content.class_name for one in known)
    return f"{right:,} of {len(known):,}" if known else ""


def confidence_of(records: Iterable[Record]) -> str:
    """Return the mean confidence, "" where none is known."""
    known = [one.confidence for one in records if not math.isnan(one.confidence)]
    return f"{np.mean(known):.3f}" if known else ""
