"""Random variations of training images, one batch at a time, so that the network never sees an image twice."""

import torch
from torch import Tensor

SHIFT = 1 / 8  # of the side: images move by up to this much each way, the border is a reflection
CUTOUT = 3 / 8  # of the side: a square of this size is blanked
BRIGHTNESS, CONTRAST, SATURATION = 0.2, 0.2, 0.3  # each factor is drawn from 1 ± this
PERMUTATION = 0.5  # share of the images whose colour channels are permuted
# Under the built-in algorithm's names, from the least to the most: images are shifted, mirrored and blanked in part;
# their brightness, contrast and saturation change too; their channels are permuted too, so colours count for little.
TYPES = ("crop", "crop_color", "crop_color_transform")


def augment(images: Tensor, flipped: Tensor, augmentation_type: str = TYPES[-1]) -> Tensor:
    """Return the images shifted, mirrored where `flipped`, recoloured, and with a square blanked.

    Args:
        images: Values in [0, 1], (n, height, width, channels).
        flipped: Boolean, (n,).
        augmentation_type: One of `TYPES`.
    """
    moved = move(images, flipped) if augmentation_type == TYPES[2] else shift(images, flipped)
    return cut_out(moved if augmentation_type == TYPES[0] else jitter(moved))


def shift(images: Tensor, flipped: Tensor) -> Tensor:
    """Shift and mirror, in one gather."""
    rows, columns = _sources(images, flipped)
    return images[torch.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]


def move(images: Tensor, flipped: Tensor) -> Tensor:
    """Shift, mirror and permute the channels, in one gather: the cheapest way on a CPU."""
    n, channels = len(images), images.shape[3]
    rows, columns = _sources(images, flipped)
    index = (torch.arange(n)[:, None, None, None], rows[:, :, None, None], columns[:, None, :, None])
    return images[(*index, _channel_order(n, channels)[:, None, None, :])]


def _sources(images: Tensor, flipped: Tensor) -> tuple[Tensor, Tensor]:
    """Return the row and the column that each pixel comes from, (n, height) and (n, width)."""
    n, height, width, _ = images.shape
    rows, columns = _shifted(n, height), _shifted(n, width)
    return rows, torch.where(flipped[:, None], columns.flip(1), columns)


def _shifted(n: int, side: int) -> Tensor:
    """Return the source of each pixel along a side, per image, (n, side); both ends reflect."""
    reach = max(1, round(side * SHIFT))
    pixels = torch.arange(side) + torch.randint(-reach, reach + 1, (n, 1))
    return (side - 1) - (side - 1 - pixels.abs()).abs()


def _channel_order(n: int, channels: int) -> Tensor:
    """Return the order of the channels, per image, (n, channels)."""
    permuted = torch.rand(n, channels).argsort(dim=1)
    return torch.where(torch.rand(n, 1) < PERMUTATION, permuted, torch.arange(channels))


def jitter(images: Tensor) -> Tensor:
    """Change brightness, contrast and (of colour images) saturation; values may leave [0, 1]."""
    images = images * _factors(images, BRIGHTNESS)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images.sub_(mean).mul_(_factors(images, CONTRAST)).add_(mean)  # in place: half of the time
    grey = images.mean(dim=3, keepdim=True)
    return images.sub_(grey).mul_(_factors(images, SATURATION)).add_(grey)


def _factors(images: Tensor, spread: float) -> Tensor:
    return 1 + (2 * torch.rand(len(images), 1, 1, 1) - 1) * spread


def cut_out(images: Tensor) -> Tensor:
    """Blank a random square of each image with the image's mean."""
    n, height, width, _ = images.shape
    hole = _span(n, height)[:, :, None, None] & _span(n, width)[:, None, :, None]  # (n, height, width, 1)
    return torch.where(hole, images.mean(dim=(1, 2), keepdim=True), images)


def _span(n: int, side: int) -> Tensor:
    """Return which pixels along a side the hole covers, per image, boolean (n, side)."""
    size = round(side * CUTOUT)
    start = torch.randint(0, side - size + 1, (n, 1))
    pixels = torch.arange(side)
    return (start <= pixels) & (pixels < start + size)
