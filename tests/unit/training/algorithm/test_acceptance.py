import pytest
import torch
from torch.nn import functional

from tests.unit.training.algorithm.jobs import stripes
from training.algorithm.acceptance import class_accuracies, refuse_useless
from training.algorithm.data import Photos
from training.algorithm.errors import InputError
from training.algorithm.fit import Fit, Metrics
from training.algorithm.network import Network, build_network

PICTURE = torch.from_numpy(stripes(0, 1))


def photos(*counts: int) -> Photos:
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return Photos(PICTURE.expand(len(labels), -1, -1, -1), labels)


class Fixed(Network):
    """A network that answers `answers`, whatever it sees."""

    def __init__(self, answers: torch.Tensor, num_classes: int) -> None:
        network = build_network(PICTURE, num_classes)
        super().__init__(network.mean, network.deviation, network.filters, num_classes)
        self.scores = functional.one_hot(answers, num_classes).float()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.scores


def check(answers: torch.Tensor, validation: Photos, num_classes: int) -> None:
    refuse_useless(Fit(Fixed(answers, num_classes), 0, Metrics(0.5, 1.0)), photos(360, 360, 7), validation, epochs=120)


@pytest.mark.parametrize("answer", [0, 1, 2])
def test_the_same_answer_for_every_photo_is_refused_whichever_it_is(answer: int) -> None:
    with pytest.raises(InputError) as caught:
        check(torch.full((81,), answer), photos(40, 40, 1), 3)
    assert "of each class it recognises 33.3% on average, on 81 photos" in str(caught.value)
    assert "The rarest class has 7 training photos, the commonest 360: check the labels, add" in str(caught.value)


def test_one_photo_more_than_the_same_answer_is_enough() -> None:
    answers = torch.zeros(40, dtype=torch.long)
    answers[-1] = 1
    check(answers, photos(20, 20), 2)
    answers[0] = 1
    with pytest.raises(InputError, match=r"50\.0%"):
        check(answers, photos(20, 20), 2)


def test_a_model_that_knows_the_rare_class_may_be_less_accurate_than_the_commonest_answer() -> None:
    validation = photos(95, 5)
    answers = validation.labels.clone()
    answers[:10] = 1
    assert (answers == validation.labels).double().mean() < 0.95
    check(answers, validation, 2)


@pytest.mark.parametrize("counts", [(10, 9), (30,)])
def test_few_photos_or_one_class_prove_nothing(counts: tuple[int, ...]) -> None:
    check(torch.zeros(sum(counts), dtype=torch.long), photos(*counts), 2)


def test_the_accuracy_of_each_class_that_has_photos() -> None:
    found = class_accuracies(torch.tensor([0, 0, 2, 2]), torch.tensor([0, 0, 0, 2]))
    assert found.tolist() == pytest.approx([2 / 3, 1])
