"""The figures of what was right: each takes the table of `inferences.join` and returns a figure without a window."""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import PercentFormatter

from training.report.outcomes import Counts, Floats, confusion, coverage_and_accuracy
from training.report.style import (
    BESIDE_CELL,
    COVERAGE,
    LONGEST_NAME,
    ON_CELL,
    RIGHT,
    RIGHT_CELL,
    THRESHOLD_LINE,
    UNKNOWN,
    WRONG_CELL,
    lowest_confidence,
    styled,
)
from training.streams import short_name

MAX_LEVEL_CHARACTERS = 14  # of a class below a confusion matrix; longer names stand upright
LEAST_DEPTH = 0.12  # of a cell with a photo: one is seen
MAX_COUNTED_CLASSES = 12  # in a confusion matrix; with more, only the colours show the shares


@styled
def confusion_matrix(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
    """Draw how often each true class (row) was taken for each class (column), whatever the threshold."""
    counts = confusion(inferences, classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    height = max(4.5, min(1.5 + 0.75 * len(classes), 7 + 0.08 * len(classes)))  # inches
    counted = len(classes) <= MAX_COUNTED_CLASSES
    figure = Figure(figsize=(height + 1.2, height + (0 if counted else 0.6)))
    axes = figure.subplots()
    right = np.eye(len(classes), dtype=bool)
    # Mistakes have a scale of their own: one in a hundred must be seen among a hundred classes.
    worst = max(0.1, 2 * float(shares[~right].max(initial=0)))
    depths = np.where(right, shares, shares / worst)
    _cells(axes, depths, RIGHT_CELL, right & (counts > 0))
    _cells(axes, depths, WRONG_CELL, ~right & (counts > 0))
    axes.set(xlim=(-0.5, len(classes) - 0.5), ylim=(len(classes) - 0.5, -0.5), aspect="equal")
    if counted:
        _annotate(axes, counts, shares, depths)
    else:
        _legend(figure, worst)
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
    for values, color, width, mark, name in (
        (coverage, COVERAGE, 3.5, "s", "accepted"),
        (accuracy, RIGHT, 2.0, "o", "of the accepted are right"),
    ):
        axes.step(
            thresholds, values, where="pre", color=color, linewidth=width, label=f"{_percent(values[here])} {name}"
        )
        axes.plot(threshold, values[here], mark, color=color, markersize=8)
    axes.set(
        xlim=(low, 1.0 + 0.01 * (1 - low)), ylim=(-0.02, 1.05), xlabel="Threshold", ylabel="Share of the inferences"
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(loc="outside upper left", ncols=2, fontsize=10)
    return figure


def _cells(axes: Axes, depths: Floats, color: str, chosen: npt.NDArray[np.bool_]) -> None:
    """Fill cells: the larger a share, the less the paper shines through."""
    places = np.argwhere(chosen)
    squares = [Rectangle((column - 0.5, row - 0.5), 1, 1) for row, column in places]
    colors = [to_rgba(color, max(LEAST_DEPTH, depths[row, column])) for row, column in places]
    axes.add_collection(PatchCollection(squares, facecolors=colors, edgecolors="none", zorder=1))


def _legend(figure: Figure, worst: float) -> None:
    """Say which shares the colours of the cells mean."""
    depths = (0.25, 0.5, 1.0)
    handles = [Patch(color=RIGHT_CELL, alpha=depth, label=f"{depth:.0%} right") for depth in depths]
    handles += [Patch(color=WRONG_CELL, alpha=depth, label=f"{depth * worst:.0%} mistaken so") for depth in depths]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize=10)


def _annotate(axes: Axes, counts: Counts, shares: Floats, depths: Floats) -> None:
    size = 14 if len(counts) <= 4 else 8
    for (row, column), count in np.ndenumerate(counts):
        text = f"{count}\n{shares[row, column]:.0%}" if count else "0"
        filled = row == column and depths[row, column] > 0.88  # where both have enough contrast
        color = ON_CELL if filled else BESIDE_CELL if count else UNKNOWN
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=color)


def _percent(share: float) -> str:
    return "n/a" if math.isnan(share) else f"{share:.1%}"
