"""What several kinds of runs show, and the drift of one statistic."""

from dataclasses import replace

from training.checks.evidence import Evidence
from training.statistics.drifts import Drift
from training.statistics.intervals import Share, quantile

CLASSES = ("bicycle", "motorcycle")


def drift(statistic: str, value: float, effect: float, photos: int = 200) -> Drift:
    """A window's test at a level of 1 %."""
    return Drift(statistic, "window", photos, value, 0.01, effect, alarm=value < 0.01)


SAME = (drift("brightness", 0.7, 0.04), drift("confidence", 0.5, 0.06), drift("p_bicycle", 0.9, 0.05))
OTHER = (drift("brightness", 0.8, 0.04), drift("sharpness", 1e-9, 0.61), drift("confidence", 1e-4, 0.3))


def answers(bicycles: tuple[int, int], motorcycles: tuple[int, int]) -> dict[tuple[str | None, str], int]:
    """Return how many photos of each true class were taken for a bicycle and for a motorcycle."""
    (right, wrong), (confused, correct) = bicycles, motorcycles
    table: dict[tuple[str | None, str], int] = {
        ("bicycle", "bicycle"): right,
        ("bicycle", "motorcycle"): wrong,
        ("motorcycle", "bicycle"): confused,
        ("motorcycle", "motorcycle"): correct,
    }
    return {pair: number for pair, number in table.items() if number}


HEALTHY = Evidence(
    classes=CLASSES,
    captured=200,
    expected=200,
    refused=12,
    answers=answers((96, 4), (6, 94)),
    test=Share(192, 200),
    failed=Share(0, 200),
    latency=quantile([0.1 * number for number in range(200)], 0.95),
    drift=SAME,
)
DRIFTED = replace(HEALTHY, answers=answers((90, 10), (25, 75)), drift=OTHER)
ALL_WRONG = replace(HEALTHY, answers=answers((0, 100), (100, 0)), test=Share(0, 200))
ONE_CLASS = replace(HEALTHY, answers=answers((100, 0), (100, 0)), test=Share(100, 200))
UNLABELLED = replace(HEALTHY, answers={(None, "bicycle"): 110, (None, "motorcycle"): 90})
TINY = replace(
    HEALTHY,
    captured=7,
    expected=7,
    refused=1,
    answers=answers((4, 0), (0, 3)),
    failed=Share(0, 7),
    latency=quantile([1.0] * 7, 0.95),
    drift=tuple(replace(one, photos=7) for one in SAME),
)
