"""Two classifiers on the same photos: the difference of their accuracies, and whether chance explains it.

Paired, because most photos are easy for both: only those that one of them alone gets right tell them apart.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z = 1.959963984540054  # the normal distribution's 97.5 % quantile: intervals are of 95 %


@dataclass(frozen=True)
class Pairs:
    """How many photos both classifiers, the first or the second alone, or neither got right."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def number(self) -> int:
        return self.both + self.first + self.second + self.neither

    @property
    def accuracies(self) -> tuple[float, float]:
        """Return the accuracies of the first and the second, in [0, 1]."""
        return (self.both + self.first) / self.number, (self.both + self.second) / self.number


def pairs(first: Sequence[bool], second: Sequence[bool]) -> Pairs:
    """Count the photos; the sequences say for the same photos, at least one, whether each classifier was right."""
    counted = [(bool(one), bool(other)) for one, other in zip(first, second, strict=True)]
    return Pairs(*(counted.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))))


def p_value(counts: Pairs) -> float:
    """Return the two-sided p-value of McNemar's exact test, in (0, 1].

    It is how likely at least so uneven a split of the photos that one alone got right is when both are equally good:
    a binomial test of one half.
    """
    few, number = min(counts.first, counts.second), counts.first + counts.second
    tail = sum(math.comb(number, k) for k in range(few + 1)) / (1 << number)
    return min(1.0, 2 * tail)


def interval(counts: Pairs) -> tuple[float, float]:
    """Return the 95 % interval of the second's accuracy less the first's, within [-1, 1].

    Newcombe (1998), Improved confidence intervals for the difference between binomial proportions based on paired
    data, method 10: Wilson's intervals of both accuracies, joined by their correlation. It also holds for few mistakes,
    where that of a normal distribution ends in nothing.
    """
    (one, other), number = counts.accuracies, counts.number
    one_low, one_high = wilson(counts.both + counts.first, number)
    other_low, other_high = wilson(counts.both + counts.second, number)
    phi = correlation(counts)
    below, above = (other - other_low, one_high - one), (other_high - other, one - one_low)
    low, high = (math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b)) for a, b in (below, above))
    return other - one - low, other - one + high


def wilson(right: int, number: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share, within [0, 1]."""
    centre = (right + Z * Z / 2) / (number + Z * Z)
    half = Z / (number + Z * Z) * math.sqrt(right * (number - right) / number + Z * Z / 4)
    return centre - half, centre + half


def correlation(counts: Pairs) -> float:
    """Return the correlation of both classifiers' being right, corrected for continuity as in method 10."""
    margins = (
        (counts.both + counts.first)
        * (counts.second + counts.neither)
        * (counts.both + counts.second)
        * (counts.first + counts.neither)
    )
    if margins == 0:
        return 0.0
    covariance = counts.both * counts.neither - counts.first * counts.second
    corrected = covariance if covariance < 0 else max(0.0, covariance - counts.number / 2)
    return corrected / math.sqrt(margins)
