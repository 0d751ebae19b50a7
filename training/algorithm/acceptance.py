"""Refuse a model that is no better than the same answer for every photo: no metric of a job would show it."""

import torch
from torch import Tensor

from .data import Photos
from .errors import InputError
from .fit import Fit, predict

# Validation photos. A model that is right four times in five gets at most half of 20 right once in 400 jobs, of 5 once
# in 17: with fewer photos a useful model would often be refused.
LEAST_PHOTOS = 20


def refuse_useless(best: Fit, train: Photos, validation: Photos, epochs: int) -> None:
    """Raise when the model recognises no larger share of the classes than the same answer for every photo would.

    That answer has an accuracy of 0.95 where 95 of 100 photos are of one class, so accuracy cannot be compared.

    Raises:
        InputError: The mean of the classes' accuracies is at most 1 / (number of classes).
    """
    accuracies = class_accuracies(predict(best.network, validation.pixels).argmax(dim=1), validation.labels)
    if len(validation.labels) < LEAST_PHOTOS or len(accuracies) < 2 or accuracies.sum() > 1 + 1e-9:
        return
    counts = torch.bincount(train.labels)
    raise InputError(
        "The model is no better than the same answer for every photo: "
        f"of each class it recognises {accuracies.mean():.1%} on average, on {len(validation.labels)} photos. "
        f"The rarest class has {counts.min()} training photos, the commonest {counts.max()}: "
        f"check the labels, add photos of the rarest classes, or train for more than {epochs} epochs."
    )


def class_accuracies(answers: Tensor, labels: Tensor) -> Tensor:
    """Return the share of correct answers for each class that has photos, float64."""
    correct = (answers == labels).double()
    return torch.stack([correct[labels == label].mean() for label in torch.bincount(labels).nonzero()])
