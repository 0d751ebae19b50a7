from itertools import combinations

import pytest
import torch

from training.algorithm import augmentation
from training.algorithm.augmentation import augment, cut_out, jitter, move, shift


def ramp(n: int, height: int = 16, width: int = 24, channels: int = 3) -> torch.Tensor:
    """Return identical images in which each value is its own position."""
    one = torch.arange(height * width * channels).reshape(1, height, width, channels).float()
    return one.repeat(n, 1, 1, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_shape_is_kept_and_each_image_differs(channels: int) -> None:
    torch.manual_seed(0)
    images = augment(ramp(8, channels=channels) / 1000, torch.zeros(8, dtype=torch.bool))
    assert images.shape == (8, 16, 24, channels)
    assert not any(torch.equal(one, other) for one, other in combinations(images, 2))


def test_flipping_mirrors_left_and_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "PERMUTATION", 0.0)
    plain, flipped = (_moved_with_one_seed(mirrored) for mirrored in (False, True))
    assert torch.equal(flipped, plain.flip(2))


def _moved_with_one_seed(mirrored: bool) -> torch.Tensor:
    torch.manual_seed(1)
    return move(ramp(4), torch.full((4,), mirrored))


def test_shifts_reach_an_eighth_and_reflect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "PERMUTATION", 0.0)
    torch.manual_seed(0)
    rows = move(ramp(500), torch.zeros(500, dtype=torch.bool))[:, :, 0, 0] // (24 * 3)  # the source row of each row
    assert set(rows[:, 8].tolist()) == {6, 7, 8, 9, 10}
    assert rows.min() == 0 and rows.max() == 15
    assert [2, 1, 0, 1] in rows[:, :4].tolist()


def test_half_of_the_images_keep_their_channels() -> None:
    torch.manual_seed(0)
    channels = move(ramp(2000), torch.zeros(2000, dtype=torch.bool))[:, 8, 8] % 3
    kept = (channels == torch.arange(3)).all(dim=1).double().mean()
    assert kept == pytest.approx(0.5 + 0.5 / 6, abs=0.04)  # one in six permutations changes nothing


def test_without_permutation_the_same_pixels_move_and_all_channels_keep_their_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(augmentation, "PERMUTATION", 0.0)
    torch.manual_seed(1)
    shifted = shift(ramp(4), torch.tensor([True, False, True, False]))
    torch.manual_seed(1)
    assert torch.equal(shifted, move(ramp(4), torch.tensor([True, False, True, False])))


@pytest.mark.parametrize(
    ("augmentation_type", "values", "order"),
    [("crop", True, True), ("crop_color", False, True), ("crop_color_transform", False, False)],
)
def test_each_type_changes_more_of_the_colours(augmentation_type: str, values: bool, order: bool) -> None:
    """Whether the images keep their colours, and whether red stays the strongest."""
    torch.manual_seed(0)
    red = torch.tensor([0.8, 0.3, 0.1]).expand(200, 16, 16, 3)
    images = augment(red, torch.zeros(200, dtype=torch.bool), augmentation_type)
    assert torch.allclose(images, red) is values
    assert bool((images[:, 0, 0].argmax(dim=1) == 0).all()) is order


def test_jitter_keeps_grey_images_grey() -> None:
    torch.manual_seed(0)
    images = jitter(torch.rand(4, 8, 8, 1).repeat(1, 1, 1, 3))
    assert torch.allclose(images[..., :1].expand(-1, -1, -1, 3), images, atol=1e-6)


def test_cutout_blanks_one_square() -> None:
    torch.manual_seed(0)
    images = torch.rand(6, 16, 16, 3)
    changed = (cut_out(images) != images).any(dim=3)
    assert changed.sum(dim=(1, 2)).tolist() == [36] * 6
    assert (changed.any(dim=1).sum(dim=1) == 6).all() and (changed.any(dim=2).sum(dim=1) == 6).all()
