"""The figure of calibration: it takes the table of `inferences.join` and returns a figure without a window."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.report.calibration import calibration
from training.report.style import INK, RIGHT, THRESHOLD_LINE, styled


@styled
def reliability_curve(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> Figure:
    """Draw how often the inferences of similar confidence are right, with intervals; needs a labelled inference."""
    found = calibration(inferences)
    assert found is not None, "without labels there is no calibration"
    figure = Figure(figsize=(6.2, 5.0))
    axes = figure.subplots()
    confidences = [one.confidence for one in found.bins]
    shares = np.array([one.right.part / one.right.whole for one in found.bins])
    ends = np.array([one.right.interval for one in found.bins])  # shape (bins, 2)
    left = max(0.0, min([*confidences, threshold]) - 0.03)
    low = max(0.0, min(left, ends.min() - 0.03))
    axes.plot([low, 1], [low, 1], color=INK, linewidth=1.2, linestyle=":", label="as sure as right")
    axes.errorbar(
        confidences,
        shares,
        yerr=[shares - ends[:, 0], ends[:, 1] - shares],
        fmt="o-",
        color=RIGHT,
        linewidth=1.4,
        elinewidth=1.4,
        capsize=4,
        label=f"right, with 95 % interval ({found.right.whole} inferences)",
    )
    axes.axvline(threshold, **THRESHOLD_LINE, label=f"threshold {threshold:g}")
    axes.set(xlim=(left, 1.005), ylim=(low, 1.01), xlabel="Mean confidence", ylabel="Share that is right")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    figure.legend(loc="outside upper left", ncols=1, fontsize=10)
    return figure
