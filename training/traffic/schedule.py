"""When photos are sent: at a rate, with bursts, at regular or at random moments.

The moments are fixed before the first photo is sent, so a slow answer never delays the next photo: an open loop, as
independent senders are. (A closed loop sends less to a system that becomes slow, and so hides what its users wait for.)
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.errors import TrafficError
from training.options import MAX_TRAFFIC, Burst

Moments = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Load:
    """How many photos are sent, and when."""

    rate: float  # photos a second, outside of bursts
    duration: float  # seconds
    burst: Burst | None = None
    poisson: bool = False


def moments(load: Load, generator: np.random.Generator) -> Moments:
    """Return when each photo is due, in seconds after the begin: ascending, in [0, duration).

    Raises:
        TrafficError: There would be none, or more than MAX_TRAFFIC.
    """
    times, counts = expected(load)
    if counts[-1] > MAX_TRAFFIC:
        raise TrafficError(
            f"These are {counts[-1]:,.0f} photos, and at most {MAX_TRAFFIC:,} are sent: lower --rate or --duration."
        )
    numbers = random_numbers(counts[-1], generator) if load.poisson else np.arange(0.5, counts[-1], 1.0)
    if not len(numbers):
        raise TrafficError("No photo is due within the duration: raise --rate or --duration.")
    return np.interp(numbers, counts, times)


def expected(load: Load) -> tuple[Moments, Moments]:
    """Return moments in seconds, and how many photos are due until each: linear in between.

    A burst is the end of its period, so that the time before it shows what is usual.
    """
    if load.burst is None:
        return np.array([0.0, load.duration]), np.array([0.0, load.rate * load.duration])
    factor, seconds, every = load.burst
    starts = np.arange(0.0, load.duration, every)
    times = np.stack([starts, starts + every - seconds], axis=1).ravel()
    times = np.append(times[times < load.duration], load.duration)
    rates = np.where(np.arange(len(times) - 1) % 2, factor, 1.0) * load.rate
    return times, np.concatenate([[0.0], np.cumsum(np.diff(times) * rates)])


def random_numbers(most: float, generator: np.random.Generator) -> Moments:
    """Return the arrivals of a Poisson process of rate 1 until `most`."""
    number = int(most + 10 * np.sqrt(most) + 100)  # more than it takes, but for one case in 10**20
    arrivals = np.cumsum(generator.exponential(size=number))
    return arrivals[arrivals < most]
