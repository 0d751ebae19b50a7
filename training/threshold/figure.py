"""The figure of thresholds: the share of wrong photos among the accepted, and the refusals, with their intervals."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.report.style import COVERAGE, STYLE, THRESHOLD_LINE, WIDTH, WRONG
from training.statistics.intervals import Interval
from training.threshold.thresholds import Row, lowest_proven


def write(rows: Sequence[Row], deployed: float, path: Path) -> None:
    """Write the figure as PNG."""
    with matplotlib.rc_context(STYLE):
        draw(rows, deployed).savefig(path, dpi=144)


def draw(rows: Sequence[Row], deployed: float) -> Figure:
    """Draw two panels over the listed thresholds, which stand at equal distances."""
    figure = Figure(figsize=(WIDTH, 5.6))
    wrong, refused = figure.subplots(2, 1, sharex=True)
    places = range(len(rows))
    some = [place for place in places if rows[place].accepted]
    errors = [rows[place] for place in some]
    shares = [100 * (row.error_share or 0.0) for row in errors]
    bars(wrong, some, shares, [scaled(row.error_interval, 100) for row in errors], WRONG)
    bars(refused, places, [row.refusals for row in rows], [row.refusals_interval for row in rows], COVERAGE)
    aim = rows[0].aim
    wrong.axhline(
        100 * aim.max_error, color=WRONG, linestyle=":", label=f"at most {100 * aim.max_error:.4g} % may be wrong"
    )
    mark(wrong, rows, deployed)
    mark(refused, rows, deployed)
    top = max([300 * aim.max_error, *(1.5 * share for share in shares)])
    wrong.set(ylabel="Wrong, % of accepted", ylim=(0, min(100, top)))
    refused.set(ylabel="Refused of 1,000", xlabel="Threshold", ylim=(0, None))
    refused.set_xticks(places, [f"{row.threshold:g}" for row in rows], rotation=60)
    figure.legend(*wrong.get_legend_handles_labels(), loc="outside upper left", ncols=3, fontsize=10)
    return figure


def bars(axes: Axes, places: Sequence[int], values: Sequence[float], intervals: Sequence[Interval], color: str) -> None:
    """Draw points with their intervals."""
    below = [value - low for value, (low, _) in zip(values, intervals, strict=True)]
    above = [high - value for value, (_, high) in zip(values, intervals, strict=True)]
    axes.errorbar(places, values, yerr=[np.maximum(below, 0), np.maximum(above, 0)], fmt="o", color=color, capsize=3)


def mark(axes: Axes, rows: Sequence[Row], deployed: float) -> None:
    """Draw lines at the deployed threshold and at the lowest one that is proven."""
    listed = [row.threshold for row in rows]
    axes.axvline(listed.index(deployed), **THRESHOLD_LINE, label=f"deployed {deployed:g}")
    if row := lowest_proven(rows):
        axes.axvline(listed.index(row.threshold), color=COVERAGE, label=f"lowest proven {row.threshold:g}")


def scaled(interval: Interval, factor: float) -> Interval:
    return factor * interval[0], factor * interval[1]
