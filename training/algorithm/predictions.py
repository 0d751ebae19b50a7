"""What networks answer to photos that they have not been trained on: the only honest figures about a model."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .interval import wilson_interval


@dataclass(frozen=True)
class Predictions:
    """The scores of photos by networks that were not trained on them."""

    scores: Tensor  # (n, num_classes), before softmax
    labels: Tensor  # (n,), from 0
    networks: str  # that gave the scores, as a phrase: "epoch 89"
    folds: Tensor | None = None  # (n,), from 0: the fold of each photo, where the networks are those of folds

    @property
    def accuracy(self) -> float:
        """The share of correct answers, in [0, 1]."""
        return self.correct / len(self.labels)

    @property
    def correct(self) -> int:
        """The number of correct answers."""
        return int((self.scores.argmax(dim=1) == self.labels).sum())

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return wilson_interval(self.correct, len(self.labels))

    def phrase(self) -> str:
        """Return what the job's log says; metric definitions parse it."""
        low, high = self.interval
        return f"accuracy on {len(self.labels)} unseen images {self.accuracy:.4f} ({low:.4f} to {high:.4f})"

    def figures(self) -> dict[str, object]:
        """Return the same for the model's metadata."""
        return {
            "validation_accuracy": self.accuracy,
            "validation_interval": self.interval,  # 95 %
            "validation_images": len(self.labels),
            "validated": self.networks,
        }

    def class_accuracies(self) -> Tensor:
        """Return the share of correct answers for each class that has photos, float64."""
        correct = (self.scores.argmax(dim=1) == self.labels).double()
        return torch.stack([correct[self.labels == label].mean() for label in torch.bincount(self.labels).nonzero()])
