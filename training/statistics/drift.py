"""Whether a window of captured photos is like the profile's photos: a two-sample Kolmogorov-Smirnov test a statistic.

A window alarms where a difference is neither chance (Holm 1979, over all statistics of the window) nor too small to
matter (the largest distance between the two cumulative distributions).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from training.statistics.drifts import Drift
from training.statistics.profile import Floats, Values, rounded

WINDOW = 200  # photos
MOST_WINDOWS = 500  # the newest
ENOUGH = 30  # photos, of a window and of the profile; below that there is no verdict
LEVEL = 0.01  # at most this share of unchanged windows has a significant difference in any statistic
LEAST_EFFECT = 0.2  # distance of the cumulative distributions from which a significant difference alarms


@dataclass(frozen=True)
class Difference:
    """How a statistic of a window differs from the profile; the numbers are NaN where there are too few photos."""

    statistic: str
    photos: int  # of the window
    reference: int  # photos of the profile
    p_value: float  # corrected for the number of statistics
    distance: float  # of the cumulative distributions, in [0, 1]
    shift: float  # of the mean, in standard deviations of the profile

    @property
    def known(self) -> bool:
        """Whether there were enough photos for a test."""
        return not math.isnan(self.p_value)

    @property
    def alarm(self) -> bool:
        """Whether the difference is significant and large."""
        return self.p_value < LEVEL and self.distance >= LEAST_EFFECT

    def drift(self) -> Drift:
        """Return the difference as the verdict reads it."""
        value, effect = (self.p_value, self.distance) if self.known else (1.0, 0.0)
        photos = self.photos if self.known else min(self.photos, ENOUGH - 1)
        return Drift(self.statistic, "window", photos, value, LEVEL, effect, self.alarm)

    def sentence(self) -> str:
        """Return what was found, with its numbers."""
        if not self.known:
            return f"{self.statistic}: not enough, {self.photos} photos against the profile's {self.reference}"
        found = "alarm" if self.alarm else "too small to matter" if self.p_value < LEVEL else "like the profile"
        return (
            f"{self.statistic}: {found}, distance {self.distance:.2f} (limit {LEAST_EFFECT:g}), corrected p "
            f"{self.p_value:.2g}, mean {self.shift:+z.1f} standard deviations, {self.photos} photos"
        )


@dataclass(frozen=True)
class Window:
    """Consecutive photos and how they differ from the profile."""

    first: int  # photo, from 0
    last: int  # photo after the window's last
    differences: tuple[Difference, ...]

    @property
    def alarms(self) -> tuple[Difference, ...]:
        """The differences that alarm, the largest first."""
        return tuple(sorted((one for one in self.differences if one.alarm), key=lambda one: -one.distance))


def windows(reference: Values, table: Mapping[str, Any], size: int = WINDOW) -> list[Window]:
    """Return the windows of photos in their order; the last one ends with the last photo.

    Args:
        reference: Of the profile.
        table: A number of each statistic for each photo, NaN where it is unknown.
        size: Photos of a window; the oldest one may have fewer, and is left out when these are fewer than 30.
    """
    photos = max((len(table[name]) for name in reference if name in table), default=0)
    starts = [max(0, end - size) for end in range(photos, 0, -size)][:MOST_WINDOWS]
    bounds = [*reversed(starts), photos]
    if len(bounds) > 2 and bounds[1] - bounds[0] < ENOUGH:
        bounds = bounds[1:]
    return [Window(*ends, compare(reference, table, slice(*ends))) for ends in pairwise(bounds)]


def compare(reference: Values, table: Mapping[str, Any], photos: slice = slice(None)) -> tuple[Difference, ...]:
    """Return the differences of all statistics that the profile has, in the profile's order."""
    held = rounded(reference)
    seen = rounded({name: table[name] for name in reference if name in table}, photos)
    found = [_difference(name, row, seen.get(name, np.zeros(0))) for name, row in held.items()]
    return _corrected(found)


def _difference(name: str, reference: Floats, window: Floats) -> Difference:
    """Return a difference with its uncorrected p-value.

    The newest photos are taken where a window is larger than the reference: chance deviations of the reference
    would alarm in every such window.
    """
    known = window[np.isfinite(window)]
    known = known[max(0, len(known) - max(0, len(reference) - 1)) :]
    if min(len(known), len(reference)) < ENOUGH:
        return Difference(name, len(known), len(reference), math.nan, math.nan, math.nan)
    test = ks_2samp(reference, known, method="asymp")
    moved = float(known.mean() - reference.mean())
    spread = float(reference.std())
    shift = moved / spread if spread > 0 else math.copysign(math.inf, moved) if moved else 0.0
    return Difference(name, len(known), len(reference), float(test.pvalue), float(test.statistic), shift)


def _corrected(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """Return the differences with Holm's p-values: the k-th smallest of m counts m - k + 1 times, and none falls."""
    order = sorted((place for place, one in enumerate(found) if one.known), key=lambda place: found[place].p_value)
    values, largest = {}, 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * found[place].p_value))
        values[place] = largest
    return tuple(
        Difference(one.statistic, one.photos, one.reference, values.get(place, one.p_value), one.distance, one.shift)
        for place, one in enumerate(found)
    )
