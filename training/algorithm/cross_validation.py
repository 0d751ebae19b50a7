"""Cross-validation: each photo is answered by a network that was trained on the photos of the other folds."""

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from .fit import Training, predictions
from .folds import stratified_folds
from .hyperparameters import Hyperparameters
from .pool import Pool
from .predictions import Predictions


def cross_validate(pool: Pool, hp: Hyperparameters, stopped: Callable[[], bool]) -> Predictions | None:
    """Train `hp.cross_validate` networks, each on all photos but those of a fold, and return what they answer to these.

    The networks' epochs are not printed: they are not the model's.

    Args:
        stopped: Called after each epoch; True ends the training.

    Returns:
        The predictions of all photos in the pool's order, None after a stop.

    Raises:
        InputError: A class has one photo, or the loss is no longer a number.
    """
    folds = stratified_folds(pool.labels, hp.cross_validate)
    scores = torch.empty(len(pool.labels), hp.num_classes)
    for fold in sorted(set(folds.tolist())):
        started = time.monotonic()
        rows = (folds == fold).nonzero()[:, 0]
        training = Training(pool, (folds != fold).nonzero()[:, 0], hp)
        for epoch in range(hp.epochs):
            training.run_epoch(epoch)
            if stopped():
                return None
        unseen = predictions(training.average, pool, rows, f"fold {fold}")
        scores[rows] = unseen.scores
        elapsed = time.monotonic() - started
        print(f"Fold {fold}: accuracy {unseen.accuracy:.4f} on {len(rows)} photos, {elapsed:.0f} s.", flush=True)
    return Predictions(scores, pool.labels, f"cross-validation in {hp.cross_validate} folds", folds)


def write_predictions(path: Path, names: Sequence[str], unseen: Predictions, temperature: float) -> None:
    """Write a line for each photo: file, label, fold and the probability of each class.

    Args:
        names: Of the photos, in the order of the predictions.
        unseen: What `cross_validate` returned.
    """
    assert unseen.folds is not None
    rows = torch.softmax(unseen.scores.double() / temperature, dim=1).tolist()
    photos = zip(names, unseen.labels.tolist(), unseen.folds.tolist(), rows, strict=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["file", "label", "fold", *(f"probability_{label}" for label in range(len(rows[0])))])
        lines.writerows([name, label, fold, *(f"{p:.6f}" for p in row)] for name, label, fold, row in photos)
