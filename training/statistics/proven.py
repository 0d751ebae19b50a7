"""Proves that at most a given share of the accepted photos is wrong, at one of several thresholds.

Of `accepted` photos, which the model was not trained on, `errors` are wrong. If the share of errors of all photos that
the threshold accepts were `rate` or more, so few errors would come with a probability of at most
BinomCDF(errors; accepted, rate): the p-value (Geifman and El-Yaniv 2017, arXiv:1705.08500, invert the same tail).

Several thresholds are tested as a fixed sequence from the strictest down, which ends at the first that is not proven;
each has the whole level. The sequence begins at the strictest threshold that accepts enough photos to be proven without
an error. Two assumptions: the photos are independent draws from those to come, and the model makes no more errors above
a threshold than between it and the next. With the second, a begin that depends on the numbers of accepted photos costs
nothing: given these, fewer photos above the next threshold make errors likelier, not rarer. Holm's procedure needs no
such order, but it would need 297 photos without an error in place of 149 for 2 % and 20 thresholds; docs/thresholds.md
compares the two.
"""

import math
from collections.abc import Sequence

from scipy import stats


def p_value(errors: int, accepted: int, rate: float) -> float:
    """Return how likely at most so few errors are when the share of errors is `rate`, in [0, 1]; 1 without photos.

    Args:
        errors: Of the accepted photos, 0 to `accepted`.
        rate: In (0, 1).
    """
    if not 0 <= errors <= accepted:
        raise ValueError(f"{errors} errors of {accepted} accepted photos: give 0 to {max(0, accepted)} errors")
    return float(stats.binom.cdf(errors, accepted, rate)) if accepted else 1.0


def needed(errors: int, rate: float, confidence: float) -> int:
    """Return how many accepted photos prove, with so many errors, that fewer than `rate` are wrong.

    Args:
        confidence: In (0, 1); 149 photos without an error prove a rate of 0.02 with 0.95.
    """
    few, many = errors, errors + 1
    while p_value(errors, many, rate) > 1 - confidence:
        few, many = many, 2 * many
    while many - few > 1:  # `few` photos prove nothing, `many` do
        middle = (few + many) // 2
        few, many = (few, middle) if p_value(errors, middle, rate) <= 1 - confidence else (middle, many)
    return many


def first_tested(accepted: Sequence[int], rate: float, confidence: float) -> int | None:
    """Return the place at which the fixed sequence begins, None when no threshold accepts enough photos.

    Args:
        accepted: The photos that each threshold accepts, from the strictest threshold to the lowest.
    """
    least = needed(0, rate, confidence)
    return next((place for place, number in enumerate(accepted) if number >= least), None)


def proven(errors: Sequence[int], accepted: Sequence[int], rate: float, confidence: float) -> list[bool]:
    """Return for each threshold whether it is proven; the probability that any of them is wrongly so is 1 - confidence.

    Args:
        errors: Of the photos that each threshold accepts, from the strictest threshold to the lowest.
        accepted: Those photos.
    """
    found = [False] * len(accepted)
    first = first_tested(accepted, rate, confidence)
    for place in range(len(accepted) if first is None else first, len(accepted)):
        if p_value(errors[place], accepted[place], rate) > 1 - confidence:
            break
        found[place] = True
    return found


def holm(p_values: Sequence[float], level: float) -> list[bool]:
    """Return which hypotheses Holm's procedure rejects; no order among them is assumed.

    Holm 1979: the smallest of m p-values is compared with level / m, the next with level / (m - 1), and so on.
    """
    found = [False] * len(p_values)
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[place] > level / (len(p_values) - rank):
            break
        found[place] = True
    return found


def photos_needed(missing: int, accepted: int, photos: int) -> int:
    """Return how many photos make a threshold accept `missing` of them, if it goes on accepting `accepted` of `photos`.

    Args:
        accepted: At least 1.
    """
    return math.ceil(missing * photos / accepted)
