"""The figure of risk: it takes the table of `inferences.join` and returns a figure without a window."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.report.outcomes import Counts, Floats, outcomes
from training.report.style import INK, THRESHOLD, WRONG, styled
from training.statistics.intervals import wilson

MOST_POINTS = 500  # of the curve
MARKED = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)  # thresholds
NEAREST = 0.07  # of the axis, between two marked thresholds
LEAST_COVERAGE = 0.5  # where the axis begins, unless the threshold of today accepts less


@dataclass(frozen=True)
class Risk:
    """For some thresholds: how much they accept, and how much of that is wrong. All have the shape (points,)."""

    thresholds: Floats  # falling
    accepted: Counts  # labelled inferences
    wrong: Counts  # of the accepted
    labelled: int

    @property
    def coverage(self) -> Floats:
        return self.accepted / self.labelled

    @property
    def risk(self) -> Floats:
        return self.wrong / self.accepted


@styled
def risk_and_coverage(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
    """Draw the share of mistakes among the accepted over the share that is accepted; needs a labelled inference."""
    found = risk_of(inferences)
    figure = Figure(figsize=(6.2, 5.0))
    axes = figure.subplots()
    ends = np.array([wilson(int(w), int(n)) for w, n in zip(found.wrong, found.accepted, strict=True)])
    axes.fill_between(
        found.coverage, ends[:, 0], ends[:, 1], color=WRONG, alpha=0.18, linewidth=0, label="95 % interval"
    )
    axes.plot(found.coverage, found.risk, color=WRONG, linewidth=1.8, label="mistakes among the accepted")
    now = int(np.searchsorted(-found.thresholds, -threshold, side="right")) - 1
    if now >= 0:
        told = f"threshold now, {threshold:g}: {found.coverage[now]:.1%} accepted, {found.risk[now]:.1%} of them wrong"
        axes.plot(found.coverage[now], found.risk[now], "o", color=THRESHOLD, markersize=9, label=told)
    left = min(LEAST_COVERAGE, max(0.0, found.coverage[max(now, 0)] - 0.1))
    shown = found.coverage >= left
    # The interval of a few is so wide that the axis would show nothing else.
    top = max(1.3 * found.risk[shown].max(), 1.2 * ends[-1, 1], 0.01)
    axes.set(xlim=(left, 1.01), ylim=(0, min(1.02, top)), xlabel="Accepted", ylabel="Mistakes among the accepted")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _mark_thresholds(axes, found, left)
    figure.legend(loc="outside upper left", ncols=1, fontsize=10)
    return figure


def risk_of(inferences: pd.DataFrame) -> Risk:
    """Return the risk at each confidence that a labelled inference has, at most `MOST_POINTS` of them."""
    known = inferences[outcomes(inferences).labelled].sort_values("confidence", ascending=False, kind="stable")
    confidence = known["confidence"].to_numpy(dtype=float)
    wrong = np.cumsum(known["true_class"].to_numpy() != known["predicted_class"].to_numpy())
    last = np.append(np.flatnonzero(np.diff(confidence)), len(confidence) - 1)  # of those with equal confidence
    chosen = last[np.unique(np.linspace(0, len(last) - 1, MOST_POINTS).astype(int))]
    return Risk(confidence[chosen], chosen + 1, wrong[chosen], len(confidence))


def _mark_thresholds(axes: Axes, found: Risk, left: float) -> None:
    """Name some thresholds above the curve, as far apart as their names need."""
    ticks: list[tuple[float, str]] = []
    for threshold in MARKED:
        place = int(np.searchsorted(-found.thresholds, -threshold, side="right")) - 1
        coverage = float(found.coverage[place]) if place >= 0 else 0.0
        if coverage > left and all(abs(coverage - one) >= NEAREST * (1 - left) for one, _ in ticks):
            ticks.append((coverage, f"{threshold:g}"))
    above = axes.secondary_xaxis("top")
    above.set_xticks([coverage for coverage, _ in ticks], [name for _, name in ticks], fontsize=9, color=INK)
    above.set_xlabel("at a threshold of", fontsize=9, color=INK)
