"""How far a figure of the cases that were seen may be from that of all cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from scipy import special

Interval: TypeAlias = tuple[float, float]  # both ends included
CONFIDENCE = 0.95


class Estimated(Protocol):
    """A figure that is known up to its interval."""

    @property
    def value(self) -> float | None: ...  # None: unknown
    @property
    def interval(self) -> Interval: ...  # of 95 %


@dataclass(frozen=True)
class Share:
    """How many of some cases have a property."""

    part: int
    whole: int  # cases; may be 0

    @property
    def value(self) -> float | None:
        """The share in [0, 1], None without cases."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval of the share."""
        return wilson(self.part, self.whole)


def wilson(successes: int, cases: int, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's interval of a share, within [0, 1]; (0, 1) without cases.

    On average over all shares it holds the true one as often as `confidence` says. Wilson 1927; recommended by Brown,
    Cai and DasGupta, Interval Estimation for a Binomial Proportion, 2001.

    Args:
        confidence: In (0, 1).

    Raises:
        ValueError: There are more successes than cases, or one of them is negative.
    """
    _check(successes, cases)
    if not cases:
        return 0.0, 1.0
    z = float(special.ndtri((1 + confidence) / 2))
    centre = (successes + z * z / 2) / (cases + z * z)
    half = z / (cases + z * z) * float(np.sqrt(successes * (cases - successes) / cases + z * z / 4))
    # At the ends the formula gives 0 and 1 but for rounding.
    return (centre - half if successes else 0.0), (centre + half if successes < cases else 1.0)


def exact(successes: int, cases: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a share that holds the true one at least as often as `confidence` says, whatever it is.

    Clopper and Pearson 1934. It is mostly wider than Wilson's: use it where too narrow an interval does harm. It is
    (0, 1) without cases.

    Raises:
        ValueError: There are more successes than cases, or one of them is negative.
    """
    _check(successes, cases)
    tail, failures = (1 - confidence) / 2, cases - successes
    low = float(special.betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(special.betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0
    return low, high


def difference(first: Estimated, second: Estimated) -> Interval:
    """Return the 95 % interval of the second share less the first, of different cases, within [-1, 1].

    Of shares with Wilson's intervals it is method 10 of Newcombe (1998), Interval estimation for the difference between
    independent proportions; Zou and Donner (2008), Construction of confidence limits about effect measures, do the same
    with other estimates and their intervals. (-1, 1) when one of them is unknown.
    """
    if first.value is None or second.value is None:
        return -1.0, 1.0
    (low, high), (other_low, other_high) = first.interval, second.interval
    moved = second.value - first.value
    below, above = (
        np.hypot(second.value - other_low, high - first.value),
        np.hypot(other_high - second.value, first.value - low),
    )
    return float(moved - below), float(moved + above)


@dataclass(frozen=True)
class Quantile:
    """The value that a part of all cases does not exceed, estimated from those that were seen."""

    value: float
    interval: Interval
    cases: int


def quantile(values: Sequence[float], part: float, confidence: float = CONFIDENCE) -> Quantile:
    """Return the smallest of the values that at least `part` of them do not exceed, and its interval.

    The interval's ends are values that were seen, whatever the distribution: how many of `n` independent values are
    below the true quantile is binomial. Where there are too few values for an upper end, it is infinity.

    Args:
        values: At least one.
        part: In (0, 1).
    """
    ordered, n = sorted(values), len(values)
    tail = (1 - confidence) / 2
    below = special.bdtr(np.arange(n), n, part)  # P(at most k values below the quantile), shape (n,)
    first = int(np.searchsorted(below, tail, side="right"))  # at most `tail`: fewer than this many
    last = int(np.searchsorted(below, 1 - tail, side="left"))
    low = ordered[first - 1] if first else -np.inf
    high = ordered[last] if last < n else np.inf
    return Quantile(ordered[max(0, int(np.ceil(part * n)) - 1)], (float(low), float(high)), n)


def _check(successes: int, cases: int) -> None:
    if not 0 <= successes <= cases:
        raise ValueError(f"{successes} successes of {cases} cases: give 0 to {max(0, cases)} successes")
