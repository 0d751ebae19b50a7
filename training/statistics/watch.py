"""All that the photos of a period show about drift: windows, martingales, and the accuracy that confidence promises."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.statistics.drift import WINDOW, Window, windows
from training.statistics.drifts import Drift
from training.statistics.estimate import EstimatedAccuracy, estimate
from training.statistics.martingale import ALARM, Martingales
from training.statistics.profile import CONFIDENCE, Floats, Profile, Values

_LARGEST = 300.0  # decimal logarithm of a martingale's value that is told


@dataclass(frozen=True)
class Watched:
    """What was found; `windows` is empty where no photo was captured."""

    profile: Profile
    reference: Values  # what the photos were compared with
    windows: tuple[Window, ...]  # in the order of the photos
    newest: Values  # the photos of the last window
    capital: Floats  # natural logarithm of the martingales' average after each photo
    capitals: Mapping[str, float]  # the same of each statistic, after the last photo
    alarm_at: int | None  # the photo, from 1, after which the average first was `ALARM`
    drifts: tuple[Drift, ...]  # of the newest window, then of the martingales
    estimate: EstimatedAccuracy | None  # of the newest window; None: too few photos
    before: int = 0  # photos that the martingales had seen earlier; `alarm_at` counts them too

    @property
    def sentences(self) -> list[str]:
        """What the newest window and the martingales show, a sentence each."""
        newest = [one.sentence() for one in self.windows[-1].differences] if self.windows else []
        return [*newest, martingale_sentence(self)]


def watch(
    profile: Profile,
    table: Mapping[str, Any],
    classes: Sequence[str],
    size: int = WINDOW,
    martingales: Martingales | None = None,
) -> Watched:
    """Compare photos with a profile.

    Args:
        table: Photos with a number of each statistic, in an order that does not depend on what they show
            (`captures.order`).
        size: Photos of a window.
        martingales: Those of earlier photos, which go on; None: they begin.

    Raises:
        ProfileError: The profile is of a model with another number of classes.
    """
    reference = profile.values(classes)
    found = tuple(windows(reference, table, size))
    martingales = martingales or Martingales(reference)
    before = martingales.photos
    capital = martingales.add({name: table[name] for name in reference if name in table})
    newest = found[-1] if found else Window(0, 0, ())
    drifts = (*(one.drift() for one in newest.differences), *_of_martingales(martingales, newest))
    confidence = table[CONFIDENCE][newest.first : newest.last]
    return Watched(
        profile=profile,
        reference=reference,
        windows=found,
        newest={name: table[name][newest.first : newest.last] for name in reference if name in table},
        capital=capital,
        capitals=martingales.capitals,
        alarm_at=martingales.alarm_at,
        drifts=drifts,
        estimate=estimate(profile, confidence, drifts),
        before=before,
    )


def _of_martingales(martingales: Martingales, newest: Window) -> tuple[Drift, ...]:
    """Return the average's largest value, named after the statistic that won most."""
    if not martingales.names:
        return ()
    winner = max(martingales.capitals, key=lambda name: martingales.capitals[name])
    distances = {one.statistic: one.distance for one in newest.differences if one.known}
    value = 10 ** min(_LARGEST, martingales.peak / math.log(10))
    alarm = martingales.alarm_at is not None
    return (Drift(winner, "martingale", martingales.photos, value, ALARM, distances.get(winner, 0.0), alarm),)


def martingale_sentence(watched: Watched) -> str:
    """Return what the martingales show."""
    if not len(watched.capital) or not watched.capitals:
        return "martingale: not enough photos in the profile, or none captured"
    value = 10 ** min(_LARGEST, float(watched.capital.max()) / math.log(10))
    if watched.alarm_at is None:
        return f"martingale: no alarm in {len(watched.capital)} photos, at most {value:.2g} (limit {ALARM:g})"
    winner = max(watched.capitals, key=lambda name: watched.capitals[name])
    return f"martingale: alarm after photo {watched.alarm_at}, most of all by {winner}, {value:.2g} (limit {ALARM:g})"
