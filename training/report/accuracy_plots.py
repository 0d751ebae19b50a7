"""The figures of what was right: each takes the table of `inferences.join` and returns a figure without a window."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.report.outcomes import Counts, Floats, confusion, coverage_and_accuracy
from training.report.style import (
    COVERAGE,
    LONGEST_NAME,
    RIGHT,
    THRESHOLD,
    THRESHOLD_LINE,
    UNKNOWN,
    lowest_confidence,
    styled,
)
from training.streams import short_name

MAX_LEVEL_CHARACTERS = 14  # of a class below a confusion matrix; longer names stand upright
MAX_COUNTED_CLASSES = 12  # in a confusion matrix; with more, only the colours show the shares


@styled
def confusion_matrix(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
    """Draw how often each true class (row) was taken for each class (column), whatever the threshold."""
    counts = confusion(inferences, classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    height = max(4.5, min(1.5 + 0.75 * len(classes), 7 + 0.08 * len(classes)))  # inches
    counted = len(classes) <= MAX_COUNTED_CLASSES
    figure = Figure(figsize=(height + (1.2 if counted else 3.0), height))
    axes = figure.subplots()
    right = np.eye(len(classes), dtype=bool)
    # Mistakes have a scale of their own: one in a hundred must be seen among a hundred classes.
    worst = max(0.1, 2 * shares[~right].max(initial=0))
    images = [
        axes.imshow(np.ma.masked_where(~right | (counts == 0), shares), cmap="Blues", vmin=0, vmax=1),
        axes.imshow(np.ma.masked_where(right | (counts == 0), shares), cmap="Oranges", vmin=0, vmax=worst),
    ]
    if counted:
        _annotate(axes, counts, shares)
    else:
        for image, label in zip(images, ("right", "taken for another class"), strict=True):
            percent = PercentFormatter(1, decimals=0)
            figure.colorbar(image, ax=axes, shrink=0.4, format=percent, label=f"Share of the true class: {label}")
    size = min(11, 35 * height / len(classes))  # points
    names = [short_name(name, LONGEST_NAME) for name in classes]
    upright = len(classes) > 4 or max(map(len, names)) > MAX_LEVEL_CHARACTERS
    axes.set_xticks(range(len(classes)), names, rotation=90 if upright else 0, fontsize=size)
    axes.set_yticks(range(len(classes)), names, fontsize=size)
    axes.set(xlabel="Predicted class", ylabel="True class")
    axes.grid(visible=False)
    return figure


@styled
def accuracy_and_coverage(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
    """Draw what each threshold would accept (of all inferences), and how much of that is right (of the labelled)."""
    low = lowest_confidence(inferences, threshold, classes)
    thresholds = np.unique([low, *inferences["confidence"], threshold, 1.0])
    coverage, accuracy = coverage_and_accuracy(inferences, thresholds)
    figure = Figure(figsize=(6.2, 5.0))
    axes = figure.subplots()
    here = int(np.searchsorted(thresholds, threshold))
    axes.axvline(threshold, **THRESHOLD_LINE, label=f"threshold now: {threshold:g}")
    # A threshold between two confidences accepts what the higher of them does: pre.
    for values, color, width, name in (
        (coverage, COVERAGE, 3.5, "accepted"),
        (accuracy, RIGHT, 2.0, "of the accepted are right"),
    ):
        axes.step(
            thresholds, values, where="pre", color=color, linewidth=width, label=f"{_percent(values[here])} {name}"
        )
        axes.plot(threshold, values[here], "o", color=color, markersize=8)
    axes.set(
        xlim=(low, 1.0 + 0.01 * (1 - low)), ylim=(-0.02, 1.05), xlabel="Threshold", ylabel="Share of the inferences"
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.legend(loc="outside upper left", ncols=2, fontsize=10)
    return figure


def _annotate(axes: Axes, counts: Counts, shares: Floats) -> None:
    size = 14 if len(counts) <= 4 else 8
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count}\n{share:.0%}" if count else "0"
        color = "white" if share > 0.6 and row == column else THRESHOLD if count else UNKNOWN
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=color)


def _percent(share: float) -> str:
    return "n/a" if math.isnan(share) else f"{share:.1%}"
