"""Keeps a dataset on disk: PNG files, the lists that the algorithm reads, the index and a fingerprint."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from training import atomic
from training.config import IMAGE_PREFIX, LIST_PREFIX, SPLITS, image_prefix, list_key, local_path
from training.dataset.archive import IMAGE_SHAPE, Archive
from training.dataset.index import read_index, write_index
from training.errors import StepNotRunError

FINGERPRINT = "fingerprint.txt"
FORMAT = 2  # of the files that `write` makes; another number invalidates every dataset on disk
BATCH = 100  # images per thread and turn
WRITERS = os.cpu_count() or 1  # threads: Pillow compresses and writes without holding the interpreter's lock
SIDE = IMAGE_SHAPE[1]  # pixels, width and height of an archive's photo

Pixels = npt.NDArray[np.uint8]
WriteImages = Callable[[pd.DataFrame], None]  # writes the images of a split's lines to where their keys say
Wrote = Callable[[Sequence[str]], None]  # is told keys of images that have been written


def sha256(archive: Path) -> str:
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(archive: str, classes: Sequence[str], validation_share: float, seed: int, side: int = SIDE) -> str:
    """Return a digest of everything that a dataset of an archive is made from; the archive is given by its SHA-256."""
    made_from = [FORMAT, archive, list(classes), validation_share, seed, *([] if side == SIDE else [side])]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


def is_finished(directory: Path) -> bool:
    """Return whether `directory` has a dataset that was written to its end."""
    return (directory / FINGERPRINT).exists()


def load(directory: Path, expected_fingerprint: str) -> pd.DataFrame | None:
    """Return the index of the dataset in `directory`; None when its fingerprint differs or a file is missing."""
    path = directory / FINGERPRINT
    if not path.exists() or path.read_bytes() != expected_fingerprint.encode():
        return None
    try:
        index = read_index(directory)
    except StepNotRunError:
        return None
    return index if keys(index) == _staged(directory) else None


def forget(directory: Path) -> None:
    """Let `load` find no dataset in `directory`."""
    (directory / FINGERPRINT).unlink(missing_ok=True)


def write_dataset(index: pd.DataFrame, directory: Path, new_fingerprint: str, write_images: WriteImages) -> None:
    """Write the dataset into `directory` and remove the files of an earlier one.

    The fingerprint is removed first and written last, so that an interrupted write never passes for a dataset.
    """
    forget(directory)
    for split in SPLITS:
        lines = index[index["split"] == split]
        local_path(directory, image_prefix(split)).mkdir(parents=True, exist_ok=True)
        write_images(lines)
        _write_list(lines, local_path(directory, list_key(split)))
    write_index(index, directory)
    for name in _staged(directory) - keys(index):
        (directory / name).unlink()
    atomic.write_text(directory / FINGERPRINT, new_fingerprint)


def write(archive: Archive, index: pd.DataFrame, directory: Path, new_fingerprint: str, side: int = SIDE) -> None:
    """Write the dataset of an archive into `directory`.

    Args:
        side: Pixels to which the photos are enlarged, width and height.
    """

    write_dataset(index, directory, new_fingerprint, image_writer(archive, directory, side))


def image_writer(archive: Archive, directory: Path, side: int, wrote: Wrote = lambda _: None) -> WriteImages:
    """Return a function that writes the images of an archive.

    Args:
        wrote: Called with the keys of images that have been written, by the thread that wrote them.
    """

    def write_images(lines: pd.DataFrame) -> None:
        member = archive.test if (lines["split"] == "test").all() else archive.train
        rows, keys = lines["row"].to_numpy(), lines["s3_key"].tolist()

        def write_some(start: int) -> None:
            some = slice(start, start + BATCH)
            _write_images(pixels_of(member.data[rows[some]]), [local_path(directory, key) for key in keys[some]], side)
            wrote(keys[some])

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write_some, range(0, len(rows), BATCH)))

    return write_images


def keys(index: pd.DataFrame) -> set[str]:
    """Return the images and lists of a dataset, relative to its directory."""
    return {*map(list_key, SPLITS), *index["s3_key"]}


def _staged(directory: Path) -> set[str]:
    """Return the files below the directories of images and lists, relative to the dataset's directory."""
    walks = [os.walk(directory / prefix) for prefix in (IMAGE_PREFIX, LIST_PREFIX)]
    folders = [(Path(folder).relative_to(directory), files) for walk in walks for folder, _, files in walk]
    return {(folder / file).as_posix() for folder, files in folders for file in files}


def pixels_of(data: Pixels) -> Pixels:
    """Turn rows of the archive, shape (n, 3072), into images, shape (n, height, width, channels)."""
    return np.ascontiguousarray(data.reshape(-1, *IMAGE_SHAPE).transpose(0, 2, 3, 1))


def _write_images(images: Pixels, paths: Sequence[Path], side: int) -> None:
    for image, path in zip(images, paths, strict=True):
        photo = Image.fromarray(image)
        if photo.size != (side, side):
            photo = photo.resize((side, side), Image.Resampling.BILINEAR)  # as an endpoint does it
        # On photos this small, zlib's strongest level saves 1 % of the size and takes twice the time.
        photo.save(path, format="PNG", compress_level=1)


def _write_list(lines: pd.DataFrame, path: Path) -> None:
    """Write the list that SageMaker's image-classification algorithm reads: row, class, file, with tabs between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines[["row", "label", "filename"]].to_csv(path, sep="\t", header=False, index=False)
