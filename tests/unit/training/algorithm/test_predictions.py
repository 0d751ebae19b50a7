import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch.nn import functional

from training.algorithm.interval import wilson_interval
from training.algorithm.predictions import Predictions

ANSWERS = torch.tensor([0, 0, 2, 2])
PREDICTIONS = Predictions(functional.one_hot(ANSWERS, 3).float(), torch.tensor([0, 0, 0, 2]), "epoch 7")


def test_the_accuracy_of_all_photos_and_of_each_class_that_has_photos() -> None:
    assert PREDICTIONS.accuracy == 3 / 4
    assert PREDICTIONS.class_accuracies().tolist() == pytest.approx([2 / 3, 1])


def test_the_log_and_the_metadata_say_the_same() -> None:
    assert PREDICTIONS.phrase() == "accuracy on 4 unseen images 0.7500 (0.3006 to 0.9544)"
    assert PREDICTIONS.figures() == {
        "validation_accuracy": 0.75,
        "validation_interval": pytest.approx((0.3006, 0.9544), abs=1e-4),
        "validation_images": 4,
        "validated": "epoch 7",
    }


@pytest.mark.parametrize(("correct", "photos"), [(0, 10), (10, 10), (1, 1), (77, 80), (955, 1000)])
def test_the_interval_is_wilson_s(correct: int, photos: int) -> None:
    expected = binomtest(correct, photos).proportion_ci(0.95, "wilson")
    assert wilson_interval(correct, photos) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_the_interval_holds_the_true_share_19_times_in_20() -> None:
    drawn = np.random.default_rng(0).binomial(200, 0.96, 2000).tolist()
    held = [low <= 0.96 <= high for low, high in (wilson_interval(correct, 200) for correct in drawn)]
    assert 0.92 < sum(held) / len(held) < 0.98
