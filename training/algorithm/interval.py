"""How far a share that was observed on some photos may be from the share on all photos."""

import math

_NORMAL = 1.959964  # 95 % of a normal distribution lies within this many standard deviations


def wilson_interval(correct: int, photos: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, within [0, 1] and of some width even where all or none are correct.

    Wilson 1927; recommended by Brown, Cai and DasGupta, Interval Estimation for a Binomial Proportion, 2001.
    """
    share, spread = correct / photos, _NORMAL**2 / photos
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * share * (1 - share) + spread**2 / 4) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
