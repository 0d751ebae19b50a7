"""Decode image bytes to pixels, identically for training and serving."""

import re
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from .errors import DamagedImageError, InputError, LargeImageError, NoImageError, SmallImageError
from .memory import Memory

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
SMALLEST_SIDE = 16  # pixels; the network halves an image three times
LARGEST_SIDE = 224  # pixels; a PNG of this size still fits into the workflow's state

# A file of a few kB can declare any size. Most JPEGs are decoded at an eighth of their width and height: their limit
# admits the 50 and 64 megapixels of phones. All other images are decoded whole; 16 megapixels admit most photos.
MOST_PIXELS, MOST_PIXELS_WHOLE = 1 << 26, 1 << 24
MOST_SCANS = 100  # of a JPEG; a progressive one has about 10, and each is read over all pixels
# Measured peaks: 0.2 bytes per pixel of most JPEGs, 8 of a progressive one, 12 of a transparent PNG, 20 of WebP, whose
# library keeps two canvases.
_BYTES_PER_PIXEL, _BYTES_PER_PIXEL_WHOLE, _BYTES_PER_PIXEL_WEBP = 1, 12, 20
DECODING = Memory(512 << 20)  # for all threads of a server together
_SCAN = b"\xff\xda"  # the marker with which a JPEG's scan begins
_BEGINNINGS = {
    "PNG": rb"\x89PNG",
    "JPEG": rb"\xff\xd8\xff",
    "GIF": rb"GIF8",
    "WEBP": rb"RIFF.{4}WEBP",
    "HEIF": rb".{4}ftyp(hei|hev|mif1|msf1)",
}

_TURNS = {  # EXIF orientation -> what makes the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {_TURNS[orientation] for orientation in (5, 6, 7, 8)}


def network_shape(image_shape: Sequence[int]) -> tuple[int, int, int]:
    """Return (height, width, channels) of images of `image_shape`, which is (channels, height, width)."""
    channels, height, width = image_shape
    return height, width, channels


def decode(
    data: bytes, shape: Sequence[int], formats: tuple[str, ...] = FORMATS, least_side: int = 1
) -> NDArray[np.uint8]:
    """Return the pixels of an image of any size and mode, as (height, width, channels) = `shape`.

    The first frame is read, rotated upright (EXIF), put on a white background where it is transparent, and resized
    without keeping its proportions, as SageMaker's built-in algorithm resizes what its endpoint gets. An image that has
    these pixels comes back as it is. Threads wait for each other when their images together would take too much memory.

    Args:
        formats: Pillow's names of the formats that are read.
        least_side: Pixels that an image must be wide and high.

    Raises:
        InputError: The bytes are no image, are damaged, too small, or hold more than 67 million pixels, 16 million
            where the format cannot be decoded at a fraction of its size. Its class says which.
    """
    try:
        with Image.open(BytesIO(data), formats=formats) as image:
            _refuse_small(image, least_side)
            with DECODING.reserved(_bytes_needed(image, data)):
                return _pixels(image, shape)
    except (InputError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as err:
        raise LargeImageError(f"The image is far too large: at most {MOST_PIXELS:,} pixels are read.") from err
    except UnidentifiedImageError as err:
        raise _unread(data, formats) from err
    except Exception as err:  # a damaged file raises anything: Pillow's readers do not catch what parsing raises
        raise _damaged(formats) from err


def _unread(data: bytes, formats: tuple[str, ...]) -> InputError:
    """Return the error for bytes that Pillow does not take for an image: a format's first bytes may be there."""
    beginnings = (_BEGINNINGS[name] for name in formats if name in _BEGINNINGS)
    if any(re.match(beginning, data, re.DOTALL) for beginning in beginnings):
        return _damaged(formats)
    return NoImageError(f"The bytes must be an image ({', '.join(formats)}) but are none of these.")


def _damaged(formats: tuple[str, ...]) -> InputError:
    return DamagedImageError(f"The bytes must be an image ({', '.join(formats)}) but are cut off or damaged.")


def _refuse_small(image: Image.Image, least_side: int) -> None:
    if min(image.size) < least_side:
        raise SmallImageError(
            f"The image is {image.width}x{image.height}; at least {least_side} pixels each way are needed."
        )


def _bytes_needed(image: Image.Image, data: bytes) -> int:
    """Return about how much memory decoding takes.

    Raises:
        InputError: The image has too many pixels or scans.
    """
    pixels, fraction = image.width * image.height, _decodes_at_a_fraction(image, data)
    most = MOST_PIXELS if fraction or image.format == "HEIF" else MOST_PIXELS_WHOLE
    if pixels > most:
        kind = "JPEG" if fraction else f"{'progressive ' * ('progressive' in image.info)}{image.format}"
        raise LargeImageError(
            f"The image is {image.width}x{image.height}; at most {most:,} pixels of a {kind} are read: make it smaller."
        )
    if data.count(_SCAN) > MOST_SCANS and isinstance(image, JpegImageFile):
        raise LargeImageError(f"The JPEG has {data.count(_SCAN)} scans; at most {MOST_SCANS} are read.")
    if fraction:
        return pixels * _BYTES_PER_PIXEL
    return pixels * (_BYTES_PER_PIXEL_WEBP if image.format == "WEBP" else _BYTES_PER_PIXEL_WHOLE)


def _decodes_at_a_fraction(image: Image.Image, data: bytes) -> bool:
    """Return whether the image is a JPEG whose first scan has all colours.

    The decoder keeps the coefficients of the whole image in memory when the colours or details come one after another.
    """
    if not isinstance(image, JpegImageFile) or "progressive" in image.info:
        return False
    place = 2  # behind the first marker, b"\xff\xd8"
    while data[place : place + 1] == b"\xff":
        if data[place : place + 2] == _SCAN:  # then its length (2 bytes) and the number of its colours
            return data[place + 4 : place + 5] == bytes([image.layers])
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return False


def _pixels(image: Image.Image, shape: Sequence[int]) -> NDArray[np.uint8]:
    """Shrink first: each later operation then takes next to no memory."""
    height, width, channels = shape
    image.draft(None, (max(height, width),) * 2)  # lets a large JPEG be decoded at a fraction of its size
    image.load()
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    size = (height, width) if turn in _SIDEWAYS else (width, height)
    small = _resizable(image).resize(size, Image.Resampling.BILINEAR)
    if turn is not None:
        small = small.transpose(turn)
    if small.has_transparency_data:
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    return np.asarray(small.convert("RGB" if channels == 3 else "L")).reshape(height, width, channels)


def _resizable(image: Image.Image) -> Image.Image:
    """Return the image in a mode whose pixels can be averaged."""
    if image.mode.startswith("I;16"):  # Pillow would cut off everything above 255
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode in ("1", "P") else image
