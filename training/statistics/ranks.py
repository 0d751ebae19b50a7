"""Randomised ranks of new values among earlier ones: independent and uniform for as long as nothing changes.

n values cut the line into n + 1 gaps, and a new value of the same distribution falls into each with the same chance.
The gaps between a reference's values are put together into a few bins, and each later value adds one to the gaps of its
bin (Polya's urn). So the ranks are exact although only the counts of the bins are kept, however long the stream is.
A rank among the reference alone would be uniform too, but not independent of the others: in a long stream, a bet on the
reference's own chance deviations would win.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.statistics.profile import Floats

MOST_BINS = 64


@dataclass(frozen=True)
class Bins:
    """Bins between values of a reference; equal values are told apart by a random number each."""

    edges: Floats  # (k - 1,), ascending
    ties: Floats  # (k - 1,), in [0, 1), ascending where the edges are equal
    gaps: NDArray[np.int64]  # (k,), how many gaps between the reference's values are in each bin

    def place(self, values: Floats, ties: Floats) -> NDArray[np.int64]:
        """Return the bin of each value, from 0.

        Args:
            ties: A random number in [0, 1) for each value.
        """
        places = np.searchsorted(self.edges, values, side="left")
        ends = np.searchsorted(self.edges, values, side="right")
        for start, end in set(zip(places[ends > places].tolist(), ends[ends > places].tolist(), strict=True)):
            tied = (places == start) & (ends == end)
            places[tied] += np.searchsorted(self.ties[start:end], ties[tied])
        return places


def bins_of(reference: Floats, random: np.random.Generator) -> Bins:
    """Return bins with nearly the same number of the reference's values in each; there must be at least one value."""
    ties = random.random(len(reference))
    order = np.lexsort((ties, reference))
    number = min(MOST_BINS, len(reference) + 1)
    cuts = np.linspace(0, len(reference) + 1, number + 1).round().astype(np.int64)
    chosen = order[cuts[1:-1] - 1]
    return Bins(reference[chosen], ties[chosen], np.diff(cuts))


def ranks(places: NDArray[np.int64], counts: NDArray[np.int64], random: Floats) -> Floats:
    """Return the rank of each value among all before it, in (0, 1), and add the values to `counts`.

    Args:
        places: The bin of each value, (n,).
        counts: Gaps of each bin, (k,); changed in place.
        random: A number in [0, 1) for each value, which places it within its bin, (n,).
    """
    hits = places[:, None] == np.arange(len(counts))  # (n, k)
    before = counts + np.cumsum(hits, axis=0) - hits
    counts += hits.sum(axis=0)
    above = np.where(np.arange(len(counts)) > places[:, None], before, 0).sum(axis=1)
    own = before[np.arange(len(places)), places]
    return np.asarray((above + random * own) / before.sum(axis=1), np.float64)
