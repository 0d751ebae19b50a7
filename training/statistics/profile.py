"""What a model answered to photos that it had not seen, and what its photos look like: what later photos are tested
against. `training/algorithm/profile.py` writes it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.algorithm.paths import PROFILE_VERSION
from training.algorithm.photo_statistics import DECIMALS, STATISTICS

Floats: TypeAlias = NDArray[np.float64]
Values: TypeAlias = Mapping[str, Floats]  # by the name of a statistic, a number for each photo; NaN: unknown
CONFIDENCE = "confidence"


class ProfileError(ValueError):
    """When a profile's file is damaged or of another version; the message is one sentence."""


@dataclass(frozen=True)
class Profile:
    """The first `len(labels)` photos had not been seen by the networks that answered."""

    photos: int  # of training and validation, before any sampling
    held_out: int  # of them that the networks had not seen, before any sampling
    correct: int  # of the held out
    networks: str  # that answered, as a phrase: "epoch 89"
    labels: NDArray[np.int64]  # (h,), from 0
    probabilities: Floats  # (h, classes), calibrated
    statistics: Values  # of all photos, each (n,), n >= h
    digest: str  # of the file

    def values(self, classes: Sequence[str]) -> dict[str, Floats]:
        """Return what photos are tested against: the statistics, and the held-out photos' answers if there are any.

        Raises:
            ProfileError: The profile is of a model with another number of classes.
        """
        if len(self.labels) == 0:
            return dict(self.statistics)
        if self.probabilities.shape[1] != len(classes):
            raise ProfileError(
                f"The model's profile has {self.probabilities.shape[1]} classes, but the dataset {len(classes)}: "
                "train and deploy a model of this dataset."
            )
        answers = {probability_name(name): self.probabilities[:, place] for place, name in enumerate(classes)}
        tested = names(classes)
        confidence = {CONFIDENCE: self.probabilities.max(axis=1)}
        return {**self.statistics, **confidence, **{name: row for name, row in answers.items() if name in tested}}


def probability_name(class_name: str) -> str:
    """Return the name of the statistic that is the probability of a class; the table of inferences has it too."""
    return f"p_{class_name}"


def names(classes: Sequence[str]) -> tuple[str, ...]:
    """Return the names of all statistics; of two classes one will do, because their probabilities add up to 1."""
    tested = classes[:1] if len(classes) == 2 else classes
    return (*STATISTICS, CONFIDENCE, *map(probability_name, tested))


def rounded(values: Mapping[str, Any], photos: slice = slice(None)) -> dict[str, Floats]:
    """Return values with the decimals of a profile: both sides of a comparison must have the same ties."""
    return {name: np.asarray(row, np.float64)[photos].round(DECIMALS) for name, row in values.items()}


def parse(content: bytes) -> Profile:
    """Return the profile that `profile.json` holds.

    Raises:
        ProfileError: It is damaged, or of another version.
    """
    try:
        fields = json.loads(content)
        if fields["version"] != PROFILE_VERSION:
            raise ProfileError(
                f"profile.json has version {fields['version']}, but this program reads {PROFILE_VERSION}: "
                "train the model again."
            )
        return _checked(fields, hashlib.sha256(content).hexdigest()[:16])
    except ProfileError:
        raise
    except (KeyError, TypeError, ValueError, RecursionError, OverflowError) as err:
        raise ProfileError(f"profile.json is damaged ({type(err).__name__}: {err}): train the model again.") from err


def _checked(fields: Mapping[str, Any], digest: str) -> Profile:
    labels = np.array(fields["labels"], np.int64)
    probabilities = np.array(fields["probabilities"] or np.empty((0, 0)), np.float64)
    statistics = {name: np.array(fields["statistics"][name], np.float64) for name in STATISTICS}
    lengths = {len(row) for row in statistics.values()}
    if labels.shape != probabilities.shape[:1] or probabilities.ndim != 2 or lengths != {max(*lengths, len(labels))}:
        raise ValueError(f"{sorted(lengths)} statistics, {len(labels)} labels, answers {probabilities.shape}")
    if not all(np.isfinite(row).all() for row in (probabilities, *statistics.values())):
        raise ValueError("a number is not finite")
    counts = {name: int(fields[name]) for name in ("photos", "held_out", "correct")}
    return Profile(
        **counts,
        networks=str(fields["networks"]),
        labels=labels,
        probabilities=probabilities,
        statistics=statistics,
        digest=digest,
    )
