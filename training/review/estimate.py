"""How accurate the model is on real traffic, from a sample of it that people have reviewed.

Refused inferences are reviewed more often than accepted ones, so the share of right answers among the reviewed ones is
not that of all. Each cell of the traffic, in which every inference had the same chance to be reviewed, is estimated by
itself and counts as often as it occurs: the stratified (post-stratified Horvitz-Thompson) estimate.

The interval is that of MOVER with Wilson's intervals: Zou and Donner, Construction of confidence limits about effect
measures, 2008. What came in is itself a sample of all traffic, which adds the variance between the cells.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from training.review.answers import UNUSABLE
from training.review.selection import MISTAKE, strata
from training.statistics.intervals import CONFIDENCE, wilson


@dataclass(frozen=True)
class ReviewedAccuracy:
    """The estimated accuracy of the model on some traffic."""

    value: float | None  # in [0, 1]; None while a part of the traffic has no reviewed inference
    low: float  # where the interval begins
    high: float  # where it ends
    n: int  # reviewed inferences that it rests on
    traffic: int  # inferences that it is about


@dataclass(frozen=True)
class _Cell:
    """A part of the traffic in which each inference had the same chance to be reviewed."""

    weight: float  # its share of the traffic
    right: int  # of the reviewed ones
    reviewed: int

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.reviewed, CONFIDENCE)

    @property
    def share(self) -> float:
        return self.right / self.reviewed


def estimate(inferences: pd.DataFrame, answers: pd.DataFrame) -> ReviewedAccuracy:
    """Return the accuracy on all these inferences, with its 95 % interval.

    Args:
        inferences: All of the traffic, reviewed or not, with `event_id`, `confidence`, `below_threshold`,
            `predicted_class` and `true_class` (missing where nobody knows it).
        answers: `answers.read`. An unusable photo counts neither as right nor as wrong, one that shows none of the
            classes as wrong. Those about other inferences are left out.
    """
    cells = list(_cells(inferences, answers))
    reviewed, traffic = sum(cell.reviewed for cell in cells), len(inferences)
    low, high = _interval(cells, traffic)
    known = bool(cells) and all(cell.reviewed for cell in cells)
    value = sum(cell.weight * cell.share for cell in cells) if known else None
    return ReviewedAccuracy(value, low, high, reviewed, traffic)


def estimate_accepted(inferences: pd.DataFrame, answers: pd.DataFrame) -> ReviewedAccuracy:
    """Return the accuracy on the accepted inferences, which nobody looks at otherwise."""
    return estimate(inferences[~inferences["below_threshold"].astype(bool)], answers)


def _cells(inferences: pd.DataFrame, answers: pd.DataFrame) -> Iterator[_Cell]:
    """Yield the parts of the traffic that every selection treated alike.

    A selection tells the known mistakes, and what is below the threshold that it was made with: between two such
    thresholds all inferences had the same chance, even when the threshold was changed between two reviews.
    """
    usable = answers[answers["answer"] != UNUSABLE]
    table = inferences.merge(usable[["event_id", "answer", "threshold"]], on="event_id", how="left")
    thresholds = np.unique(table["threshold"].dropna().to_numpy(dtype=float))
    band = np.searchsorted(thresholds, table["confidence"].to_numpy(dtype=float), side="right")
    mistake = strata(table.assign(below_threshold=False)) == MISTAKE
    # A mistake below every threshold was selected as refused: its band says so.
    kind = np.where(mistake & (band > 0), "mistake", "other")
    right = table["answer"] == table["predicted_class"]
    for _, rows in table.assign(right=right).groupby([band, kind]):
        reviewed = rows[rows["answer"].notna()]
        yield _Cell(len(rows) / len(table), int(reviewed["right"].sum()), len(reviewed))


def _interval(cells: list[_Cell], traffic: int) -> tuple[float, float]:
    """Return the ends of the interval; a cell without a reviewed inference may be all right or all wrong."""
    if not traffic:
        return 0.0, 1.0
    known = [cell for cell in cells if cell.reviewed]
    unknown = sum(cell.weight for cell in cells if not cell.reviewed)
    centre = sum(cell.weight * cell.share for cell in known)
    below = sum((cell.weight * (cell.share - cell.interval[0])) ** 2 for cell in known)
    above = sum((cell.weight * (cell.interval[1] - cell.share)) ** 2 for cell in known)
    between = _between(known, traffic)
    low, high = centre - math.sqrt(below + between), centre + math.sqrt(above + between)
    return max(0.0, low), min(1.0, high + unknown)


def _between(cells: list[_Cell], traffic: int) -> float:
    """Return the square of what the unknown true weights of the cells add to each half of the interval."""
    whole = sum(cell.weight for cell in cells)
    if not whole:
        return 0.0
    mean = sum(cell.weight * cell.share for cell in cells) / whole
    variance = sum(cell.weight * (cell.share - mean) ** 2 for cell in cells)
    return NormalDist().inv_cdf((1 + CONFIDENCE) / 2) ** 2 * variance / traffic
