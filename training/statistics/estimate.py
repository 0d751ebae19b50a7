"""How accurate the model probably is on photos whose classes nobody knows, from its own confidence.

The mean confidence of a calibrated model is its expected accuracy. What the held-out photos show of its calibration is
added. All this holds only while the photos are like the held-out ones: blurred photos made a model that was right in
50 % of the cases 92 % confident. So an estimate is struck out when a statistic of the pixels alarms.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.algorithm.photo_statistics import STATISTICS
from training.statistics.drift import ENOUGH
from training.statistics.drifts import Drift
from training.statistics.profile import Profile

_NORMAL = 1.959964  # 95 % of a normal distribution lies within this many standard deviations


@dataclass(frozen=True)
class EstimatedAccuracy:
    """An accuracy that was estimated from confidence, never shown without the verdict on the pixels."""

    value: float  # in [0, 1]
    interval: tuple[float, float]  # of 95 %
    photos: int
    struck_out_by: tuple[str, ...]  # the statistics of the pixels that alarm
    unwatched: bool  # nothing is known of the photos' pixels

    @property
    def holds(self) -> bool:
        """Whether the photos' pixels are known to be like those of the held-out photos."""
        return not self.struck_out_by and not self.unwatched


def estimate(profile: Profile, confidence: Any, drifts: Iterable[Drift]) -> EstimatedAccuracy | None:
    """Return the estimated accuracy of some photos; None when they or the held-out ones are fewer than 30.

    Args:
        confidence: The largest probability of each photo, in [0, 1].
        drifts: What was found of these photos.
    """
    answers = np.asarray(confidence, np.float64)
    if min(len(answers), len(profile.labels)) < ENOUGH:
        return None
    held_out = profile.probabilities.max(axis=1)
    right = profile.probabilities.argmax(axis=1) == profile.labels
    value = float(answers.mean() + (right - held_out).mean())
    chance = float((answers * (1 - answers)).sum()) / len(answers) ** 2 + float((right - held_out).var()) / len(right)
    # Where every photo of both sides was right and sure, the variance is 0 but nothing is certain: the rule of three.
    half = max(_NORMAL * math.sqrt(chance), 3 / (len(answers) + len(right)))
    watched = [one for one in drifts if one.statistic in STATISTICS]
    return EstimatedAccuracy(
        value=min(1.0, max(0.0, value)),
        interval=(max(0.0, value - half), min(1.0, value + half)),
        photos=len(answers),
        struck_out_by=tuple(dict.fromkeys(one.statistic for one in watched if one.alarm)),
        unwatched=not any(one.photos >= ENOUGH for one in watched),
    )
