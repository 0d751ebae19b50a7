import pytest
import torch
from torch.nn import functional

from training.algorithm.acceptance import is_useless, refuse_useless
from training.algorithm.errors import InputError
from training.algorithm.predictions import Predictions


def labels(*counts: int) -> torch.Tensor:
    return torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))


def predictions(answers: torch.Tensor, true: torch.Tensor) -> Predictions:
    return Predictions(functional.one_hot(answers, 3).float(), true, "epoch 0")


def check(answers: torch.Tensor, true: torch.Tensor) -> None:
    refuse_useless(predictions(answers, true), torch.tensor([360, 360, 7]), epochs=120)


@pytest.mark.parametrize("answer", [0, 1, 2])
def test_the_same_answer_for_every_photo_is_refused_whichever_it_is(answer: int) -> None:
    with pytest.raises(InputError) as caught:
        check(torch.full((81,), answer), labels(40, 40, 1))
    assert "of each class it recognises 33.3% on average, on 81 photos" in str(caught.value)
    assert "The rarest class has 7 training photos, the commonest 360: check the labels, add" in str(caught.value)


def test_one_photo_more_than_the_same_answer_is_enough() -> None:
    answers = torch.zeros(40, dtype=torch.long)
    answers[-1] = 1
    check(answers, labels(20, 20))
    answers[0] = 1
    with pytest.raises(InputError, match=r"50\.0%"):
        check(answers, labels(20, 20))


def test_a_model_that_knows_the_rare_class_may_be_less_accurate_than_the_commonest_answer() -> None:
    true = labels(95, 5)
    answers = true.clone()
    answers[:10] = 1
    assert predictions(answers, true).accuracy < 0.95
    check(answers, true)


@pytest.mark.parametrize("counts", [(10, 9), (30,)])
def test_few_photos_or_one_class_prove_nothing(counts: tuple[int, ...]) -> None:
    assert not is_useless(predictions(torch.zeros(sum(counts), dtype=torch.long), labels(*counts)))
