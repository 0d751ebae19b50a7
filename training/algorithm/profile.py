"""The profile that travels with a model: what it answered to photos it had not seen, and what its photos look like.

Photos that the endpoint gets later are compared with it (`training/statistics`).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .paths import PROFILE_VERSION
from .photo_statistics import DECIMALS, STATISTICS, measure
from .pool import Pool
from .predictions import Predictions

MOST_PHOTOS = 5000
MOST_PROBABILITIES = 50_000  # numbers of at most 6 characters; with 100 classes, those of 500 photos
_SEED = 0  # of the samples
_AT_ONCE = 500  # photos that are measured


def write_profile(path: Path, pool: Pool, unseen: Predictions | None, temperature: float) -> None:
    """Write the profile as JSON of at most some 500 kB.

    The first photos are ones that the networks of `unseen` had not seen, each with its label and its calibrated
    probabilities. The others have statistics only: whether a network was trained on a photo does not change them.

    Args:
        pool: The training photos and the validation photos.
        unseen: Predictions of all photos of the pool, or of its validation photos; None: of no photo.
    """
    unseen_rows = rows_of(pool, unseen)
    width = unseen.scores.shape[1] if unseen else 1
    places = sample(len(unseen_rows), min(MOST_PHOTOS, max(1, MOST_PROBABILITIES // width)))
    first = unseen_rows[places]
    rest = torch.ones(len(pool.labels), dtype=torch.bool).index_fill_(0, first, False).nonzero()[:, 0]
    statistics = measure_rows(pool, torch.cat((first, rest[sample(len(rest), MOST_PHOTOS - len(first))])))
    profile = {
        "version": PROFILE_VERSION,
        "photos": len(pool.labels),
        **_answers(unseen, places, temperature),
        "statistics": {name: statistics[:, column].tolist() for column, name in enumerate(STATISTICS)},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(profile, separators=(",", ":")) + "\n")


def _answers(unseen: Predictions | None, places: Tensor, temperature: float) -> dict[str, Any]:
    """Return what is known of the unseen photos; `correct` of `held_out` are right, before sampling."""
    if unseen is None:
        return {"held_out": 0, "correct": 0, "networks": "", "labels": [], "probabilities": []}
    probabilities = torch.softmax(unseen.scores[places].double() / temperature, dim=1)
    return {
        "held_out": len(unseen.labels),
        "correct": unseen.correct,
        "networks": unseen.networks,
        "labels": unseen.labels[places].tolist(),
        "probabilities": probabilities.numpy().round(DECIMALS).tolist(),
    }


def rows_of(pool: Pool, unseen: Predictions | None) -> Tensor:
    """Return the rows of the pool that predictions are about, in their order."""
    if unseen is None:
        return torch.arange(0)
    return pool.rows(1) if unseen.folds is None else torch.arange(len(pool.labels))


def sample(n: int, most: int) -> Tensor:
    """Return the places of all of n photos, or of a seeded sample, in ascending order; torch's own seed is kept."""
    if n <= most:
        return torch.arange(n)
    return torch.from_numpy(np.sort(np.random.default_rng(_SEED).choice(n, most, replace=False)))


def measure_rows(pool: Pool, rows: Tensor) -> NDArray[np.float64]:
    """Return the statistics of rows of the pool, (len(rows), 4), a few hundred photos at a time."""
    parts = [measure(pool.pixels(some).numpy()) for some in torch.split(rows, _AT_ONCE) if len(some)]
    return np.concatenate([np.empty((0, len(STATISTICS))), *parts])
