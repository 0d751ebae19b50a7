"""Selects the inferences that a person should look at: the refused, the mistakes, and a random sample of the accepted.

Each stratum is a simple random sample, so that accuracy on all traffic can be estimated from it. Every inference has a
random number of its own that follows from the seed and its event id, and the smallest numbers are selected. So a later
selection among more inferences, or a larger one, keeps what is still among the smallest: Ohlsson, Coordination of
samples using permanent random numbers, 1995.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

REFUSED, MISTAKE, ACCEPTED = STRATA = ("refused", "mistake", "accepted")


@dataclass(frozen=True)
class Sizes:
    """How many inferences of each stratum to select, at most."""

    refused: int = 100
    mistake: int = 100
    accepted: int = 100

    def by_stratum(self) -> Mapping[str, int]:
        return {REFUSED: self.refused, MISTAKE: self.mistake, ACCEPTED: self.accepted}


def strata(inferences: pd.DataFrame) -> "pd.Series[str]":
    """Return the stratum of each inference.

    Args:
        inferences: With the columns `below_threshold`, `true_class` (missing where nobody knows it) and
            `predicted_class`.
    """
    wrong = inferences["true_class"].notna() & (inferences["true_class"] != inferences["predicted_class"])
    names = np.where(inferences["below_threshold"], REFUSED, np.where(wrong, MISTAKE, ACCEPTED))
    return pd.Series(names, index=inferences.index, dtype=object)


def select(inferences: pd.DataFrame, sizes: Sizes, seed: int) -> pd.DataFrame:
    """Return the selected inferences in the order of review, which mixes the strata.

    Each beginning of the order has about the same part of each stratum: whoever stops early has reviewed all of them.

    Args:
        inferences: With `event_id` and the columns that `strata` needs.

    Returns:
        The rows with the further columns `stratum` and `inclusion_probability`, in (0, 1].
    """
    numbered = inferences.assign(
        stratum=strata(inferences), number=[random_number(seed, event) for event in inferences["event_id"]]
    )
    chosen = [
        _of_stratum(numbered[numbered["stratum"] == stratum], size) for stratum, size in sizes.by_stratum().items()
    ]
    return pd.concat(chosen).sort_values(["place", "number"]).drop(columns=["place", "number"]).reset_index(drop=True)


def random_number(seed: int, event_id: str) -> float:
    """Return the random number of an inference, in [0, 1)."""
    digest = hashlib.sha256(f"{seed}:{event_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _of_stratum(rows: pd.DataFrame, size: int) -> pd.DataFrame:
    """Return the rows of the smallest numbers, with the place of each in the order of review, in (0, 1)."""
    chosen = rows.nsmallest(size, "number")
    places = (np.arange(len(chosen)) + 0.5) / max(len(chosen), 1)
    return chosen.assign(place=places, inclusion_probability=len(chosen) / max(len(rows), 1))
