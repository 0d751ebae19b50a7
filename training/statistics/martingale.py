"""An alarm that may be looked at any time: conformal test martingales, one for each statistic, and their average.

Each bets on the randomised ranks of new photos among the earlier ones (`ranks.py`). While the photos are like those of
the profile, its capital grows beyond c with a probability of at most 1 / c, however often one looks (Ville 1939).

The bets are those of the Simple Jumper (Vovk et al., "Retrain or not retrain: conformal test martingales for
change-point detection", 2021), which loses a little while nothing changes: it saw a shift of one standard deviation in
one of seven statistics after 36 photos at first, but after 245 when 10,000 unchanged photos had come before. So half of
the capital waits, and is paid out to the bets more and more slowly: 40 and 79 photos.

The ranks of different statistics belong to one photo, so that the bound of the average is measured (docs/monitoring.md)
and not proven; that of each statistic is proven.
"""

import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.statistics.profile import Floats, Values, rounded
from training.statistics.ranks import Bins, bins_of, ranks

ALARM = 100.0  # at most 1 % false alarms, ever
JUMP = 0.01  # share of the bets' capital that is dealt anew to them with each photo
SLOWNESS = 100  # photos after which the waiting capital has lost the first 40 % of itself
LEAST_REFERENCE = 30  # photos of a statistic
_AT_ONCE = 1000  # photos whose ranks are in memory


@dataclass
class Jumper:
    """The capital of one statistic: the shares of three bets and of what waits add up to 1."""

    low: float = 1 / 6  # bets on ranks below 1/2
    level: float = 1 / 6  # bets on nothing
    high: float = 1 / 6  # bets on ranks above 1/2
    waiting: float = 1 / 2
    logarithm: float = 0.0  # of the capital
    photos: int = 0

    def bet(self, found: Floats) -> Floats:
        """Return the logarithm of the capital after each rank."""
        after = np.arange(self.photos, self.photos + len(found) + 1) / SLOWNESS
        waiting = 1 / (1 + np.log1p(after))  # of what waited first
        kept = (waiting[1:] / waiting[:-1]).tolist()
        low, level, high, reserve, logarithm = self.low, self.level, self.high, self.waiting, self.logarithm
        logarithms = []
        for rank, part in zip(found.tolist(), kept, strict=True):  # numbers of Python: arrays of four are slower
            dealt = (JUMP * (low + level + high) + (1 - part) * reserve) / 3
            low = ((1 - JUMP) * low + dealt) * (1.5 - rank)
            level = (1 - JUMP) * level + dealt
            high = ((1 - JUMP) * high + dealt) * (0.5 + rank)
            reserve *= part
            growth = low + level + high + reserve
            low, level, high, reserve = low / growth, level / growth, high / growth, reserve / growth
            logarithm += math.log(growth)
            logarithms.append(logarithm)
        self.low, self.level, self.high, self.waiting, self.logarithm = low, level, high, reserve, logarithm
        self.photos += len(found)
        return np.array(logarithms, np.float64)


class Martingales:
    """The capitals of all statistics; a photo without a number changes nothing of that statistic."""

    def __init__(self, reference: Values, seed: int = 0, state: Mapping[str, Any] | None = None) -> None:
        """Begin with a capital of 1, or go on where `state` was saved.

        Args:
            reference: Of the profile; statistics of fewer than 30 photos are left out.
            state: What `state` returned, for the same reference and seed.
        """
        self._seed = seed
        self._bins = {name: _bins(name, row) for name, row in reference.items() if len(row) >= LEAST_REFERENCE}
        saved = state or {}
        jumpers, counts = saved.get("jumpers", {}), saved.get("counts", {})
        self._jumpers = {name: Jumper(**jumpers.get(name, {})) for name in self._bins}
        self._counts = {name: np.array(counts.get(name, one.gaps), np.int64) for name, one in self._bins.items()}
        self.photos = int(saved.get("photos", 0))
        self.peak = float(saved.get("peak", 0.0))  # logarithm of the largest average
        self.alarm_at: int | None = saved.get("alarm_at")  # the first photo, from 1, after which it was `ALARM`

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on, as JSON can hold it."""
        return {
            "photos": self.photos,
            "peak": self.peak,
            "alarm_at": self.alarm_at,
            "jumpers": {name: asdict(one) for name, one in self._jumpers.items()},
            "counts": {name: row.tolist() for name, row in self._counts.items()},
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The statistics that are bet on."""
        return tuple(self._bins)

    @property
    def capitals(self) -> dict[str, float]:
        """The natural logarithm of each statistic's capital."""
        return {name: one.logarithm for name, one in self._jumpers.items()}

    def add(self, table: Mapping[str, Any]) -> Floats:
        """Bet on photos in their order; returns the natural logarithm of the average after each, (n,).

        Args:
            table: A number of each statistic for each photo; a statistic that is missing counts as NaN.
        """
        number = max((len(row) for row in table.values()), default=0)
        columns = {name: np.asarray(table[name], np.float64) for name in self._bins if name in table}
        if not columns:
            return np.zeros(number)
        starts = range(0, number, _AT_ONCE)
        parts = [self._add({name: row[start : start + _AT_ONCE] for name, row in columns.items()}) for start in starts]
        return np.concatenate([np.zeros(0), *parts])

    def _add(self, columns: Mapping[str, Floats]) -> Floats:
        number = len(next(iter(columns.values())))
        capitals = [self._capitals(name, columns.get(name, np.full(number, np.nan))) for name in self._bins]
        averages: Floats = np.logaddexp.reduce(capitals, axis=0) - math.log(len(capitals))
        reached = np.flatnonzero(averages >= math.log(ALARM))
        if self.alarm_at is None and len(reached):
            self.alarm_at = self.photos + int(reached[0]) + 1
        self.peak = max(self.peak, float(averages.max()))
        self.photos += number
        return averages

    def _capitals(self, name: str, values: Floats) -> Floats:
        """Return the logarithm of one statistic's capital after each photo."""
        random = _uniform(self._seed, name, self.photos, len(values))
        known, before = np.isfinite(values), self._jumpers[name].logarithm
        places = self._bins[name].place(rounded({"": values[known]})[""], random[known, 0])
        found = self._jumpers[name].bet(ranks(places, self._counts[name], random[known, 1]))
        after: Floats = np.concatenate(([before], found))
        chosen: Floats = after[np.cumsum(known)]
        return chosen


def _bins(name: str, reference: Floats) -> Bins:
    """Return the same bins each time: a state that was saved goes on with them."""
    return bins_of(rounded({name: reference})[name], np.random.default_rng(_number(name)))


def _uniform(seed: int, name: str, photos: int, number: int) -> Floats:
    """Return two random numbers in [0, 1) for each photo, the same however many photos are added at once.

    Philox counts: it makes four numbers of each count, and photo n has the n-th count.
    """
    generator = np.random.Philox(key=np.array([seed, _number(name)], np.uint64))
    generator.advance(photos)
    return np.random.Generator(generator).random((number, 4))[:, :2]


def _number(name: str) -> int:
    """Return a number for a name that does not depend on the process, as `hash` does."""
    return zlib.crc32(name.encode())
