"""The figures of the report: each takes the table of `capture.join` and returns a figure that is not shown anywhere."""

import math
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeAlias

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from matplotlib.typing import RcKeyType

# Okabe and Ito's palette keeps its contrasts for colour-blind readers (https://jfly.uni-koeln.de/color/).
RIGHT, WRONG, UNKNOWN, COVERAGE = "#0072B2", "#D55E00", "#6B7280", "#009E73"
INK, THRESHOLD, REFUSED_AREA = "#374151", "#111827", "#ECEEF1"
STYLE: dict[RcKeyType, Any] = {
    "font.size": 11,
    "text.parse_math": False,  # a class name may hold a dollar sign
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9CA3AF",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E5E7EB",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
WIDTH = 8.0  # inches
MAX_PANELS = 12  # histograms; with more classes, the rarest share the last panel
MAX_COUNTED_CLASSES = 12  # in a confusion matrix; with more, the colours alone show the shares


class Group(NamedTuple):
    """Inferences that are drawn alike."""

    label: str
    rows: "pd.Series[bool]"
    color: str


THRESHOLD_LINE: dict[str, Any] = {"color": THRESHOLD, "linewidth": 1.4, "linestyle": "--"}

P = ParamSpec("P")
Floats: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]


def styled(plot: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a figure in the report's style and leave matplotlib's settings as they were."""

    @wraps(plot)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            return plot(*args, **kwargs)

    return wrapper


@styled
def confidence_over_time(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
    """Draw every inference at its time and confidence: circles were accepted, triangles refused."""
    figure = Figure(figsize=(WIDTH, 4.8))
    axes = figure.subplots()
    times, refused = _spread(inferences["time"]), inferences["below_threshold"]
    for group in _groups(inferences):
        _scatter(axes, times, inferences["confidence"], group._replace(rows=group.rows & ~refused), "accepted")
        _scatter(axes, times, inferences["confidence"], group._replace(rows=group.rows & refused), "refused")
    low = _lowest(inferences, threshold, classes)
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
    """Draw one histogram per predicted class, so that it also works without labels; right and wrong are stacked."""
    panels = _panels(inferences, classes)
    columns = min(len(panels), 2 if len(panels) < 5 else 3 if len(panels) < 10 else 4)
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(WIDTH, 0.6 + 2.7 * rows))
    grid = figure.subplots(rows, columns, sharex=True, sharey=len(classes) <= MAX_PANELS, squeeze=False)
    edges = _edges(_lowest(inferences, threshold, classes), threshold)
    for axes, (name, chosen) in zip(grid.flat, panels, strict=False):
        _histogram(axes, name, inferences[chosen], edges, threshold)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("Confidence", color=INK, fontsize=11)
    figure.supylabel("Inferences", color=INK, fontsize=11)
    labels = {
        label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(labels.values(), labels.keys(), loc="outside upper left", ncols=4, fontsize=10)
    return figure


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
    axes.set_xticks(range(len(classes)), classes, rotation=0 if len(classes) <= 4 else 90, fontsize=size)
    axes.set_yticks(range(len(classes)), classes, fontsize=size)
    axes.set(xlabel="Predicted class", ylabel="True class")
    axes.grid(visible=False)
    return figure


@styled
def accuracy_and_coverage(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
    """Draw what each threshold would accept (of all inferences), and how much of that is right (of the labelled)."""
    low = _lowest(inferences, threshold, classes)
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


def confusion(inferences: pd.DataFrame, classes: tuple[str, ...]) -> Counts:
    """Return the counts of the labelled inferences, shape (true classes, predicted classes)."""
    labelled = inferences[inferences["true_class"].notna()]
    names = pd.CategoricalDtype(list(classes))
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    codes = (labelled[column].astype(names).cat.codes for column in ("true_class", "predicted_class"))
    np.add.at(counts, tuple(codes), 1)
    return counts


def coverage_and_accuracy(inferences: pd.DataFrame, thresholds: Floats) -> tuple[Floats, Floats]:
    """Return the share of all inferences that each threshold accepts, and the share right of the accepted with labels.

    Both have the shape of `thresholds` and values in [0, 1], or NaN where there is nothing to take a share of.
    """
    confidence, labelled = inferences["confidence"].to_numpy(), inferences["true_class"].notna().to_numpy()
    right = (inferences["true_class"] == inferences["predicted_class"]).to_numpy()
    known = _at_least(confidence[labelled], thresholds)
    accuracy = np.full(thresholds.shape, np.nan)
    np.divide(_at_least(confidence[labelled & right], thresholds), known, out=accuracy, where=known > 0)
    return _at_least(confidence, thresholds) / len(confidence), accuracy


def _at_least(values: Floats, thresholds: Floats) -> Counts:
    """Return how many values reach each threshold; equal does."""
    return len(values) - np.searchsorted(np.sort(values), thresholds, side="left")


def _groups(inferences: pd.DataFrame) -> list[Group]:
    """Return right, wrong and unlabelled inferences; the last drawn lies on top."""
    labelled = inferences["true_class"].notna()
    right = labelled & (inferences["true_class"] == inferences["predicted_class"])
    return [
        Group("label unknown", ~labelled, UNKNOWN),
        Group("right", right, RIGHT),
        Group("wrong", labelled & ~right, WRONG),
    ]


def _spread(times: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    """Return the times with the inferences of one second spread over it: records have whole seconds."""
    order = times.groupby(times).cumcount()
    count = times.groupby(times).transform("size")
    return times + pd.to_timedelta(order / count, unit="s")


def _scatter(
    axes: Axes, times: "pd.Series[pd.Timestamp]", confidence: "pd.Series[float]", group: Group, outcome: str
) -> None:
    if not group.rows.any():
        return
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


def _time_axis(axes: Axes, times: "pd.Series[pd.Timestamp]") -> None:
    first, last = times.min(), times.max()
    margin = max((last - first) * 0.02, (timedelta(seconds=10) - (last - first)) / 2)
    axes.set_xlim(*date2num([first - margin, last + margin]))  # type: ignore[no-untyped-call]
    locator = AutoDateLocator(tz="UTC", minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator,
        tz="UTC",
        formats=["%Y", "%b %Y", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S"],
        zero_formats=["%Y", "%b %Y", "%d %b", "%d %b", "%H:%M", "%H:%M:%S"],
        offset_formats=["", "", "", *["%d %b %Y"] * 3],
    )
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)


def _lowest(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> float:
    """Return where the axis of confidence begins: the largest of n probabilities that add up to 1 is at least 1/n."""
    lowest = min(1 / len(classes), threshold, float(inferences["confidence"].min()))
    return max(0.0, lowest - 0.02)


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
            bar = counts > 0  # an empty one would keep the axis from leaving room above it
            axes.bar(
                edges[:-1][bar], counts[bar], np.diff(edges)[bar], top[bar],
                align="edge", color=group.color, label=group.label,
            )  # fmt: skip
            top += counts
    axes.axvspan(edges[0], threshold, color=REFUSED_AREA, zorder=0, label="refused")
    axes.axvline(threshold, **THRESHOLD_LINE, label=f"threshold {threshold:g}")
    axes.set_xlim(edges[0], 1.0)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.set_title(f"{name}\n{len(inferences)}, {inferences['below_threshold'].sum()} refused", fontsize=10)


def _annotate(axes: Axes, counts: Counts, shares: Floats) -> None:
    size = 14 if len(counts) <= 4 else 8
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count}\n{share:.0%}" if count else "0"
        color = "white" if share > 0.6 and row == column else THRESHOLD if count else UNKNOWN
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=color)


def _percent(share: float) -> str:
    return "n/a" if math.isnan(share) else f"{share:.1%}"
