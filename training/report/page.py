"""Writes the report: one HTML file that needs nothing beside it, for a reader who does not run the system."""

import base64
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.config import Stack
from training.report.plots import confusion
from training.results import Dataset, Deployment, Executions, TrainedModel

MAX_ROWS = 20  # of a table of images


@dataclass(frozen=True)
class Subject:
    """What a report is about."""

    stack: Stack
    dataset: Dataset
    model: TrainedModel
    deployment: Deployment
    executions: Executions
    inferences: pd.DataFrame  # the table of `capture.join`, at least one row
    expected: int  # inferences of the executions that should have been captured
    image_files: Mapping[str, Path]  # s3_key -> file on this machine, which need not exist


@dataclass(frozen=True)
class Summary:
    """Counts of inferences; `labelled` ones have a known true class and are right or wrong."""

    captured: int
    refused: int
    labelled: int
    right: int
    accepted_labelled: int
    accepted_right: int
    wrong: int
    wrong_refused: int
    missing: int

    @property
    def accepted(self) -> int:
        """Inferences at or above the threshold."""
        return self.captured - self.refused

    @property
    def unlabelled(self) -> int:
        """Inferences that cannot be joined to an image."""
        return self.captured - self.labelled


@dataclass(frozen=True)
class Row:
    """One image of a table."""

    filename: str
    time: str  # UTC
    true_class: str
    predicted_class: str
    confidence: float  # in [0, 1]
    refused: bool
    wrong: bool  # False when the true class is unknown
    thumbnail: str | None  # data URI; None when the file is not on this machine


def summarise(inferences: pd.DataFrame, expected: int) -> Summary:
    """Count the outcomes of captured inferences."""
    refused, labelled, right = _masks(inferences)
    return Summary(
        captured=len(inferences),
        refused=int(refused.sum()),
        labelled=int(labelled.sum()),
        right=int(right.sum()),
        accepted_labelled=int((labelled & ~refused).sum()),
        accepted_right=int((right & ~refused).sum()),
        wrong=int((labelled & ~right).sum()),
        wrong_refused=int((labelled & ~right & refused).sum()),
        missing=max(0, expected - int(labelled.sum())),
    )


def render(subject: Subject, pictures: Mapping[str, bytes]) -> str:
    """Return the report as one HTML page.

    Args:
        pictures: PNG of each figure by the name of its function in `plots`; one that is left out, because
            it needs labels and there are none, is replaced by a sentence.
    """
    by_confidence = subject.inferences.sort_values("confidence", kind="stable")
    refused, labelled, right = _masks(by_confidence)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"of": _share, "percent": "{:.1%}".format}
    return environment.get_template("report.html.j2").render(
        subject=subject,
        summary=summarise(subject.inferences, subject.expected),
        since=pd.Timestamp(subject.executions.started_at).tz_convert("UTC"),
        until=subject.inferences["time"].max(),
        pictures={name: _data_uri(png) for name, png in pictures.items()},
        mistake=_worst_mistake(subject),
        refused=_rows(by_confidence[refused], subject.image_files),
        wrong=_rows(by_confidence[labelled & ~right][::-1], subject.image_files),
    )


def _masks(inferences: pd.DataFrame) -> "tuple[pd.Series[bool], pd.Series[bool], pd.Series[bool]]":
    """Return which inferences were refused, which have a label, and which of those are right."""
    labelled = inferences["true_class"].notna()
    right = labelled & (inferences["true_class"] == inferences["predicted_class"])
    return inferences["below_threshold"], labelled, right


def _worst_mistake(subject: Subject) -> tuple[str, str, int] | None:
    """Return the most frequent confusion as true class, predicted class and count, or None."""
    classes = subject.dataset.classes
    counts = confusion(subject.inferences, classes)
    pairs = [
        (int(counts[true, predicted]), true, predicted)
        for true in range(len(classes))
        for predicted in range(len(classes))
        if true != predicted
    ]
    count, true, predicted = max(pairs, key=lambda pair: pair[0])
    return (classes[true], classes[predicted], count) if count else None


def _rows(inferences: pd.DataFrame, image_files: Mapping[str, Path]) -> list[Row]:
    return [_row(fields, image_files) for fields in inferences.head(MAX_ROWS).to_dict("records")]


def _row(inference: Mapping[Hashable, Any], image_files: Mapping[str, Path]) -> Row:
    known = pd.notna(inference["true_class"])
    return Row(
        filename=inference["filename"] if known else "unknown image",
        time=f"{inference['time']:%Y-%m-%d %H:%M:%S}",
        true_class=inference["true_class"] if known else "unknown",
        predicted_class=inference["predicted_class"],
        confidence=inference["confidence"],
        refused=inference["below_threshold"],
        wrong=known and inference["true_class"] != inference["predicted_class"],
        thumbnail=_thumbnail(image_files[inference["s3_key"]]) if known else None,
    )


def _thumbnail(file: Path) -> str | None:
    return _data_uri(file.read_bytes()) if file.exists() else None


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "n/a"
