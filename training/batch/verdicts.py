"""What a batch said of its photos: read from the files of its Map Run, line by line, into a table and counts.

Step Functions writes verdicts as JSON Lines, and children that did not end well with their input. A batch may have
millions of photos, so nothing here keeps them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError

from training import csv_files
from training.config import VERDICT_PREFIX
from training.context import Context
from training.errors import BatchError

CHUNK = 1 << 20  # bytes read at once
COLUMNS = ("s3_key", "version", "accepted", "class", "confidence", "inferences", "error", "cause")
BINS = 50  # of confidences from 0 to 1
ACCEPTED, REFUSED = "accepted", "refused"

Verdict = dict[str, Any]


@dataclass
class Outcomes:
    """The counts of a batch's verdicts."""

    photos: int = 0
    accepted: int = 0
    refused: int = 0
    errors: Counter[str] = field(default_factory=Counter)  # by name
    classes: Counter[tuple[str, str]] = field(default_factory=Counter)  # by class and outcome
    confidences: Counter[tuple[int, str]] = field(default_factory=Counter)  # by bin and outcome

    @property
    def failed(self) -> int:
        return self.errors.total()

    def share(self, number: int) -> float:
        return number / self.photos if self.photos else 0.0

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        self.photos += 1
        if "error" in verdict:
            self.errors[verdict["error"]] += 1
            return
        outcome = ACCEPTED if verdict["accepted"] else REFUSED
        self.accepted += outcome == ACCEPTED
        self.refused += outcome == REFUSED
        self.classes[str(verdict["class"]), outcome] += 1
        self.confidences[min(BINS - 1, int(verdict["confidence"] * BINS)), outcome] += 1


def read(context: Context, name: str) -> Iterator[Verdict]:
    """Yield the verdict of each photo of a batch; a photo whose child did not succeed has an error.

    Raises:
        BatchError: The batch has written no files, or one of them cannot be read.
    """
    manifest = find_manifest(context, name)
    files = json.loads(get(context, manifest).read())["ResultFiles"]
    for kind in ("SUCCEEDED", "FAILED", "PENDING"):
        for file in files.get(kind, []):
            yield from read_file(context, kind, file["Key"])


def find_manifest(context: Context, name: str) -> str:
    """Return the key of the list of a batch's files."""
    prefix = f"{VERDICT_PREFIX}/{name}/"
    pages = context.clients.s3.get_paginator("list_objects_v2").paginate(Bucket=context.stack.bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", []) if item["Key"].endswith("manifest.json")]
    if not keys:
        raise BatchError(
            f"The batch {name} has no verdicts: s3://{context.stack.bucket}/{prefix} has no manifest.json."
        )
    return keys[0]


def get(context: Context, key: str) -> Any:
    return context.clients.s3.get_object(Bucket=context.stack.bucket, Key=key)["Body"]


def read_file(context: Context, kind: str, key: str) -> Iterator[Verdict]:
    try:
        for line in get(context, key).iter_lines(CHUNK):
            entry = json.loads(line) if line.strip() else []
            for one in entry if isinstance(entry, list) else [entry]:
                yield from [one] if kind == "SUCCEEDED" else verdicts_of_child(one)
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise BatchError(f"s3://{context.stack.bucket}/{key} is not what a batch writes: {err!r}") from err
    except BotoCoreError as err:
        raise BatchError(f"s3://{context.stack.bucket}/{key} could not be read to its end ({err}): try again.") from err


def verdicts_of_child(child: Any) -> Iterator[Verdict]:
    """Yield a verdict for each photo of a child that did not succeed: FAILED, TIMED_OUT, ABORTED or PENDING."""
    error, cause = child.get("Error") or child["Status"], child.get("Cause") or ""
    for item in json.loads(child["Input"])["Items"]:
        yield {"s3_key": item["s3_key"], "version": item["version"], "error": error, "cause": cause}


def write_table(verdicts: Iterable[Verdict], path: Path) -> Outcomes:
    """Write verdicts to a CSV file, and return their counts."""
    outcomes = Outcomes()

    def rows() -> Iterator[list[Any]]:
        for verdict in verdicts:
            outcomes.add(verdict)
            yield [cell(verdict.get(column)) for column in COLUMNS]

    csv_files.write_rows(COLUMNS, rows(), path)
    return outcomes


def cell(value: Any) -> Any:
    """Return a value as it is written: JSON of lists and of true and false, nothing for null."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, list | bool) else value
