"""The look that the report's figures share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from training.report import fonts

# Okabe and Ito's palette keeps its contrasts for colour-blind readers (https://jfly.uni-koeln.de/color/).
RIGHT, WRONG, UNKNOWN, COVERAGE = "#0072B2", "#D55E00", "#6B7280", "#009E73"
INK, THRESHOLD, REFUSED_AREA = "#374151", "#111827", "#ECEEF1"
EDGE, GRID, PAPER = "#9CA3AF", "#E5E7EB", "#FFFFFF"
# Of a matrix: filled cells and what is written on them; in the dark they are darker than lines of the same meaning.
RIGHT_CELL, WRONG_CELL, ON_CELL, BESIDE_CELL = "#0072B1", "#D55E01", "#FFFFFE", "#111828"
# What `page.css.j2` calls these colours.
VARIABLES = {
    color.lower(): f"var(--{name})"
    for name, color in {
        "right": RIGHT,
        "wrong": WRONG,
        "unknown": UNKNOWN,
        "coverage": COVERAGE,
        "label": INK,
        "ink": THRESHOLD,
        "refused": REFUSED_AREA,
        "edge": EDGE,
        "grid": GRID,
        "card": PAPER,
        "right-cell": RIGHT_CELL,
        "wrong-cell": WRONG_CELL,
        "on-cell": ON_CELL,
        "beside-cell": BESIDE_CELL,
    }.items()
}
STYLE: dict[RcKeyType, Any] = {
    "font.size": 11,
    "text.parse_math": False,  # a class name may hold a dollar sign
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": EDGE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
WIDTH = 8.0  # inches
LONGEST_NAME = 22  # characters of a class in a figure; the page beside it has the whole name
THRESHOLD_LINE: dict[str, Any] = {"color": THRESHOLD, "linewidth": 1.4, "linestyle": "--"}

Plot = Callable[[pd.DataFrame, float, tuple[str, ...]], Figure]  # of inferences, threshold and classes


def styled(plot: Plot) -> Plot:
    """Make a figure in the report's style and leave matplotlib's settings as they were."""

    @wraps(plot)
    def wrapper(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
        with matplotlib.rc_context({**STYLE, "font.family": fonts.families(classes)}):
            return plot(inferences, threshold, classes)

    return wrapper


def lowest_confidence(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> float:
    """Return where the axis of confidence begins: the largest of n probabilities that add up to 1 is at least 1/n."""
    lowest = min(1 / len(classes), threshold, float(inferences["confidence"].min()))
    return max(0.0, lowest - 0.02)
