import re

import pytest
import torch
from torch.nn import functional

from tests.unit.training.algorithm.jobs import stripes
from training.algorithm import fit as fit_module
from training.algorithm.data import Photos
from training.algorithm.errors import InputError
from training.algorithm.fit import (
    LABEL_SMOOTHING,
    Training,
    class_weights,
    fit,
    predict,
    predictions,
    smoothed_cross_entropy,
    triangle,
)
from training.algorithm.hyperparameters import Hyperparameters
from training.algorithm.network import Network, build_network
from training.algorithm.pool import Pool
from training.algorithm.predictions import Predictions


def photos(*counts: int, seed: int = 0) -> Photos:
    pixels = torch.cat([torch.from_numpy(stripes(label, n, seed=seed)) for label, n in enumerate(counts)])
    return Photos(pixels, torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)))


def pool(*counts: int, validation: int = 4) -> Pool:
    """Return training photos and `validation` photos of each class."""
    return Pool([photos(*counts), photos(*[validation] * len(counts), seed=1)])


def asked(num_classes: int = 2, epochs: int = 4, mini_batch_size: int = 8, hold_out: float = 0.75) -> Hyperparameters:
    return Hyperparameters(num_classes, 24, epochs=epochs, mini_batch_size=mini_batch_size, hold_out=hold_out)


def never() -> bool:
    return False


def unseen(network: Network, *counts: int) -> Predictions:
    """Return what the network answers to new photos."""
    new = Pool([photos(*counts, seed=2)])
    return predictions(network, new, new.rows(0), "a test's network")


