import re

import pytest
import torch
from torch.nn import functional

from tests.unit.training.algorithm.jobs import stripes
from training.algorithm import fit as fit_module
from training.algorithm.acceptance import class_accuracies
from training.algorithm.data import Photos
from training.algorithm.errors import InputError
from training.algorithm.fit import (
    LABEL_SMOOTHING,
    Metrics,
    Training,
    class_weights,
    evaluate,
    fit,
    predict,
    smoothed_cross_entropy,
    triangle,
)
from training.algorithm.hyperparameters import Hyperparameters
from training.algorithm.network import Network, build_network


def photos(*counts: int, seed: int = 0) -> Photos:
    pixels = torch.cat([torch.from_numpy(stripes(label, n, seed=seed)) for label, n in enumerate(counts)])
    return Photos(pixels, torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)))


def asked(num_classes: int = 2, epochs: int = 4, mini_batch_size: int = 8) -> Hyperparameters:
    return Hyperparameters(num_classes, 24, epochs=epochs, mini_batch_size=mini_batch_size)


def never() -> bool:
    return False


def test_three_classes_are_learned() -> None:
    torch.manual_seed(0)
    best = fit(photos(16, 16, 16), photos(8, 8, 8, seed=1), asked(3, epochs=12), never)
    assert best.validation.accuracy == 1
    assert evaluate(best.network, photos(8, 8, 8, seed=2)).accuracy > 0.9


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    first, again, other = (_trained_weights(seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def _trained_weights(seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return fit(photos(8, 8), photos(4, 4), asked(epochs=2), never).network.head.weight


def test_each_epoch_prints_the_metrics_of_the_built_in_algorithm(capsys: pytest.CaptureFixture[str]) -> None:
    fit(photos(8, 8), photos(4, 4), asked(epochs=2), never)
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


def test_the_epoch_with_the_least_validation_cross_entropy_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    validation = photos(10, 10, seed=1)
    seen: list[Metrics] = []

    def spy(network: Network, of: Photos) -> Metrics:
        seen.append(evaluate(network, of))
        return seen[-1]

    monkeypatch.setattr(fit_module, "evaluate", spy)
    torch.manual_seed(0)
    wrong_half = Photos(validation.pixels, validation.labels.roll(5))  # training makes these labels less likely
    best = fit(photos(12, 12), wrong_half, asked(epochs=6), never)
    losses = [metrics.cross_entropy for metrics in seen]
    assert best.epoch == losses.index(min(losses)) < 5
    assert evaluate(best.network, wrong_half) == best.validation == seen[best.epoch]


def test_a_stop_ends_the_training_after_the_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    best = fit(photos(8, 8), photos(4, 4), asked(epochs=50), lambda: True)
    assert best.epoch == 0
    assert "Epoch[1]" not in capsys.readouterr().out


def test_divergence_is_reported() -> None:
    training = Training(photos(8, 8), asked())
    torch.nn.init.constant_(training.network.head.weight, float("nan"))
    with pytest.raises(InputError, match="diverged in epoch 0: lower learning_rate"):
        training.run_epoch(0)


def test_every_photo_is_used_when_there_are_fewer_than_a_batch() -> None:
    training = Training(photos(3, 2), asked(mini_batch_size=50))
    assert (training.batch_size, training.steps) == (5, 1)


def test_rare_classes_weigh_more() -> None:
    labels = torch.tensor([0] * 6 + [1] * 2)
    weights = class_weights(labels, 2)
    assert torch.allclose(weights, torch.tensor([8 / 12, 8 / 4]))
    assert weights[labels].mean() == 1
    assert class_weights(torch.tensor([0, 1, 2]), 3).tolist() == [1, 1, 1]


def test_a_class_with_few_photos_is_learned_and_drowns_no_other() -> None:
    torch.manual_seed(0)
    best = fit(photos(120, 120, 3), photos(12, 12, 1, seed=1), asked(3, epochs=6), never)
    new = photos(20, 20, 20, seed=2)
    answers = predict(best.network, new.pixels).argmax(dim=1)
    assert class_accuracies(answers, new.labels).min() >= 0.9


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
