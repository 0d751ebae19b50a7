"""What a test of drift found, in the form that the verdict and the report read."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["window", "martingale"]  # looked at once, or to be looked at at any time


@dataclass(frozen=True)
class Drift:
    """Whether photos differ from those that were held out of training, in one statistic."""

    statistic: str  # brightness, contrast, sharpness, saturation, confidence or p_<class>
    method: Method
    photos: int  # that were looked at; a verdict needs at least `Limits.enough`
    value: float  # a window's p-value, corrected for the number of statistics; a martingale's value
    limit: float  # a p-value below it, or a martingale's value from it on, is an alarm
    effect: float  # the largest distance of the two cumulative distributions, in [0, 1]
    alarm: bool
