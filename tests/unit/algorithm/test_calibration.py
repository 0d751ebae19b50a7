import pytest
import torch

from training.algorithm.calibration import fit_temperature


@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_temperature_undoes_a_factor(factor: float) -> None:
    """Labels drawn from softmax(scores) are best explained by the scores themselves, whatever they were scaled by."""
    generator = torch.Generator().manual_seed(0)
    scores = 3 * torch.randn(20_000, 4, generator=generator)
    labels = torch.multinomial(torch.softmax(scores, dim=1), 1, generator=generator)[:, 0]
    assert fit_temperature(scores * factor, labels) == pytest.approx(factor, rel=0.03)


def test_temperature_agrees_with_a_closed_form() -> None:
    """With margins of m and a share p right, softmax(m / T) = p' has one answer: T = m / log(p' / (1 - p'))."""
    labels = torch.zeros(100, dtype=torch.long)
    labels[:20] = 1
    scores = torch.tensor([[2.0, 0.0]]).repeat(100, 1)
    share = (80 * 101 / 102 + 20 * 1 / 102) / 100  # Platt's targets
    expected = 2.0 / torch.log(torch.tensor(share / (1 - share))).item()
    assert fit_temperature(scores, labels) == pytest.approx(expected, rel=1e-6)


def test_scores_that_are_all_right_stay_finite() -> None:
    labels = torch.tensor([0, 1] * 40)
    scores = 4 * torch.nn.functional.one_hot(labels, 2).float()
    confidence = torch.softmax(scores / fit_temperature(scores, labels), dim=1).amax()
    assert confidence == pytest.approx(81 / 82, abs=1e-4)
