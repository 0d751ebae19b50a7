"""Files that cannot be classified, and the error by which the workflow must name each."""

import io
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image

from training.traffic.shifts import as_png

MOST_BYTES = 6 * 1024 * 1024  # that an endpoint accepts
INVALID, TOO_LARGE = "InvalidImageError", "ImageTooLargeError"  # of the functions


class Kind(NamedTuple):
    """A way in which a file is no usable photo."""

    make: Callable[[bytes], bytes]  # of a photo
    suffix: str
    error: str  # that is expected


def truncated(photo: bytes) -> bytes:
    """Return the first half of a photo, as PNG."""
    with Image.open(io.BytesIO(photo)) as image:
        whole = as_png(image.convert("RGB"))
    return whole[: len(whole) // 2]


def text(_: bytes) -> bytes:
    return b"This is no photo.\n"


def empty(_: bytes) -> bytes:
    return b""


def too_large(photo: bytes) -> bytes:
    """Return a photo with so many zeros after it that it is one byte too large."""
    return photo.ljust(MOST_BYTES + 1, b"\0")


def document(_: bytes) -> bytes:
    return b"%PDF-1.4\n%%EOF\n"


KINDS: dict[str, Kind] = {
    "truncated": Kind(truncated, ".png", INVALID),
    "text": Kind(text, ".txt", INVALID),
    "empty": Kind(empty, ".png", INVALID),
    "too large": Kind(too_large, ".png", TOO_LARGE),
    "wrong extension": Kind(document, ".png", INVALID),
}
