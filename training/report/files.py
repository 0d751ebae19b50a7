"""Writes a report's files: the page, its figures as PNG, and the table of inferences."""

import io
import warnings
from pathlib import Path

from training import atomic
from training.csv_files import write_csv
from training.report import accuracy_plots, confidence_plots
from training.report.outcomes import outcomes
from training.report.page import Subject, render
from training.report.style import Plot

DOTS_PER_INCH = 160
FIGURES: tuple[Plot, ...] = (confidence_plots.confidence_over_time, confidence_plots.confidence_histograms)
LABELLED_FIGURES: tuple[Plot, ...] = (accuracy_plots.confusion_matrix, accuracy_plots.accuracy_and_coverage)


def write(subject: Subject, directory: Path) -> Path:
    """Write `report.html`, its figures and `inferences.csv` to `directory`; returns the page's path."""
    directory.mkdir(parents=True, exist_ok=True)
    for plot in (*FIGURES, *LABELLED_FIGURES):  # an earlier report may have had labels that this one has not
        (directory / f"{plot.__name__}.png").unlink(missing_ok=True)
    write_csv(subject.inferences, directory / "inferences.csv")
    pictures = _pictures(subject)
    for name, png in pictures.items():
        atomic.write(directory / f"{name}.png", png)
    path = directory / "report.html"
    atomic.write_text(path, render(subject, pictures))
    return path


def _pictures(subject: Subject) -> dict[str, bytes]:
    """Return the figures as PNG; those that need labels only when there are labels."""
    labelled = outcomes(subject.inferences).labelled.any()
    threshold, classes = subject.stack.confidence_threshold, subject.results.dataset.classes
    pictures = {}
    for plot in (*FIGURES, *LABELLED_FIGURES) if labelled else FIGURES:
        buffer = io.BytesIO()
        figure = plot(subject.inferences, threshold, classes)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")  # it is drawn as a box
            figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
        pictures[plot.__name__] = buffer.getvalue()
    return pictures
