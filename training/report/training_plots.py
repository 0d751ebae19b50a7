"""The figure of a training: it takes the metrics that the train step kept and returns a figure without a window."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.report.style import COVERAGE, RIGHT, THRESHOLD_LINE, WIDTH, styled

ACCURACIES = {"train:accuracy": ("training photos", RIGHT), "validation:accuracy": ("validation photos", COVERAGE)}
LOSSES = {
    "train:cross-entropy": ("training photos", RIGHT),
    "validation:cross-entropy": ("validation photos", COVERAGE),
}
LINES = {RIGHT: "-", COVERAGE: (0, (4, 1.5))}  # told apart without colours too
UNSEEN, LOW, HIGH = "unseen:accuracy", "unseen:low", "unseen:high"


@styled
def training_curve(metrics: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
    """Draw the accuracies and losses of the epochs, and the accuracy on unseen photos of the epoch that was kept.

    Args:
        metrics: Columns epoch (from 0), metric and value, as `job_metrics` reads them.
    """
    losses = metrics["metric"].isin(LOSSES).any()
    figure = Figure(figsize=(WIDTH, 4.2))
    columns = figure.subplots(1, 2 if losses else 1, squeeze=False)[0]
    _lines(columns[0], metrics, ACCURACIES)
    _kept(columns[0], metrics)
    columns[0].set(ylabel="Accuracy", ylim=(None, 1.01))
    columns[0].yaxis.set_major_formatter(PercentFormatter(1))
    if losses:
        _lines(columns[1], metrics, LOSSES)
        columns[1].set(ylabel="Cross-entropy", ylim=(0, None))
    for axes in columns:
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*columns[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, fontsize=10)
    return figure


def _lines(axes: Axes, metrics: pd.DataFrame, names: dict[str, tuple[str, str]]) -> None:
    for metric, (label, color) in names.items():
        rows = metrics[metrics["metric"] == metric].sort_values("epoch")
        if len(rows):
            axes.plot(rows["epoch"] + 1, rows["value"], color=color, linewidth=1.5, linestyle=LINES[color], label=label)


def _kept(axes: Axes, metrics: pd.DataFrame) -> None:
    """Mark the epoch whose network was kept; its accuracy is of photos that it was not trained on."""
    values = dict(zip(metrics["metric"], metrics["value"].astype(float), strict=True))  # the last of each
    if not {UNSEEN, LOW, HIGH} <= set(values):
        return
    epoch, value = int(metrics.loc[metrics["metric"] == UNSEEN, "epoch"].max()) + 1, values[UNSEEN]
    ends = [[value - values[LOW]], [values[HIGH] - value]]
    axes.axvline(epoch, **THRESHOLD_LINE)
    label = f"kept, epoch {epoch}: {value:.1%} of unseen photos, with 95 % interval"
    axes.errorbar([epoch], [value], yerr=ends, fmt="D", color=THRESHOLD_LINE["color"], capsize=4, label=label)
