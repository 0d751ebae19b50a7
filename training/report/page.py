"""Renders the report: one HTML page without other files, for a reader who does not run the system."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from training.checks.sentences import between, percent
from training.checks.table import interval, limit, value
from training.checks.verdict import Verdict
from training.config import Stack
from training.report.calibration import calibration
from training.report.classes import class_figures
from training.report.history import Comparison
from training.report.leading import leading, others
from training.report.outcomes import confusion
from training.report.photos import MAX_ROWS, MOST_LISTED, photos_of
from training.report.reviewed import Reviewed
from training.report.summaries import summarise
from training.results import RunResults
from training.statistics.watch import Watched
from training.streams import visible

REVIEWED_LABELS = {  # by the names of `history.REVIEWED`
    "reviewed": "Right on real traffic, as reviewed",
    "reviewed_accepted": "Right of the accepted, as reviewed",
}
LONGEST_WORD = 18  # characters that a column of classes has room for; longer words are broken


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


def render(subject: Subject, pictures: Mapping[str, str], comparison: Comparison | None = None) -> str:
    """Return the report as one HTML page.

    Args:
        pictures: SVG element of each figure by the name of the function that draws it; a sentence replaces a figure
            that is left out because it needs labels and there are none.
        comparison: With the previous report, None when there is none.
    """
    environment = _environment()
    script = environment.get_template("page.js.j2").render()
    return environment.get_template("report.html.j2").render(
        subject=subject,
        verdict=subject.verdict,
        watched=subject.watched,
        comparison=comparison,
        since=subject.since,
        until=subject.until,
        reviewed=subject.reviewed,
        pictures={name: Markup(svg) for name, svg in pictures.items()},
        mistake=_worst_mistake(subject),
        photos=photos_of(subject.inferences, subject.results.dataset.directory),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        longest_word=_longest_word(subject.results.dataset.classes),
        **_figures(subject),
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
    environment.globals |= {"MAX_ROWS": MAX_ROWS, "MOST_LISTED": MOST_LISTED}
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
        "labels": REVIEWED_LABELS | {figure.name: figure.label for figure in (*first, *rest)},
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


def _longest_word(classes: tuple[str, ...]) -> int:
    """Return the room, in characters, that keeps the words of most names of classes whole."""
    words = (len(word) for name in classes for word in visible(name).split())
    return min(LONGEST_WORD, max(words, default=1))


def _readable(value: Any) -> Any:
    """Return a name with its control characters spelled out; what the template itself wrote is left alone."""
    return visible(value) if type(value) is str else value


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "n/a"
