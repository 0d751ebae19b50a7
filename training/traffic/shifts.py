"""Changes of photos as an incident brings them: a dirty lens, a dark street, a camera that stores too little.

Each change has a strength above 0 and at most 1. Blur and rotation are relative to the photo's size, so that they mean
the same for 32 and for 4,000 pixels.
"""

import io
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps, ImageStat

from training.options import Shift

MOST_BLUR = 1 / 16  # of the photo's shorter side, the blur's radius
MOST_NOISE = 64.0  # standard deviation, of values from 0 to 255
BEST_QUALITY, WORST_QUALITY = 95, 5  # of a JPEG
MOST_TURN = 180.0  # degrees

Generator = np.random.Generator


def blur(image: Image.Image, strength: float, _: Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(strength * MOST_BLUR * min(image.size)))


def dark(image: Image.Image, strength: float, _: Generator) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1 - strength)


def contrast(image: Image.Image, strength: float, _: Generator) -> Image.Image:
    return ImageEnhance.Contrast(image).enhance(1 - strength)


def noise(image: Image.Image, strength: float, generator: Generator) -> Image.Image:
    pixels = np.asarray(image, dtype=np.float64)
    noisy = pixels + generator.normal(scale=strength * MOST_NOISE, size=pixels.shape)
    return Image.fromarray(noisy.round().clip(0, 255).astype(np.uint8))


def grey(image: Image.Image, strength: float, _: Generator) -> Image.Image:
    return ImageEnhance.Color(image).enhance(1 - strength)


def jpeg(image: Image.Image, strength: float, _: Generator) -> Image.Image:
    """Return what a JPEG of low quality leaves; the file that is sent is another matter."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=round(BEST_QUALITY - strength * (BEST_QUALITY - WORST_QUALITY)))
    return Image.open(buffer).convert("RGB")


def rotate(image: Image.Image, strength: float, generator: Generator) -> Image.Image:
    """Turn the photo to one side or the other; its mean colour fills the corners."""
    angle = float(generator.choice([-1, 1])) * strength * MOST_TURN
    mean = tuple(round(value) for value in ImageStat.Stat(image).mean)
    return image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=mean)


CHANGES: dict[str, Callable[[Image.Image, float, Generator], Image.Image]] = {
    "blur": blur,
    "dark": dark,
    "contrast": contrast,
    "noise": noise,
    "grey": grey,
    "jpeg": jpeg,
    "rotate": rotate,
}


def changed(content: bytes, shifts: Iterable[Shift], generator: Generator) -> bytes:
    """Return a photo, upright, after some changes in their order, as PNG.

    Raises:
        OSError, ValueError: Pillow cannot read the photo.
    """
    with Image.open(io.BytesIO(content)) as found:
        image = ImageOps.exif_transpose(found).convert("RGB")
    for shift in shifts:
        image = CHANGES[shift.kind](image, shift.strength, generator)
    return as_png(image)


def as_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
