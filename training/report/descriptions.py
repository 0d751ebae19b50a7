"""What is seen on a figure, with its numbers, for readers who do not see it: each takes what its plot takes."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from training.checks.sentences import between, percent
from training.report.calibration import calibration
from training.report.outcomes import confusion, coverage_and_accuracy, outcomes
from training.report.risk_plots import risk_of
from training.statistics.watch import Watched
from training.streams import visible

Description = Callable[[pd.DataFrame, float, tuple[str, ...]], str]
MOST_TAKEN_FOR = 3  # classes for which one was taken
MOST_CLASSES = 12  # that a description names
THRESHOLDS = (0.5, 0.7, 0.9, 0.95, 0.99)
MOST_POINTS = 6  # of a curve


def describe(plot: str, table: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> str:
    """Return what the figure shows that the function of this name draws."""
    return DESCRIPTIONS[plot](table, threshold, classes)


def describe_drift(watched: Watched) -> str:
    newest = watched.windows[-1]
    known = [one for one in newest.differences if one.known]
    distances = ", ".join(f"{visible(one.statistic)} {one.distance:.2f}" for one in known)
    return (
        f"Distances between the newest {newest.last - newest.first} photos and the profile: {distances}; "
        f"{len(newest.alarms)} of {len(known)} statistics alarm. {watched.sentences[-1]}."
    )


def _over_time(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> str:
    found, confidence, times = outcomes(inferences), inferences["confidence"], inferences["time"]
    unknown = f", {(~found.labelled).sum()} are of unknown class" if (~found.labelled).any() else ""
    return (
        f"Confidence of {len(inferences)} images from {times.min():%Y-%m-%d %H:%M:%S} to {times.max():%H:%M:%S} UTC, "
        f"between {confidence.min():.3f} and {confidence.max():.3f}, median {confidence.median():.3f}. "
        f"{(~found.refused).sum()} lie at or above the threshold of {threshold:g}, {found.refused.sum()} below. "
        f"{found.right.sum()} are right, {found.wrong.sum()} wrong{unknown}; "
        f"{(found.wrong & ~found.refused).sum()} of the wrong ones were accepted."
    )


def _histograms(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> str:
    counts = inferences["predicted_class"].value_counts()
    parts = []
    for name in counts.index[:MOST_CLASSES]:
        rows = inferences[inferences["predicted_class"] == name]
        found, median = outcomes(rows), rows["confidence"].median()
        wrong = f", {found.wrong.sum()} wrong" if found.labelled.any() else ""
        parts.append(f"{visible(name)}: {len(rows)}, {found.refused.sum()} refused{wrong}, median {median:.3f}")
    return f"Histograms of the confidence by the class that the model said. {_list(parts, len(counts))}."


def _confusion(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> str:
    counts = confusion(inferences, classes)
    parts = []
    for row in [row for row in np.argsort(-counts.sum(axis=1), kind="stable") if counts[row].any()]:
        taken = [column for column in np.argsort(-counts[row], kind="stable") if column != row and counts[row, column]]
        others = [f", {counts[row, column]} taken for {visible(classes[column])}" for column in taken[:MOST_TAKEN_FOR]]
        name = visible(classes[row])
        parts.append(f"{name}: {counts[row, row]} of {counts[row].sum()} right{''.join(others)}")
    return f"Matrix of true classes against what the model said. {_list(parts, len(parts))}."


def _coverage(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> str:
    chosen = np.array(sorted({*THRESHOLDS, threshold}))
    parts = []
    for at, accepted, right in zip(chosen, *coverage_and_accuracy(inferences, chosen), strict=True):
        known = "" if math.isnan(right) else f" and {percent(right)} of them are right"
        parts.append(f"at {at:g} {percent(accepted)} are accepted{known}")
    return f"Curves of what each threshold accepts and how much of it is right: {'; '.join(parts)}. Now: {threshold:g}."


def _risk(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> str:
    found = risk_of(inferences)
    chosen = np.unique(np.linspace(0, len(found.thresholds) - 1, MOST_POINTS).astype(int))
    parts = [f"{percent(found.risk[at])} of the surest {percent(found.coverage[at])}" for at in chosen]
    return f"Curve of the share of mistakes among the accepted: {', '.join(parts)}."


def _reliability(inferences: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> str:
    found = calibration(inferences)
    assert found is not None, "without labels there is no calibration"
    parts = [
        f"{percent(one.right.part / one.right.whole)} ({between(one.right.interval)}) at {percent(one.confidence)}"
        for one in found.bins
    ]
    return f"Share that is right, with 95 % interval, at mean confidences: {'; '.join(parts)}."


def _training(metrics: pd.DataFrame, threshold: float, classes: tuple[str, ...]) -> str:
    parts = []
    for name, rows in metrics.sort_values("epoch").groupby("metric", sort=True):
        values = rows["value"].to_numpy(dtype=float)
        if len(values) > 1:
            parts.append(f"{str(name).replace(':', ' ')} from {values[0]:.3f} to {values[-1]:.3f}")
    return f"Curves of {int(metrics['epoch'].max()) + 1} epochs: {'; '.join(parts)}."


def _list(parts: list[str], whole: int) -> str:
    rest = whole - MOST_CLASSES
    return "; ".join(parts[:MOST_CLASSES]) + (f"; and {rest} other classes" if rest > 0 else "")


DESCRIPTIONS: Mapping[str, Description] = {
    "confidence_over_time": _over_time,
    "confidence_histograms": _histograms,
    "confusion_matrix": _confusion,
    "accuracy_and_coverage": _coverage,
    "risk_and_coverage": _risk,
    "reliability_curve": _reliability,
    "training_curve": _training,
}