def test_three_classes_are_learned() -> None:
    torch.manual_seed(0)
    fitted = fit(pool(16, 16, 16, validation=8), asked(3, epochs=12), never)
    assert fitted.validation is not None and fitted.validation.accuracy == 1
    assert unseen(fitted.network, 8, 8, 8).accuracy > 0.9


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    first, again, other = (_trained_weights(seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def _trained_weights(seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return fit(pool(8, 8), asked(epochs=2), never).network.head.weight


def test_each_epoch_prints_the_metrics_of_the_built_in_algorithm(capsys: pytest.CaptureFixture[str]) -> None:
    fit(pool(8, 8), asked(epochs=2, hold_out=1), never)
    lines = capsys.readouterr().out.splitlines()
    expected = [
        rf"Epoch\[{epoch}\] {metric}"
        for epoch in range(2)
        for metric in (
            r"Train-accuracy=[01]\.\d{6}",
            r"Train-cross-entropy=\d\.\d{6}",
            r"Time cost=\d+\.\d{3}",
            r"Validation-accuracy=[01]\.\d{6}",
        )
    ]
    assert len(lines) == len(expected)
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(expected, lines, strict=True))


class Watch:
    """Notes the photos of each epoch and, after it, what the network answers to the validation photos."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.photos: list[int] = []
        self.answers: list[torch.Tensor] = []
        real = Training.run_epoch

        def run_epoch(training: Training, epoch: int) -> fit_module.Metrics:
            metrics = real(training, epoch)
            self.photos.append(len(training.rows))
            validation = training.pool.rows(1)
            self.answers.append(predictions(training.average, training.pool, validation, "").scores)
            return metrics

        monkeypatch.setattr(Training, "run_epoch", run_epoch)


@pytest.mark.parametrize(
    ("hold_out", "held_out"), [(1, 4), (0.75, 3), (0.7, 3), (0.5, 2), (0.01, 1), (0, 0)], ids=lambda value: f"{value}"
)
def test_validation_photos_are_trained_on_after_the_epochs_that_hold_them_out(
    hold_out: float, held_out: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = Watch(monkeypatch)
    fitted = fit(pool(8, 8), asked(hold_out=hold_out), never)
    assert watch.photos == [16] * held_out + [24] * (4 - held_out)
    assert re.findall(r"Epoch\[(\d)\] Validation", capsys.readouterr().out) == list("0123"[:held_out])
    assert fitted.epoch == 3


def test_the_validation_is_of_the_last_network_that_was_not_trained_on_its_photos(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch = Watch(monkeypatch)
    validation = fit(pool(8, 8), asked(), never).validation
    assert validation is not None and validation.networks == "epoch 2"
    assert torch.equal(validation.scores, watch.answers[2])
    assert not torch.equal(validation.scores, watch.answers[3])
    assert validation.labels.tolist() == [0] * 4 + [1] * 4


def test_photos_that_join_at_once_validate_nothing() -> None:
    assert fit(pool(8, 8), asked(hold_out=0), never).validation is None


def test_a_useless_network_is_not_trained_on_the_photos_that_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(monkeypatch)
    monkeypatch.setattr(fit_module, "is_useless", lambda validation: validation.networks != "epoch 2")
    validation = fit(pool(8, 8), asked(hold_out=0.25), never).validation
    assert watch.photos == [16, 16, 16, 24]
    assert validation is not None and validation.networks == "epoch 2"


def test_photos_that_join_lengthen_the_epochs_left_and_the_rate_still_falls_to_nearly_0() -> None:
    training = Training(pool(8, 8, validation=4), torch.arange(16), asked(hold_out=0.5))
    for epoch in range(4):
        if epoch == 2:
            training.add(training.pool.rows(1))
        training.run_epoch(epoch)
    assert (training.steps, training.taken, training.total) == (3, 10, 10)
    assert training.schedule.get_last_lr() == [0, 0]  # of a step after the last


def test_a_class_that_joins_changes_the_weights() -> None:
    training = Training(Pool([photos(8, 8), photos(8, 0)]), torch.arange(16), asked())
    assert training.weights.tolist() == [1, 1]
    training.add(training.pool.rows(1))
    assert training.weights.tolist() == [24 / 32, 24 / 16]


def test_a_stop_ends_the_training_after_the_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    fitted = fit(pool(8, 8), asked(epochs=50), lambda: True)
    assert fitted.epoch == 0
    assert fitted.validation is not None and fitted.validation.networks == "epoch 0"
    assert "Epoch[1]" not in capsys.readouterr().out


def test_divergence_is_reported() -> None:
    training = Training(pool(8, 8), torch.arange(16), asked())
    torch.nn.init.constant_(training.network.head.weight, float("nan"))
    with pytest.raises(InputError, match="diverged in epoch 0: lower learning_rate"):
        training.run_epoch(0)


def test_every_photo_is_used_when_there_are_fewer_than_a_batch() -> None:
    training = Training(pool(3, 2), torch.arange(5), asked(mini_batch_size=50))
    assert (training.batch_size, training.steps) == (5, 1)


def test_rare_classes_weigh_more() -> None:
    labels = torch.tensor([0] * 6 + [1] * 2)
    weights = class_weights(labels, 2)
    assert torch.allclose(weights, torch.tensor([8 / 12, 8 / 4]))
    assert weights[labels].mean() == 1
    assert class_weights(torch.tensor([0, 1, 2]), 3).tolist() == [1, 1, 1]


def test_a_class_with_few_photos_is_learned_and_drowns_no_other() -> None:
    torch.manual_seed(0)
    fitted = fit(Pool([photos(120, 120, 3), photos(12, 12, 1, seed=1)]), asked(3, epochs=6), never)
    assert unseen(fitted.network, 20, 20, 20).class_accuracies().min() >= 0.9


def test_balanced_classes_have_the_loss_of_pytorch_to_the_last_bit() -> None:
    torch.manual_seed(0)
    labels = torch.arange(3).repeat(8)
    ours, theirs = (torch.randn(24, 3, generator=torch.manual_seed(1)).requires_grad_() for _ in range(2))
    loss = smoothed_cross_entropy(ours, labels, torch.ones(3))
    expected = functional.cross_entropy(theirs, labels, torch.ones(3), label_smoothing=LABEL_SMOOTHING)
    assert torch.equal(loss, expected)
    assert torch.equal(*(torch.autograd.grad(value, of)[0] for value, of in ((loss, ours), (expected, theirs))))


def test_a_photo_s_whole_loss_is_weighted_by_its_true_class() -> None:
    scores, labels = torch.randn(6, 3, generator=torch.manual_seed(0)), torch.tensor([0, 0, 0, 1, 1, 2])
    alone = [
        functional.cross_entropy(row[None], label[None], label_smoothing=LABEL_SMOOTHING)
        for row, label in zip(scores, labels, strict=True)
    ]
    shares = torch.tensor([0.7, 0.7, 35.0])[labels]
    expected = (shares * torch.stack(alone)).sum() / shares.sum()
    assert smoothed_cross_entropy(scores, labels, torch.tensor([0.7, 0.7, 35.0])).item() == pytest.approx(
        expected.item()
    )


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [triangle(step, 100) for step in range(100)]
    assert rates.index(max(rates)) == 19 and max(rates) == 1
    assert rates[0] == pytest.approx(1 / 20) and rates[-1] == pytest.approx(1 / 80)
    assert triangle(0, 1) == 1  # a single step


def test_an_image_and_its_mirror_image_get_the_same_scores() -> None:
    some = photos(3, 3).pixels
    network = build_network(some, 2)
    assert torch.allclose(predict(network, some), predict(network, some.flip(2)), atol=1e-6)
