"""Decode image bytes to pixels, identically for training and serving."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import InputError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
MOST_PIXELS = 50_000_000  # about 150 MB decoded; a small file can declare any size
SMALLEST_SIDE = 16  # pixels; the network halves an image three times
LARGEST_SIDE = 64  # pixels; larger images are scaled down to this

Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit only warns at first; ours is checked before anything is decoded


def network_shape(image_shape: Sequence[int]) -> tuple[int, int, int]:
    """Return (height, width, channels) at which the network sees images of `image_shape` (channels, height, width).

    Images with a side above 64 pixels are scaled down in proportion: the network's receptive field fits small images,
    and training time grows with the area.
    """
    channels, height, width = image_shape
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    return max(SMALLEST_SIDE, round(height * scale)), max(SMALLEST_SIDE, round(width * scale)), channels


def decode(data: bytes, shape: Sequence[int]) -> NDArray[np.uint8]:
    """Return the pixels of an image of any size and mode, as (height, width, channels) = `shape`.

    The image is rotated upright (EXIF), put on a white background where it is transparent, and resized without
    keeping its proportions.

    Raises:
        InputError: The bytes are no image, are truncated, or hold more than 50 million pixels.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            return _pixels(image, shape)
    except (OSError, SyntaxError, ValueError) as err:  # all that Pillow's readers raise
        reason = "are cut off or damaged" if not isinstance(err, UnidentifiedImageError) else "are none of these"
        raise InputError(f"The bytes must be an image ({', '.join(FORMATS)}) but {reason}.") from err


def _pixels(image: Image.Image, shape: Sequence[int]) -> NDArray[np.uint8]:
    height, width, channels = shape
    if image.width * image.height > MOST_PIXELS:
        raise InputError(f"The image is {image.width}x{image.height}; at most {MOST_PIXELS:,} pixels are read.")
    image.draft(None, (max(height, width),) * 2)  # lets a large JPEG be decoded at a fraction of its size
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16"):  # Pillow would cut off everything above 255
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    if upright.has_transparency_data:
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright.convert("RGBA"))
    small = upright.convert("RGB" if channels == 3 else "L").resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(small).reshape(height, width, channels)
