"""Renders the report: one HTML page without other files, for a reader who does not run the system."""

import base64
import io
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from training.config import Stack, local_path
from training.report.outcomes import confusion, outcomes
from training.results import RunResults
from training.streams import visible

MAX_ROWS = 20  # of a table of images
MOST_THUMBNAIL_BYTES = 30_000  # which no PNG of 96 pixels has
THUMBNAIL_SIDE = 96  # pixels, of larger files; the page shows 48, which dense screens have twice


@dataclass(frozen=True)
class Subject:
    """What a report is about."""

    stack: Stack
    results: RunResults
    inferences: pd.DataFrame  # the table of `inferences.join`, at least one row
    expected: int  # inferences of the executions that should have been captured
    unlabelled_because: str = ""  # `inferences.why_unlabelled`


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
    found = outcomes(inferences)
    return Summary(
        captured=len(inferences),
        refused=int(found.refused.sum()),
        labelled=int(found.labelled.sum()),
        right=int(found.right.sum()),
        accepted_labelled=int((found.labelled & ~found.refused).sum()),
        accepted_right=int((found.right & ~found.refused).sum()),
        wrong=int(found.wrong.sum()),
        wrong_refused=int((found.wrong & found.refused).sum()),
        missing=max(0, expected - len(inferences)),
    )


def render(subject: Subject, pictures: Mapping[str, bytes]) -> str:
    """Return the report as one HTML page.

    Args:
        pictures: PNG of each figure by the name of the function that draws it; a sentence replaces a figure that is
            left out because it needs labels and there are none.
    """
    by_confidence = subject.inferences.sort_values("confidence", kind="stable")
    found = outcomes(by_confidence)
    directory = subject.results.dataset.directory
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
    )
    environment.filters |= {"of": _share, "percent": "{:.1%}".format}
    return environment.get_template("report.html.j2").render(
        subject=subject,
        summary=summarise(subject.inferences, subject.expected),
        since=pd.Timestamp(subject.results.executions.started_at).tz_convert("UTC"),
        until=subject.inferences["time"].max(),
        pictures={name: _data_uri(png) for name, png in pictures.items()},
        mistake=_worst_mistake(subject),
        refused=_rows(by_confidence[found.refused], directory),
        wrong=_rows(by_confidence[found.wrong][::-1], directory),
    )


def _worst_mistake(subject: Subject) -> tuple[str, str, int] | None:
    """Return the most frequent confusion as true class, predicted class and count, or None."""
    classes = subject.results.dataset.classes
    counts = confusion(subject.inferences, classes)
    pairs = [
        (int(counts[true, predicted]), true, predicted)
        for true in range(len(classes))
        for predicted in range(len(classes))
        if true != predicted
    ]
    count, true, predicted = max(pairs, key=lambda pair: pair[0])
    return (classes[true], classes[predicted], count) if count else None


def _rows(inferences: pd.DataFrame, directory: str) -> list[Row]:
    """Return the first rows of a table; `directory` is the dataset's."""
    first = inferences.head(MAX_ROWS)
    rows = zip(first.to_dict("records"), outcomes(first).wrong, strict=True)
    return [_row(fields, bool(wrong), directory) for fields, wrong in rows]


def _row(inference: Mapping[Hashable, Any], wrong: bool, directory: str) -> Row:
    known = pd.notna(inference["true_class"])
    return Row(
        filename=inference["filename"] if known else "unknown image",
        time=f"{inference['time']:%Y-%m-%d %H:%M:%S}",
        true_class=inference["true_class"] if known else "unknown",
        predicted_class=inference["predicted_class"],
        confidence=inference["confidence"],
        refused=inference["below_threshold"],
        wrong=wrong,
        thumbnail=_thumbnail(local_path(directory, inference["s3_key"])) if known else None,
    )


def _thumbnail(file: Path) -> str | None:
    """Return an image as a data URI, made smaller if need be: the page has up to 40 of them."""
    if not file.exists():
        return None
    if file.stat().st_size <= MOST_THUMBNAIL_BYTES:
        return _data_uri(file.read_bytes())
    buffer = io.BytesIO()
    with Image.open(file) as image:
        image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        image.save(buffer, format="PNG")
    return _data_uri(buffer.getvalue())


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _readable(value: Any) -> Any:
    """Return a name with its control characters spelled out; what the template itself wrote is left alone."""
    return visible(value) if type(value) is str else value


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "n/a"
