"""Whether the photos that came in are like those that were held out of training."""

from collections.abc import Collection

from training.checks.check import Check, Limit, Unit
from training.checks.evidence import Evidence
from training.checks.limits import Limits
from training.checks.sentences import not_enough, photos
from training.statistics.drifts import Drift

NAME = "drift"
DRIFTED = (
    "Look at the photos: did the camera, the light or the subject change? Label a sample of them, because an accuracy "
    "that was measured on other photos does not hold for these."
)


def check(evidence: Evidence, limits: Limits) -> Check:
    """Name the statistics that differ, the one of the greatest effect first."""
    if not evidence.drift:
        return Check(NAME, "unknown", "The model has no profile of held-out photos to compare with.", unit="p-value")
    looked_at = max(one.photos for one in evidence.drift)
    tested = [one for one in evidence.drift if one.photos >= limits.enough]
    if not tested:
        sentence = f"Drift shows in many photos only; {not_enough(looked_at, limits.enough)}."
        return Check(NAME, "unknown", sentence, unit="p-value")
    alarms = sorted((one for one in tested if one.alarm), key=lambda one: -one.effect)
    worst = alarms[0] if alarms else max(tested, key=lambda one: one.effect)
    unit: Unit = "p-value" if worst.method == "window" else "martingale"
    if not alarms:
        sentence = f"Nothing differs beyond chance from the photos held out of training: {seen(worst)}."
        return Check(NAME, "healthy", sentence, "", worst.value, None, limit(worst), unit)
    sentence = f"Different from the photos held out of training: {named(alarms)}; most of all {seen(worst)}."
    return Check(NAME, "check", sentence, DRIFTED, worst.value, None, limit(worst), unit)


def limit(drift: Drift) -> Limit:
    """Return what a drift's value is compared with."""
    return Limit(least=drift.limit) if drift.method == "window" else Limit(most=drift.limit)


def seen(drift: Drift) -> str:
    """Return the figures of one statistic."""
    figure = "p =" if drift.method == "window" else "martingale"
    return (
        f"{drift.statistic} by {drift.effect:.2f} (Kolmogorov-Smirnov distance, {figure} {drift.value:.2g}, "
        f"{photos(drift.photos)})"
    )


def named(alarms: Collection[Drift]) -> str:
    """Return the statistics, each once: windows and martingales may both have told of one."""
    return ", ".join(dict.fromkeys(one.statistic for one in alarms))
