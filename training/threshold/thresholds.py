"""What each threshold of a fixed list does with labelled photos: accepted, wrong, refused, proven, and its cost.

The list is fixed before the photos are seen, as the proof needs it. The deployed threshold is one more of the list.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.statistics import proven
from training.statistics.intervals import Interval, wilson

THRESHOLDS = (
    *(0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85),
    *(0.9, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.999),
)


@dataclass(frozen=True)
class Costs:
    """What a decision costs, in any one currency."""

    error: float  # of a photo that is accepted with a wrong class
    review: float  # of a photo that is refused, so that a person looks at it


@dataclass(frozen=True)
class Aim:
    """What is to be proven, and how well."""

    max_error: float  # share of the accepted photos that may be wrong, in (0, 1)
    confidence: float  # of the proof and of all intervals, in (0, 1)
    costs: Costs | None = None


@dataclass(frozen=True)
class Row:
    """One threshold."""

    threshold: float
    photos: int
    accepted: int
    errors: int  # of the accepted
    p_value: float  # of "max_error or more of the accepted are wrong"
    proven: bool
    aim: Aim

    @property
    def refused(self) -> int:
        return self.photos - self.accepted

    @property
    def coverage(self) -> float:
        """The share of photos that are accepted, in [0, 1]."""
        return self.accepted / self.photos

    @property
    def error_share(self) -> float | None:
        """The share of the accepted photos that are wrong, None when none is accepted."""
        return self.errors / self.accepted if self.accepted else None

    @property
    def error_interval(self) -> Interval:
        return wilson(self.errors, self.accepted, self.aim.confidence)

    @property
    def refusals(self) -> float:
        """Of 1,000 photos."""
        return 1000 * self.refused / self.photos

    @property
    def refusals_interval(self) -> Interval:
        low, high = wilson(self.refused, self.photos, self.aim.confidence)
        return 1000 * low, 1000 * high

    @property
    def cost(self) -> float | None:
        """Of 1,000 photos; None when nobody said what errors and reviews cost."""
        costs = self.aim.costs
        return 1000 * (costs.error * self.errors + costs.review * self.refused) / self.photos if costs else None

    @property
    def cost_interval(self) -> Interval | None:
        """The cost's interval: Wilson's intervals of both shares, joined as those of a sum.

        Zou and Donner 2008, https://doi.org/10.1002/sim.3095. A photo is not both wrong and refused, so the shares
        vary against each other; the interval ignores that and is a little too wide.
        """
        costs = self.aim.costs
        if costs is None:
            return None
        parts = [(costs.error, self.errors), (costs.review, self.refused)]
        intervals = [(weight, part / self.photos, *self._wilson(part)) for weight, part in parts]
        middle = sum(weight * share for weight, share, _, _ in intervals)
        below = math.hypot(*(weight * (share - low) for weight, share, low, _ in intervals))
        above = math.hypot(*(weight * (high - share) for weight, share, _, high in intervals))
        return 1000 * max(0.0, middle - below), 1000 * (middle + above)

    def _wilson(self, part: int) -> Interval:
        return wilson(part, self.photos, self.aim.confidence)


def rows(photos: pd.DataFrame, classes: int, deployed: float, aim: Aim) -> list[Row]:
    """Return what each threshold does, from the lowest to the strictest.

    Args:
        photos: One or more, with the columns `true_class`, `predicted_class` and `confidence`.
        classes: Their number; the largest of n probabilities is at least 1/n, so that lower thresholds refuse nothing.
        deployed: The stack's threshold.
    """
    listed = sorted({one for one in THRESHOLDS if one >= 1 / classes} | {deployed}, reverse=True)
    confidence, wrong = photos["confidence"].to_numpy(), (photos["true_class"] != photos["predicted_class"]).to_numpy()
    accepted = [int((confidence >= one).sum()) for one in listed]
    errors = [int((wrong & (confidence >= one)).sum()) for one in listed]
    found = proven.proven(errors, accepted, aim.max_error, aim.confidence)
    made = [
        Row(one, len(photos), number, few, proven.p_value(few, number, aim.max_error), is_proven, aim)
        for one, number, few, is_proven in zip(listed, accepted, errors, found, strict=True)
    ]
    return made[::-1]


def lowest_proven(found: Sequence[Row]) -> Row | None:
    """Return the lowest threshold that is proven, which accepts most; `found` as `rows` returns it."""
    return next((row for row in found if row.proven), None)


def least_cost(found: Sequence[Row]) -> Row | None:
    """Return the threshold of least cost, the strictest of several; None without costs."""
    costs = [row.cost for row in found]
    if not found or costs[0] is None:
        return None
    return found[len(found) - 1 - int(np.argmin(np.array(costs[::-1], float)))]


def next_to_prove(found: Sequence[Row]) -> Row | None:
    """Return the threshold that is nearest to a proof: it accepts most of the photos that its errors need.

    Of those that were tested, and the stricter ones. None when no threshold accepts a photo.
    """
    strictest, aim = found[::-1], found[0].aim
    first = proven.first_tested([row.accepted for row in strictest], aim.max_error, aim.confidence)
    candidates = [row for row in strictest[: None if first is None else first + 1] if row.accepted]
    return max(candidates, key=part_of_needed, default=None)


def part_of_needed(row: Row) -> float:
    """Return how many photos are accepted as a share of those that would prove the threshold with its errors."""
    return row.accepted / proven.needed(row.errors, row.aim.max_error, row.aim.confidence)
