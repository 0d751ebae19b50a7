"""Small photos that all look different, and directories of them."""

from pathlib import Path

import numpy as np
from PIL import Image


def scene(number: int, width: int = 90, height: int = 70) -> Image.Image:
    """Return a photo of smooth colours; each number gives another one."""
    coarse = np.random.default_rng(number).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def write_folders(directory: Path, counts: dict[str, int]) -> Path:
    """Write so many JPEGs into a folder for each class, 0.jpg, 1.jpg and so on; returns the directory."""
    number = 0
    for name, count in counts.items():
        (directory / name).mkdir(parents=True, exist_ok=True)
        for place in range(count):
            scene(number).save(directory / name / f"{place}.jpg", quality=90)
            number += 1
    return directory
