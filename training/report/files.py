"""Writes a report's files: the page, its figures as PNG, the table of inferences, and its record for the next one."""

from pathlib import Path

import pandas as pd

from training import atomic
from training.checks.verdict import as_json
from training.csv_files import write_csv
from training.report import (
    accuracy_plots,
    calibration_plots,
    confidence_plots,
    history,
    risk_plots,
    svg,
    training_plots,
)
from training.report.descriptions import describe, describe_drift
from training.report.drift_plots import drift
from training.report.leading import leading, others
from training.report.outcomes import outcomes
from training.report.page import Subject, render
from training.report.reviewed import as_json as reviewed_as_json
from training.report.style import Plot
from training.report.summaries import summarise

FIGURES: tuple[Plot, ...] = (confidence_plots.confidence_over_time, confidence_plots.confidence_histograms)
LABELLED_FIGURES: tuple[Plot, ...] = (
    accuracy_plots.confusion_matrix,
    accuracy_plots.accuracy_and_coverage,
    calibration_plots.reliability_curve,
    risk_plots.risk_and_coverage,
)
TRAINING_FIGURES: tuple[Plot, ...] = (training_plots.training_curve,)  # of a training's metrics


def write(subject: Subject, directory: Path) -> Path:
    """Write `report.html`, its figures, `inferences.csv` and `report.json` to `directory`; returns the page's path."""
    directory.mkdir(parents=True, exist_ok=True)
    record = record_of(subject)
    record["previous"] = history.previous_of(record, history.read(directory))
    # An earlier report may have had labels that this one has not.
    for plot in (*FIGURES, *LABELLED_FIGURES, *TRAINING_FIGURES, drift):
        (directory / f"{plot.__name__}.png").unlink(missing_ok=True)
    write_csv(subject.inferences, directory / "inferences.csv")
    pictures = {}
    for name, (png, element) in _pictures(subject).items():
        atomic.write(directory / f"{name}.png", png)
        pictures[name] = element
    path = directory / "report.html"
    atomic.write_text(path, render(subject, pictures, history.compare(record, record["previous"])))
    history.write(directory, record)
    return path


def record_of(subject: Subject) -> history.Record:
    """Return what the next report compares itself with."""
    results, summary = subject.results, summarise(subject.inferences, subject.expected)
    figures = (*leading(summary, subject.stack.confidence_threshold), *others(summary, results))
    return {
        "since": results.executions.started_at,
        "until": subject.until.isoformat(),
        "model": results.model.training_job_name,
        "threshold": subject.stack.confidence_threshold,
        "verdict": as_json(subject.verdict),
        "reviewed": reviewed_as_json(subject.reviewed),
        "figures": {figure.name: [figure.share.part, figure.share.whole] for figure in figures},
    }


def _pictures(subject: Subject) -> dict[str, tuple[bytes, str]]:
    """Return the figures as PNG file and SVG element; those that need inferences or labels only when there are some."""
    labelled = outcomes(subject.inferences).labelled
    classes = subject.results.dataset.classes
    plots = ((*FIGURES, *LABELLED_FIGURES) if labelled.any() else FIGURES) if len(labelled) else ()
    drawn = [(plot, subject.inferences) for plot in plots]
    if subject.metrics is not None:
        drawn += [(plot, subject.metrics) for plot in TRAINING_FIGURES]
    pictures = {plot.__name__: _picture(plot, table, subject) for plot, table in drawn}
    watched = subject.watched
    if watched and watched.windows and any(one.known for one in watched.windows[-1].differences):
        figure = drift(watched, classes)
        pictures[drift.__name__] = svg.png(figure), svg.inline(figure, drift.__name__, describe_drift(watched))
    return pictures


def _picture(plot: Plot, table: pd.DataFrame, subject: Subject) -> tuple[bytes, str]:
    threshold, classes = subject.stack.confidence_threshold, subject.results.dataset.classes
    figure = plot(table, threshold, classes)
    png = svg.png(figure)  # first: it computes the places
    return png, svg.inline(figure, plot.__name__, describe(plot.__name__, table, threshold, classes))
