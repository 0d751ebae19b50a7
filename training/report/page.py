"""Renders the report: one HTML page without other files, for a reader who does not run the system."""

import base64
import io
from collections.abc import Hashable, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from training.checks.sentences import between, percent
from training.checks.table import interval, limit, value
from training.checks.verdict import Verdict
from training.config import Stack, local_path
from training.report.calibration import calibration
from training.report.classes import class_figures
from training.report.history import Comparison
from training.report.leading import leading, others
from training.report.outcomes import confusion, outcomes
from training.report.reviewed import Reviewed
from training.report.summaries import summarise
from training.results import RunResults
from training.statistics.watch import Watched
from training.streams import visible

MAX_ROWS = 20  # of a table of images
MOST_THUMBNAIL_BYTES = 30_000  # which no PNG of 96 pixels has
THUMBNAIL_SIDE = 96  # pixels, of larger files; the page shows 48, which dense screens have twice


@dataclass(frozen=True)
class Subject:
    """What a report is about."""

    stack: Stack
    results: RunResults
    inferences: pd.DataFrame  # the table of `inferences.join`; no row when every execution failed
    expected: int  # inferences of the executions that should have been captured
    unlabelled_because: str = ""  # `inferences.why_unlabelled`
    _: KW_ONLY
    verdict: Verdict
    metrics: pd.DataFrame | None = None  # of the training's epochs, as `job_metrics` reads them; None: unknown
    watched: Watched | None = None  # what the photos show about drift; None: there is nothing to compare them with
    reviewed: Reviewed | None = None  # what people's answers show; None: nobody has reviewed any of the inferences

    @property
    def since(self) -> pd.Timestamp:
        """When the executions were started, UTC."""
        return pd.Timestamp(self.results.executions.started_at).tz_convert("UTC")

    @property
    def until(self) -> pd.Timestamp:
        """When the last inference was made, UTC."""
        return self.inferences["time"].max() if len(self.inferences) else self.since


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


def render(subject: Subject, pictures: Mapping[str, bytes], comparison: Comparison | None = None) -> str:
    """Return the report as one HTML page.

    Args:
        pictures: PNG of each figure by the name of the function that draws it; a sentence replaces a figure that is
            left out because it needs labels and there are none.
        comparison: With the previous report, None when there is none.
    """
    by_confidence = subject.inferences.sort_values("confidence", kind="stable")
    found = outcomes(by_confidence)
    directory = subject.results.dataset.directory
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            subject=subject,
            verdict=subject.verdict,
            watched=subject.watched,
            reviewed=subject.reviewed,
            comparison=comparison,
            since=subject.since,
            until=subject.until,
            pictures={name: _data_uri(png) for name, png in pictures.items()},
            mistake=_worst_mistake(subject),
            refused=_rows(by_confidence[found.refused], directory),
            wrong=_rows(by_confidence[found.wrong][::-1], directory),
            **_figures(subject),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
    )
    environment.filters |= {"of": _share, "percent": percent, "between": between}
    environment.filters |= {"value": value, "interval": interval, "limit": limit}  # of a check
    return environment


def _figures(subject: Subject) -> dict[str, Any]:
    """Return the numbers of the page by the names that the templates have for them."""
    summary = summarise(subject.inferences, subject.expected)
    first = leading(summary, subject.stack.confidence_threshold)
    rest = others(summary, subject.results)
    return {
        "summary": summary,
        "leading": first,
        "others": rest,
        "labels": {figure.name: figure.label for figure in (*first, *rest)},
        "calibration": calibration(subject.inferences),
        "class_figures": class_figures(subject.inferences, subject.results.dataset.classes),
    }


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
