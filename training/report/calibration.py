"""Whether the confidence keeps its word: of the inferences with a confidence of 90 %, nine of ten should be right."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.report.outcomes import Floats, outcomes
from training.statistics.intervals import Share

MOST_BINS = 10
LEAST_PER_BIN = 20  # inferences; fewer say nothing about a share
DRAWS = 2000  # of a model that keeps its word


@dataclass(frozen=True)
class Bin:
    """Labelled inferences of similar confidence."""

    confidence: float  # mean, in [0, 1]
    right: Share


@dataclass(frozen=True)
class Calibration:
    """How far confidence and accuracy are apart."""

    bins: tuple[Bin, ...]  # by confidence
    error: float  # expected calibration error, in [0, 1]
    by_chance: float  # the error that a model that keeps its word exceeds in 5 % of runs with as many inferences
    confidence: float  # mean, of the labelled inferences
    right: Share  # of the labelled inferences

    @property
    def beyond_chance(self) -> bool:
        return self.error > self.by_chance


def calibration(inferences: pd.DataFrame) -> Calibration | None:
    """Return the calibration of the labelled inferences, None without any.

    The bins hold equally many inferences, because confidences crowd near 1. The expected calibration error is the mean
    distance between confidence and accuracy of the bins, weighted by their inferences (Naeini and others 2015,
    Obtaining well calibrated probabilities using Bayesian binning). Few inferences have an error by chance alone, so
    that of a model whose confidences are true goes with it.
    """
    found = outcomes(inferences)
    labelled = inferences[found.labelled]
    if labelled.empty:
        return None
    confidences, right = labelled["confidence"].to_numpy(dtype=float), found.right[found.labelled].to_numpy(dtype=bool)
    bins = bins_of(confidences, right)
    whole = Share(int(right.sum()), len(right))
    return Calibration(bins, error_of(bins), error_by_chance(bins), float(confidences.mean()), whole)


def bins_of(confidences: Floats, right: npt.NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Return bins of about equally many inferences; equal confidences share a bin. Both have the shape (n,)."""
    number = int(np.clip(len(confidences) // LEAST_PER_BIN, 1, MOST_BINS))
    cuts = np.arange(1, number) * len(confidences) // number
    edges = np.unique(np.sort(confidences)[cuts])
    places = np.searchsorted(edges, confidences, side="right")
    sizes, sums, rights = (np.bincount(places, weights) for weights in (None, confidences, right))
    return tuple(
        Bin(float(total / size), Share(int(part), int(size)))
        for size, total, part in zip(sizes, sums, rights, strict=True)
        if size
    )


def error_of(bins: tuple[Bin, ...]) -> float:
    """Return the expected calibration error."""
    distances = [abs(one.right.part - one.confidence * one.right.whole) for one in bins]
    return sum(distances) / sum(one.right.whole for one in bins)


def error_by_chance(bins: tuple[Bin, ...]) -> float:
    """Return the 95 % quantile of the error of a model that is right as often as its confidence says."""
    sizes = np.array([one.right.whole for one in bins])  # shape (bins,)
    confidences = np.clip([one.confidence for one in bins], 0, 1)  # a mean of ones may exceed 1 by rounding
    right = np.random.default_rng(0).binomial(sizes, confidences, (DRAWS, len(bins)))
    errors = np.abs(right - confidences * sizes).sum(axis=1) / sizes.sum()
    return float(np.quantile(errors, 0.95))
