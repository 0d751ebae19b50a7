import math

import pytest
import torch

from training.algorithm import calibration
from training.algorithm.calibration import PRIOR_MEDIAN, fit_temperature


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_temperature_undoes_a_factor(factor: float) -> None:
    """Labels drawn from softmax(scores) are best explained by the scores themselves, however they were scaled."""
    generator = torch.Generator().manual_seed(0)
    scores = 3 * torch.randn(10_000, 4, generator=generator)
    labels = torch.multinomial(torch.softmax(scores, dim=1), 1, generator=generator)[:, 0]
    assert fit_temperature(scores * factor, labels) == pytest.approx(factor, rel=0.03)


def test_without_a_prior_the_optimum_is_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every margin is m and a share p is right, softmax(m / T) = p: T = m / log(p / (1 - p))."""
    monkeypatch.setattr(calibration, "PRIOR_SPREAD", 1e6)
    labels = torch.tensor([0] * 80 + [1] * 20)
    scores = torch.tensor([[2.0, 0.0]]).repeat(100, 1)
    assert fit_temperature(scores, labels) == pytest.approx(2 / math.log(0.8 / 0.2), rel=0.01)


def test_a_few_images_barely_move_the_prior() -> None:
    labels = torch.tensor([0, 1] * 3)
    all_right = 2 * torch.nn.functional.one_hot(labels, 2).float()
    all_wrong = all_right.flip(1)
    assert PRIOR_MEDIAN * 0.8 < fit_temperature(all_right, labels) < PRIOR_MEDIAN
    assert PRIOR_MEDIAN < fit_temperature(all_wrong, labels) < PRIOR_MEDIAN * 2
