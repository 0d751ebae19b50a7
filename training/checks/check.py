"""What a check says."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from training.statistics.intervals import Interval

State: TypeAlias = Literal["healthy", "check", "stop", "unknown"]
Unit: TypeAlias = Literal["share", "seconds", "p-value", "martingale"]


@dataclass(frozen=True)
class Limit:
    """What a check's value must lie between; None where nothing limits it."""

    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    sentence: str  # what was seen, with its numbers
    action: str = ""  # what to do about it; "" for nothing
    value: float | None = None  # None: unknown
    interval: Interval | None = None  # of 95 %; None for what is counted, not estimated
    limit: Limit = Limit()
    unit: Unit = "share"
