"""Decodes photos of any size to the dataset's size, once: what was decoded is kept from one run to the next.

The pixels are those that an endpoint sees when it is sent the same photo: both call `training.algorithm.images.decode`.
"""

import threading
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.algorithm import images
from training.algorithm.errors import DamagedImageError, InputError, LargeImageError, NoImageError, SmallImageError
from training.dataset.folders import TOO_LARGE, UNREADABLE
from training.dataset.lookalikes import Look, look_of

VERSION = 1  # of how photos are decoded; another number decodes all of them again
NO_PHOTO, BROKEN, TOO_SMALL = "not a photo", "broken", "too small"
_REASONS = {
    NoImageError: NO_PHOTO,
    DamagedImageError: BROKEN,
    LargeImageError: TOO_LARGE,
    SmallImageError: TOO_SMALL,
}

Pixels = npt.NDArray[np.uint8]


class Refusal(NamedTuple):
    """Why a photo cannot be used."""

    reason: str  # a word or two, to count by
    detail: str  # a sentence


@dataclass(frozen=True)
class Store:
    """The decoded photos of one size, PNG files that are named after the digests of the photos."""

    directory: Path
    side: int  # pixels, width and height of a decoded photo

    @property
    def folder(self) -> Path:
        return self.directory / f"{VERSION}-{self.side}"

    def path(self, digest: str) -> Path:
        return self.folder / f"{digest}.png"

    def read(self, digest: str) -> Pixels | None:
        """Return a decoded photo; None when there is none, or a crash has left a part of it."""
        with suppress(OSError, InputError):
            return images.decode(self.path(digest).read_bytes(), (self.side, self.side, 3), ("PNG",), self.side)
        return None

    def write(self, digest: str, pixels: Pixels) -> None:
        """Keep a decoded photo. It is not flushed to the disk, which would take longer than decoding it again."""
        part = self.folder / f".{digest}.{threading.get_ident()}.part"
        # Of photos this small, zlib's strongest level saves 1 % of the size and takes twice the time.
        Image.fromarray(pixels).save(part, format="PNG", compress_level=1)
        part.replace(self.path(digest))

    def keep_only(self, digests: set[str]) -> None:
        """Remove all other photos, and those of other sizes."""
        kept = {self.path(digest) for digest in digests}
        for path in self.directory.glob("*/*"):
            if path not in kept:
                path.unlink()
        for folder in self.directory.glob("*"):
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def decode_photos(paths: Mapping[str, Path], store: Store, console: Console) -> dict[str, Look | Refusal]:
    """Decode photos into the store; returns what each looks like, or why it cannot be used.

    Args:
        paths: The file of each photo by the digest of its content.
    """
    store.folder.mkdir(parents=True, exist_ok=True)
    formats = _formats()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about odd metadata
        task = progress.add_task("Photos", total=len(paths))

        def decode(digest: str) -> Look | Refusal:
            outcome = _decode(digest, paths[digest], store, formats)
            progress.advance(task)
            return outcome

        with ThreadPoolExecutor() as pool:  # Pillow decodes and resizes without holding the interpreter's lock
            return dict(zip(paths, pool.map(decode, paths), strict=True))


def _formats() -> tuple[str, ...]:
    """Return the formats that are read: an endpoint's, and HEIC, which phones write."""
    import pi_heif

    pi_heif.register_heif_opener()
    return (*images.FORMATS, "HEIF")


def _decode(digest: str, path: Path, store: Store, formats: tuple[str, ...]) -> Look | Refusal:
    pixels = store.read(digest)
    if pixels is None:
        try:
            # A side below half of the size would be enlarged more than twice: such a photo shows too little.
            pixels = images.decode(path.read_bytes(), (store.side, store.side, 3), formats, store.side // 2)
        except InputError as err:
            return Refusal(_REASONS.get(type(err), BROKEN), str(err))
        except OSError as err:
            return Refusal(UNREADABLE, f"The file cannot be read: {err.strerror}.")
        except MemoryError:
            return Refusal(TOO_LARGE, "There is not enough memory to decode it.")
        store.write(digest, pixels)
    return look_of(pixels)
