"""What counts as right, as labelled and as refused, and the figures that follow from it.

Every table of inferences here has the columns that `inferences.join` returns.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = "pd.Series[bool]"


@dataclass(frozen=True)
class Outcomes:
    """One flag per inference; right and wrong are only those with a label."""

    refused: Mask  # below the threshold
    labelled: Mask  # the true class is known
    right: Mask
    wrong: Mask


def outcomes(inferences: pd.DataFrame) -> Outcomes:
    """Return the outcome of each inference."""
    labelled = inferences["true_class"].notna()
    same = inferences["true_class"] == inferences["predicted_class"]
    return Outcomes(inferences["below_threshold"], labelled, labelled & same, labelled & ~same)


def repeated(inferences: pd.DataFrame) -> Mask:
    """Return which labelled inferences are of a photo that has got the same answer before: they prove nothing new."""
    return inferences["true_class"].notna() & inferences.duplicated(["s3_key", "predicted_class"])


def confusion(inferences: pd.DataFrame, classes: tuple[str, ...]) -> Counts:
    """Return the counts of the labelled inferences, shape (true classes, predicted classes)."""
    labelled = inferences[outcomes(inferences).labelled]
    names = pd.CategoricalDtype(list(classes))
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    codes = (labelled[column].astype(names).cat.codes for column in ("true_class", "predicted_class"))
    np.add.at(counts, tuple(codes), 1)
    return counts


def coverage_and_accuracy(inferences: pd.DataFrame, thresholds: Floats) -> tuple[Floats, Floats]:
    """Return what each threshold accepts of all inferences, and how much is right of the accepted ones with labels.

    Both have the shape of `thresholds` and values in [0, 1], or NaN where the whole is empty.
    """
    found, confidence = outcomes(inferences), inferences["confidence"].to_numpy()
    known = _at_least(confidence[found.labelled], thresholds)
    accuracy = np.full(thresholds.shape, np.nan)
    np.divide(_at_least(confidence[found.right], thresholds), known, out=accuracy, where=known > 0)
    return _at_least(confidence, thresholds) / len(confidence), accuracy


def _at_least(values: Floats, thresholds: Floats) -> Counts:
    """Return how many values reach each threshold; equal does."""
    return len(values) - np.searchsorted(np.sort(values), thresholds, side="left")
