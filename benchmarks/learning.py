"""Measures what reviewed photos teach the model: 100 that were refused, against 100 at random.

    python benchmarks/learning.py --archive PATH --seeds 10

Each seed deals the two classes' photos anew, equally many of each class: 200 to train on, 400 that "arrive", and the
rest, which is never used but to measure. A model of the 200 classifies those that arrive. Then 100 of those it refuses
(below the threshold) get their true label, as in a review, and a model is trained on 300; another one gets 100 random
photos of those that arrive instead. docs/thresholds.md has the results.
"""

import argparse
import contextlib
import io
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.cross_validation import (  # noqa: E402  # needs the line above
    fit_and_predict,
    read_photos,
    required,
    taken,
)
from training.algorithm import train  # noqa: E402
from training.algorithm.data import Photos  # noqa: E402
from training.algorithm.hyperparameters import parse  # noqa: E402

FIRST, ARRIVING, REVIEWED = 200, 400, 100  # photos
THRESHOLD = 0.93  # the template's


@dataclass(frozen=True)
class Result:
    """One seed: how many of the photos that were never used each of the three models gets right."""

    seed: int
    unused: int  # photos
    refused: int  # of the photos that arrive
    wrong_of_refused: int
    before: int  # right, by the model of the 200
    with_refused: int  # right, by that of 200 and 100 refused ones
    with_random: int  # right, by that of 200 and 100 random ones
    cpu_seconds: float


def main() -> None:
    """Print a line for each seed, then the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, required=True, help="CIFAR-100 python archive (.tar.gz)")
    parser.add_argument("--seeds", type=int, default=10, help="seeds, from 0 (default 10)")
    arguments = parser.parse_args()
    photos = read_all(arguments.archive)
    results = []
    for seed in range(arguments.seeds):
        results.append(run(photos, seed))
        print(json.dumps(asdict(results[-1])), flush=True)
    print(summary(results))


def read_all(archive: Path) -> Photos:
    """Return all photos of the two classes: the development archive's come from one split of the public archive."""
    one, other = (read_photos(archive, member) for member in ("train", "test"))
    return Photos(torch.cat([one.pixels, other.pixels]), torch.cat([one.labels, other.labels]))


def run(photos: Photos, seed: int) -> Result:
    """Deal the photos, and train the three models."""
    started = time.process_time()
    random = np.random.default_rng(seed)
    first, arriving, unused = deal(photos.labels.numpy(), random)
    rest = np.concatenate([arriving, unused])
    scores = fit_model(photos, first, rest, seed)
    confidence = scores.softmax(dim=1).max(dim=1).values.numpy()
    right = (scores.argmax(dim=1) == photos.labels[torch.from_numpy(rest)]).numpy()
    refused = confidence[: len(arriving)] < THRESHOLD
    reviewed = choose_refused(confidence[: len(arriving)], random)
    alike = random.permutation(len(arriving))[:REVIEWED]
    return Result(
        seed=seed,
        unused=len(unused),
        refused=int(refused.sum()),
        wrong_of_refused=int((refused & ~right[: len(arriving)]).sum()),
        before=int(right[len(arriving) :].sum()),
        with_refused=count_right(photos, np.concatenate([first, arriving[reviewed]]), unused, seed),
        with_random=count_right(photos, np.concatenate([first, arriving[alike]]), unused, seed),
        cpu_seconds=round(time.process_time() - started, 1),
    )


def deal(labels: NDArray[np.int64], random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return the rows of the photos to train on, of those that arrive and of the rest, each half of each class."""
    parts: list[list[NDArray[np.int64]]] = [[], [], []]
    for label in (0, 1):
        rows = random.permutation(np.flatnonzero(labels == label))
        for part, some in zip(parts, np.split(rows, [FIRST // 2, (FIRST + ARRIVING) // 2]), strict=True):
            part.append(some)
    return [random.permutation(np.concatenate(part)) for part in parts]


def choose_refused(confidence: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.int64]:
    """Return the places of 100 refused photos; where fewer are refused, those of the least confident."""
    refused = np.flatnonzero(confidence < THRESHOLD)
    if len(refused) < REVIEWED:
        return np.argsort(confidence)[:REVIEWED]
    return random.permutation(refused)[:REVIEWED]


def count_right(photos: Photos, rows: NDArray[np.int64], unused: NDArray[np.int64], seed: int) -> int:
    predicted = fit_model(photos, rows, unused, seed).argmax(dim=1)
    return int((predicted == photos.labels[torch.from_numpy(unused)]).sum())


def fit_model(photos: Photos, rows: NDArray[np.int64], unseen: NDArray[np.int64], seed: int) -> torch.Tensor:
    """Return the calibrated scores of unseen photos by a model that is made as a job makes it."""
    train.make_deterministic(seed)
    chosen = taken(photos, torch.from_numpy(rows))
    hp, _ = parse(required(chosen))
    with contextlib.redirect_stdout(io.StringIO()):
        return fit_and_predict(chosen, photos.pixels[torch.from_numpy(unseen)], hp)


def summary(results: list[Result]) -> str:
    """Return the mean accuracies, and their differences with 95 % intervals over the seeds."""
    unused = np.array([one.unused for one in results])
    models = {name: [getattr(one, name) for one in results] for name in ("before", "with_refused", "with_random")}
    shares = {name: np.array(right) / unused for name, right in models.items()}
    lines = [f"{name:14} {share.mean():.4f}  {interval(share)}" for name, share in shares.items()]
    for one, other in (("with_refused", "before"), ("with_random", "before"), ("with_refused", "with_random")):
        points = 100 * (shares[one] - shares[other])
        lines.append(f"{one} less {other}: {points.mean():+.2f} points  {interval(points)}")
    return "\n".join(lines)


def interval(values: NDArray[np.float64]) -> str:
    """Return Student's 95 % interval of the mean; the seeds share photos, so it is a little too narrow."""
    if len(values) < 2:
        return ""
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    return f"({low:.4g} to {high:.4g})"


if __name__ == "__main__":
    main()
