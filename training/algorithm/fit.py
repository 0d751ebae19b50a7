"""Fit the network to labelled photos: schedule, weight averaging, and validation until its photos are trained on too.

Measured with `python benchmarks/model.py --seeds 5` on 720 CIFAR-100 photos of bicycles and motorcycles, 80 more for
validation, 120 epochs: test accuracy 0.973 ± 0.006 (200 photos), 390 MiB, 108 to 118 processor seconds for the whole
job on a busy machine; choosing the best of all epochs, without the 80 photos, took as long and got 0.966 ± 0.010.

In cross-validation (`benchmarks/cross_validation.py`) the last epoch was no worse than the one with the least
cross-entropy on the validation photos, and training on these too from three quarters of the epochs on gained a point.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from .acceptance import is_useless
from .augmentation import augment
from .data import class_counts
from .errors import InputError
from .hyperparameters import Hyperparameters
from .network import Network, build_network
from .pool import Pool
from .predictions import Predictions

LABEL_SMOOTHING = 0.1
WARM_UP = 0.2  # of all steps
AVERAGING = 0.995  # share of the old average that survives a step
_SAMPLE = 5000  # images that the first layer is fitted to
_EVALUATED_AT_ONCE = 500  # images


@dataclass(frozen=True)
class Metrics:
    """The accuracy and cross-entropy of a network on the images that it is trained on."""

    accuracy: float  # in [0, 1]
    cross_entropy: float  # nats per image


@dataclass(frozen=True)
class Fit:
    """The averaged network of the last epoch."""

    network: Network
    epoch: int  # from 0
    validation: Predictions | None  # of the last epoch before the validation photos joined; None: they joined at once


def fit(pool: Pool, hp: Hyperparameters, stopped: Callable[[], bool]) -> Fit:
    """Train for `hp.epochs` and print the metrics of each epoch as the built-in algorithm does.

    The validation photos join the training photos after `hp.hold_out` of the epochs; from then on no accuracy on them
    is printed. They do not join a network that is useless: only its predictions of them can show that.

    Args:
        pool: The training photos and the validation photos.
        stopped: Called after each epoch; True ends the training.

    Raises:
        InputError: The loss is no longer a number.
    """
    training = Training(pool, pool.rows(0), hp)
    held_out: Tensor | None = pool.rows(1)
    validation: Predictions | None = None
    for epoch in range(hp.epochs):
        if held_out is not None and epoch >= hp.hold_out * hp.epochs and not (validation and is_useless(validation)):
            training.add(held_out)
            held_out = None
        started = time.monotonic()
        trained = training.run_epoch(epoch)
        elapsed = time.monotonic() - started
        if held_out is not None:
            validation = predictions(training.average, pool, held_out, f"epoch {epoch}")
        report(epoch, trained, elapsed, validation if held_out is not None else None)
        if stopped():
            break
    return Fit(training.average, epoch, validation)


def report(epoch: int, trained: Metrics, seconds: float, validation: Predictions | None) -> None:
    """Print the log lines of the built-in algorithm; its metric definitions parse them."""
    print(f"Epoch[{epoch}] Train-accuracy={trained.accuracy:.6f}", flush=True)
    print(f"Epoch[{epoch}] Train-cross-entropy={trained.cross_entropy:.6f}", flush=True)
    print(f"Epoch[{epoch}] Time cost={seconds:.3f}", flush=True)
    if validation:
        print(f"Epoch[{epoch}] Validation-accuracy={validation.accuracy:.6f}", flush=True)


class Training:
    """A network under training and the running average of its weights."""

    def __init__(self, pool: Pool, rows: Tensor, hp: Hyperparameters) -> None:
        self.pool = pool
        self.rows = rows  # of the photos that are trained on
        self.hp = hp
        self.batch_size = min(hp.mini_batch_size, len(rows))
        self.network = build_network(pool.pixels(rows[:: max(1, len(rows) // _SAMPLE)]), hp.num_classes)
        self.average = copy.deepcopy(self.network)
        self.weights = class_weights(pool.labels[rows], hp.num_classes)
        self.taken = 0  # steps
        self.total = self.steps * hp.epochs
        self.optimizer = _optimizer(self.network, hp)
        self.schedule = LambdaLR(self.optimizer, lambda step: triangle(step, self.total))
        self.mirrored = torch.rand(len(pool.labels)) < 0.5  # in even epochs; the others in odd ones

    @property
    def steps(self) -> int:
        """Steps of an epoch; a partial batch waits for the next shuffle."""
        return len(self.rows) // self.batch_size

    def add(self, rows: Tensor) -> None:
        """Train on these rows of the pool too, from the next epoch on."""
        epochs_left = self.hp.epochs - self.taken // self.steps
        self.rows = torch.cat((self.rows, rows))
        self.weights = class_weights(self.pool.labels[self.rows], self.hp.num_classes)
        self.total = self.taken + self.steps * epochs_left

    def run_epoch(self, epoch: int) -> Metrics:
        """Train on every batch once and return the metrics of the batches, each before its step."""
        self.network.train()
        correct, loss = 0, 0.0
        order = self.rows[torch.randperm(len(self.rows))]
        for start in range(0, self.steps * self.batch_size, self.batch_size):
            batch = order[start : start + self.batch_size]
            scores, batch_loss = self._step(batch, self.mirrored[batch] ^ bool(epoch % 2))
            correct += int((scores.argmax(dim=1) == self.pool.labels[batch]).sum())
            loss += batch_loss
        if not loss < float("inf"):  # also true of NaN
            raise InputError(f"Training diverged in epoch {epoch}: lower learning_rate.")
        return Metrics(correct / (self.steps * self.batch_size), loss / self.steps)

    def _step(self, batch: Tensor, mirrored: Tensor) -> tuple[Tensor, float]:
        images = augment(self.pool.pixels(batch).float() / 255, mirrored, self.hp.augmentation_type)
        with precision():
            scores = self.network(images).float()
        loss = smoothed_cross_entropy(scores, self.pool.labels[batch], self.weights)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.schedule.step()
        self._update_average()
        return scores, loss.item()

    @torch.no_grad()
    def _update_average(self) -> None:
        """Move the averaged weights and batch norm statistics a little towards the newest, at first a lot."""
        self.taken += 1
        kept = min(AVERAGING, self.taken / (self.taken + 9))
        pairs = zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True)
        for averaged, newest in pairs:
            if averaged.is_floating_point():  # batch norm also counts its batches
                averaged.lerp_(newest, 1 - kept)


def _optimizer(network: Network, hp: Hyperparameters) -> torch.optim.SGD:
    """Return SGD with Nesterov momentum; weight decay applies to convolutions and the head, not to biases."""
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": hp.weight_decay},
        {"params": [p for p in learned if p.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=hp.learning_rate, momentum=hp.momentum, nesterov=hp.momentum > 0, foreach=True)


def triangle(step: int, total: int) -> float:
    """Return the share of the peak learning rate: up over the warm-up, then down to nearly 0 at the last step."""
    return min(1.0, (step + 1) / (WARM_UP * total), (total - step) / ((1 - WARM_UP) * total))


def smoothed_cross_entropy(scores: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return the mean cross-entropy against smoothed labels, each photo weighted by its true class.

    `nn.CrossEntropyLoss` weights each term by the class of the *score*: with weights of 0.7, 0.7 and 35, the smoothing
    of the rare class outweighs every true label, and the network always answers the rare class
    (https://github.com/pytorch/pytorch/issues/104776). With equal weights the two losses are the same to the last bit.

    Args:
        scores: (n, k), before softmax.
        labels: (n,), from 0.
        weights: (k,), of the classes.
    """
    logarithms = functional.log_softmax(scores, dim=1)
    weight = weights[labels]  # (n,)
    of_label = functional.nll_loss(logarithms, labels, weights)
    of_all = -(weight * logarithms.sum(dim=1)).sum() / weight.sum()
    return of_label * (1 - LABEL_SMOOTHING) + of_all * (LABEL_SMOOTHING / scores.shape[1])


def class_weights(labels: Tensor, num_classes: int) -> Tensor:
    """Return weights with which every class counts the same; their mean over the photos is 1, (num_classes,)."""
    counts = class_counts(labels, num_classes)
    return len(labels) / (num_classes * counts)


def precision() -> torch.autocast:
    """Return bfloat16 arithmetic if the processor has instructions for it; emulation would be slower."""
    capabilities = torch.cpu.get_capabilities()
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(capabilities.get("avx512_bf16")))


def predictions(network: Network, pool: Pool, rows: Tensor, networks: str) -> Predictions:
    """Return what `network`, which was not trained on these rows of the pool, answers to them."""
    with precision():
        scores = [predict(network, pool.pixels(some)) for some in torch.split(rows, _EVALUATED_AT_ONCE)]
    return Predictions(torch.cat(scores), pool.labels[rows], networks)


@torch.inference_mode()
def predict(network: Network, pixels: Tensor) -> Tensor:
    """Return the scores of photos, averaged over the photo and its mirror image, (n, num_classes)."""
    network.eval()
    images = pixels.float() / 255
    scores: Tensor = network(images) + network(images.flip(2))
    return scores.float() / 2
