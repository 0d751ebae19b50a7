import pytest
import torch

from training.algorithm.errors import InputError
from training.algorithm.folds import stratified_folds


def sizes(folds: torch.Tensor, k: int) -> list[int]:
    return torch.bincount(folds, minlength=k).tolist()


def test_every_fold_has_its_share_of_every_class() -> None:
    labels = torch.arange(103) % 3
    folds = stratified_folds(labels, 5)
    assert sizes(folds, 5) == [21, 21, 21, 20, 20]
    for label in range(3):
        counts = sizes(folds[labels == label], 5)
        assert max(counts) - min(counts) <= 1


def test_the_folds_are_drawn_at_random() -> None:
    labels = torch.zeros(40, dtype=torch.int64)
    first, again, other = (_drawn(labels, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def _drawn(labels: torch.Tensor, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return stratified_folds(labels, 4)


def test_two_photos_of_a_class_are_in_two_folds() -> None:
    labels = torch.tensor([0] * 7 + [1, 1] + [2] * 3)
    for _ in range(20):
        folds = stratified_folds(labels, 2)
        assert set(folds[labels == 1].tolist()) == {0, 1}


def test_small_classes_do_not_gather_in_the_first_folds() -> None:
    labels = torch.arange(10) // 2  # five classes of two photos
    assert sizes(stratified_folds(labels, 5), 5) == [2, 2, 2, 2, 2]


def test_a_class_with_one_photo_is_refused() -> None:
    with pytest.raises(InputError, match="Class 1 has 1 photo: cross-validation needs at least 2 of each class"):
        stratified_folds(torch.tensor([0, 0, 0, 1]), 2)
