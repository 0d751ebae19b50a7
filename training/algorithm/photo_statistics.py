"""What a photo looks like in four numbers, which show a dirty lens, a dark room or a changed camera.

They are measured on the pixels that the network gets, so a photo of training and one that an endpoint captured compare.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .images import decode

# brightness, contrast: mean and standard deviation of the luma, in [0, 1]. sharpness: natural logarithm of the
# variance of the luma's Laplacian, which blur lowers (Pech-Pacheco et al. 2000). saturation: mean of HSV's, in [0, 1].
STATISTICS = ("brightness", "contrast", "sharpness", "saturation")
DECIMALS = 4  # that are kept; both sides of a comparison are rounded, or ties would look like a difference
_LUMA = np.array([0.299, 0.587, 0.114])  # of red, green, blue: ITU-R BT.601
_LEAST_VARIANCE = 1e-8  # of a photo of one colour, which has no logarithm


def measure(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the statistics of photos in the order of `STATISTICS`, (n, 4).

    Args:
        pixels: (n, height, width, channels) with 1 or 3 channels; at least 3 pixels each way.
    """
    values = pixels / 255.0
    luma = values @ _LUMA if pixels.shape[-1] == 3 else values[..., 0]  # (n, height, width)
    edges = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:] - 4 * luma[:, 1:-1, 1:-1]
    highest, lowest = values.max(axis=3), values.min(axis=3)
    saturation = np.divide(highest - lowest, highest, out=np.zeros_like(highest), where=highest > 0)
    columns = (
        luma.mean(axis=(1, 2)),
        luma.std(axis=(1, 2)),
        np.log(np.maximum(edges.var(axis=(1, 2)), _LEAST_VARIANCE)),
        saturation.mean(axis=(1, 2)),
    )
    return np.stack(columns, axis=1).round(DECIMALS)


def measure_photo(photo: bytes, shape: Sequence[int]) -> tuple[float, ...]:
    """Return the statistics of one image file, NaN each when the bytes are no image that is read.

    Args:
        shape: (height, width, channels) of the network's input.
    """
    try:
        pixels = decode(photo, shape)
    except InputError:
        return (float("nan"),) * len(STATISTICS)
    return tuple(measure(pixels[np.newaxis])[0].tolist())
