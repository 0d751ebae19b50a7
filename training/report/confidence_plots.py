"""The figures of confidence: each takes the table of `inferences.join` and returns a figure without a window."""

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.report.outcomes import Floats, outcomes
from training.report.style import (
    INK,
    LONGEST_NAME,
    PAPER,
    REFUSED_AREA,
    RIGHT,
    THRESHOLD_LINE,
    UNKNOWN,
    WIDTH,
    WRONG,
    lowest_confidence,
    styled,
)
from training.report.svg import MARKS
from training.streams import short_name

MOST_MARKS = 2_000  # that all show their photo; with more, only those of refused and wrong inferences do
MOST_OF_A_GROUP = 10_000  # marks that show their photo
SHORTER_NAME = 16  # characters of a class above the narrowest histograms
MAX_PANELS = 12  # histograms; with more classes, the rarest share the last panel


class Group(NamedTuple):
    """Inferences that are drawn alike."""

    label: str
    rows: "pd.Series[bool]"
    color: str


@styled
def confidence_over_time(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
    """Draw every inference at its time and confidence: circles were accepted, triangles refused."""
    figure = Figure(figsize=(WIDTH, 4.8))
    axes = figure.subplots()
    times, shown = _spread(inferences["time"]), marks(inferences)
    for outcome, group in _outcomes(inferences):
        if group.rows.any():
            _scatter(axes, times, inferences["confidence"], group, outcome)
            name = _name(outcome, group)
            axes.collections[-1].set(gid=name, rasterized=name not in shown)
    low = lowest_confidence(inferences, threshold, classes)
    axes.axhspan(low, threshold, color=REFUSED_AREA, zorder=0)
    axes.axhline(threshold, **THRESHOLD_LINE)
    axes.annotate(
        f"threshold\n{threshold:g}", (1.01, threshold), xycoords=("axes fraction", "data"), va="center", fontsize=10
    )
    axes.set(ylim=(low, 1.0 + 0.03 * (1 - low)), ylabel="Confidence", xlabel="Time (UTC)")
    _time_axis(axes, times)
    columns = 4 if len(axes.collections) <= 4 else 3
    figure.legend(loc="outside upper left", ncols=columns, fontsize=9.5, handletextpad=0.1, columnspacing=1.0)
    return figure


@styled
def confidence_histograms(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
    """Draw one histogram per predicted class, which needs no labels; right and wrong are stacked."""
    panels = _panels(inferences, classes)
    columns = min(len(panels), 2 if len(panels) < 5 else 3 if len(panels) < 10 else 4)
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(WIDTH, 0.6 + 2.7 * rows))
    grid = figure.subplots(rows, columns, sharex=True, sharey=len(classes) <= MAX_PANELS, squeeze=False)
    edges = _edges(lowest_confidence(inferences, threshold, classes), threshold)
    for axes, (name, chosen) in zip(grid.flat, panels, strict=False):
        _histogram(
            axes, short_name(name, LONGEST_NAME if columns < 4 else SHORTER_NAME), inferences[chosen], edges, threshold
        )
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("Confidence", color=INK, fontsize=11)
    figure.supylabel("Inferences", color=INK, fontsize=11)
    labels = {
        label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(labels.values(), labels.keys(), loc="outside upper left", ncols=4, fontsize=10)
    return figure


def marks(inferences: pd.DataFrame) -> dict[str, npt.NDArray[np.int64]]:
    """Return the inferences (their places in the table) behind the marks that show a photo.

    Returns:
        By the name of each group of marks in `confidence_over_time`, in the order in which they are drawn.
    """
    groups = {
        _name(outcome, group): np.flatnonzero(group.rows)
        for outcome, group in _outcomes(inferences)
        if len(inferences) <= MOST_MARKS or outcome == "refused" or group.label == "wrong"
    }
    return {name: places for name, places in groups.items() if 0 < len(places) <= MOST_OF_A_GROUP}


def _name(outcome: str, group: Group) -> str:
    return f"{MARKS}{outcome}-{group.label.replace(' ', '-')}"


def _outcomes(inferences: pd.DataFrame) -> Iterator[tuple[str, Group]]:
    """Yield what became of each group, and the part of it of which that is true."""
    refused = outcomes(inferences).refused
    for group in _groups(inferences):
        yield "accepted", group._replace(rows=group.rows & ~refused)
        yield "refused", group._replace(rows=group.rows & refused)


def _groups(inferences: pd.DataFrame) -> list[Group]:
    """Return unlabelled, right and wrong inferences; the last drawn lies on top."""
    found = outcomes(inferences)
    return [
        Group("label unknown", ~found.labelled, UNKNOWN),
        Group("right", found.right, RIGHT),
        Group("wrong", found.wrong, WRONG),
    ]


def _spread(times: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    """Return the times with the inferences of one second spread over it: records have whole seconds."""
    order = times.groupby(times).cumcount()
    count = times.groupby(times).transform("size")
    return times + pd.to_timedelta(order / count, unit="s")


def _scatter(
    axes: Axes, times: "pd.Series[pd.Timestamp]", confidence: "pd.Series[float]", group: Group, outcome: str
) -> None:
    refused, wrong = outcome == "refused", group.label == "wrong"
    axes.scatter(
        times[group.rows].to_numpy(),
        confidence[group.rows].to_numpy(),
        s=(60 if wrong else 34) if len(confidence) < 1000 else 16,
        marker="v" if refused else "X" if wrong else "o",
        facecolors="white" if refused else group.color,
        edgecolors=group.color if refused else "white",
        linewidths=1.3 if refused else 0.4,
        alpha=1.0 if refused or wrong else 0.6,
        zorder=4 if wrong else 3,
        label=f"{outcome}, {group.label} ({group.rows.sum()})",
    )


def _look(group: Group) -> dict[str, Any]:
    """Return how bars are filled: mistakes are hatched, so that no colour is needed to see them."""
    return {
        "color": group.color,
        **({"hatch": "//////", "edgecolor": PAPER, "linewidth": 0} if group.label == "wrong" else {}),
    }


def _time_axis(axes: Axes, times: "pd.Series[pd.Timestamp]") -> None:
    first, last = times.min(), times.max()
    margin = max((last - first) * 0.02, (timedelta(seconds=10) - (last - first)) / 2)
    axes.set_xlim(*date2num([first - margin, last + margin]))  # type: ignore[no-untyped-call]  # matplotlib.dates
    locator = AutoDateLocator(tz="UTC", minticks=3, maxticks=8)  # type: ignore[no-untyped-call]  # matplotlib.dates
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]  # matplotlib.dates
        locator,
        tz="UTC",
        formats=["%Y", "%b %Y", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S"],
        zero_formats=["%Y", "%b %Y", "%d %b", "%d %b", "%H:%M", "%H:%M:%S"],
        offset_formats=["", "", "", *["%d %b %Y"] * 3],
    )
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)


def _edges(low: float, threshold: float) -> Floats:
    """Return some 25 equal bins up to 1, with an edge at the threshold, so that no bar is half refused."""
    wanted = (1.0 - low) / 25
    above = max(1, round((1.0 - threshold) / wanted))
    width = (1.0 - threshold) / above if threshold < 1.0 - wanted / 2 else wanted
    return np.append(np.arange(threshold, low - width, -width)[:0:-1], np.linspace(threshold, 1.0, above + 1))


def _panels(inferences: pd.DataFrame, classes: tuple[str, ...]) -> "list[tuple[str, pd.Series[bool]]]":
    """Return a name and the rows of each panel: all classes, or the most frequent ones and the rest together."""
    predicted = inferences["predicted_class"]
    if len(classes) <= MAX_PANELS:
        return [(name, predicted == name) for name in classes]
    frequent = [str(name) for name in predicted.value_counts().index[: MAX_PANELS - 1]]
    rest = (f"{len(classes) - len(frequent)} other classes", ~predicted.isin(frequent))
    return [*((name, predicted == name) for name in frequent), rest]


def _histogram(axes: Axes, name: str, inferences: pd.DataFrame, edges: Floats, threshold: float) -> None:
    top = np.zeros(len(edges) - 1)
    for group in _groups(inferences):
        if group.rows.any():
            counts, _ = np.histogram(inferences.loc[group.rows, "confidence"], edges)
            bar = counts > 0  # an empty bar would keep the axis from leaving room above the others
            lefts, widths = edges[:-1][bar], np.diff(edges)[bar]
            axes.bar(lefts, counts[bar], widths, top[bar], align="edge", **_look(group), label=group.label)
            top += counts
    axes.axvspan(edges[0], threshold, color=REFUSED_AREA, zorder=0, label="refused")
    axes.axvline(threshold, **THRESHOLD_LINE, label=f"threshold {threshold:g}")
    axes.set_xlim(edges[0], 1.0)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.set_title(
        f"{name}\n{len(inferences)}, {outcomes(inferences).refused.sum()} refused",
        fontsize=10,
    )
