"""What `drift.py` does to photos."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

Change = Callable[[Image.Image], Image.Image]


def jpeg(photo: Image.Image) -> Image.Image:
    buffer = BytesIO()
    photo.save(buffer, format="JPEG", quality=20)
    return Image.open(buffer)


def noise(photo: Image.Image) -> Image.Image:
    pixels = np.asarray(photo)
    random = np.random.default_rng(int(pixels.sum()))
    return Image.fromarray(np.clip(pixels + random.normal(0, 15, pixels.shape), 0, 255).astype(np.uint8))


def shuffled(photo: Image.Image) -> Image.Image:
    """Return a photo's 16 tiles in another order: its colours and textures stay, its shapes go."""
    tiles = np.asarray(photo).reshape(4, 8, 4, 8, 3).swapaxes(1, 2).reshape(16, 8, 8, 3)
    order = np.random.default_rng(int(tiles.sum())).permutation(16)
    return Image.fromarray(tiles[order].reshape(4, 4, 8, 8, 3).swapaxes(1, 2).reshape(32, 32, 3))


CHANGES: dict[str, Change] = {
    "blur, sigma 1.2": lambda photo: photo.filter(ImageFilter.GaussianBlur(1.2)),
    "darkness, x 0.6": lambda photo: photo.point(lambda value: 0.6 * value),
    "contrast, x 0.6": lambda photo: photo.point(lambda value: 51 + 0.6 * value),
    "noise, sigma 15 of 255": noise,
    "grey": lambda photo: photo.convert("L").convert("RGB"),
    "JPEG, quality 20": jpeg,
    "rotation by 90 degrees": lambda photo: photo.transpose(Image.Transpose.ROTATE_90),
    "16 tiles shuffled": shuffled,
}
