"""Refuse a model that is no better than the same answer for every photo: no metric of a job would show it."""

from torch import Tensor

from .errors import InputError
from .predictions import Predictions

# Photos. A model that is right four times in five gets at most half of 20 right once in 400 jobs, of 5 once in 17:
# with fewer photos a useful model would often be refused.
LEAST_PHOTOS = 20


def is_useless(predictions: Predictions) -> bool:
    """Tell whether no larger share of the classes is recognised than the same answer for every photo would recognise.

    That answer has an accuracy of 0.95 where 95 of 100 photos are of one class, so accuracy cannot be compared. A few
    photos, or photos of one class, prove nothing.
    """
    accuracies = predictions.class_accuracies()
    if len(predictions.labels) < LEAST_PHOTOS or len(accuracies) < 2:
        return False
    return float(accuracies.sum()) <= 1 + 1e-9


def refuse_useless(predictions: Predictions, counts: Tensor, epochs: int) -> None:
    """Raise when the networks of `predictions` are useless.

    Args:
        counts: Training photos of each class, (num_classes,).

    Raises:
        InputError: The mean of the classes' accuracies is at most 1 / (number of classes).
    """
    if not is_useless(predictions):
        return
    raise InputError(
        "The model is no better than the same answer for every photo: of each class it recognises "
        f"{predictions.class_accuracies().mean():.1%} on average, on {len(predictions.labels)} photos. "
        f"The rarest class has {counts.min()} training photos, the commonest {counts.max()}: "
        f"check the labels, add photos of the rarest classes, or train for more than {epochs} epochs."
    )
