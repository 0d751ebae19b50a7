"""Makes an image-classification dataset of the classes that were asked for: PNG files, lists and an index of them."""

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from training.config import IMAGE_PREFIX, LIST_PREFIX, SPLITS
from training.dataset.archive import IMAGE_SHAPE, Archive, Photos
from training.errors import DatasetError

INDEX = "images.csv"
FINGERPRINT = "fingerprint.txt"
FORMAT = 1  # of what `write` makes; a new number makes every dataset anew

BATCH = 500  # images that a thread takes at once

Pixels = npt.NDArray[np.uint8]


def fingerprint(archive: Path, classes: Sequence[str], validation_share: float, seed: int) -> str:
    """Return a digest of all that decides what a dataset looks like."""
    with archive.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(json.dumps([FORMAT, content, list(classes), validation_share, seed]).encode()).hexdigest()


def load(directory: Path, expected_fingerprint: str) -> pd.DataFrame | None:
    """Return the index of the dataset that is in `directory`, None when it is another one or not whole."""
    path = directory / FINGERPRINT
    if not path.exists() or path.read_text() != expected_fingerprint:
        return None
    index = read_index(directory)
    return index if _files(index) == _staged(directory) else None


def read_index(directory: Path) -> pd.DataFrame:
    return pd.read_csv(directory / INDEX, keep_default_na=False)  # a class may be called "null"


def select(archive: Archive, classes: Sequence[str], validation_share: float, seed: int) -> pd.DataFrame:
    """Choose the photos of `classes` and hold a stratified share of the training photos out for validation.

    Args:
        classes: Names of the archive, two or more; their order is the order of the labels.
        validation_share: Of each class's training photos, in (0, 1); at least one photo is held out, one left.

    Returns:
        One line per image, columns split, filename, label, class_name, row and s3_key (see `results.Dataset`).

    Raises:
        DatasetError: A class is unknown or repeated, or has too few photos.
    """
    if not 0 < validation_share < 1:
        raise DatasetError(f"A validation share of {validation_share} leaves nothing: it must lie between 0 and 1.")
    if seed < 0:
        raise DatasetError(f"The seed {seed} is negative: use 0 or more.")
    numbers = label_numbers(archive.class_names, classes)
    named = zip(classes, numbers, strict=True)
    held_out = [_held_out(archive.train, name, number, validation_share, seed) for name, number in named]
    train = _chosen(archive.train, classes, numbers)
    train["split"] = np.where(train["row"].isin(np.concatenate(held_out)), "validation", "train")
    test = _chosen(archive.test, classes, numbers).assign(split="test")
    for name in classes:
        if name not in set(test["class_name"]):
            raise DatasetError(f"The class {name} has no test image in the archive: choose another.")
    index = pd.concat([train.sort_values("split", kind="stable"), test], ignore_index=True)
    index["s3_key"] = IMAGE_PREFIX + "/" + index["split"] + "/" + index["filename"]
    return index[["split", "filename", "label", "class_name", "row", "s3_key"]]


def label_numbers(class_names: Sequence[str], classes: Sequence[str]) -> list[int]:
    """Return the archive's number of each of `classes`.

    Raises:
        DatasetError: There are fewer than two, or one is repeated or unknown.
    """
    if len(classes) < 2:
        raise DatasetError(f"Two classes or more are needed to tell apart, got {list(classes)}.")
    for name in classes:
        if classes.count(name) > 1:
            raise DatasetError(f"The class {name} is asked for more than once.")
        if name not in class_names:
            close = difflib.get_close_matches(name, class_names, n=3) or sorted(class_names)
            raise DatasetError(f"The archive has no class {name!r}: the closest are {', '.join(close[:3])}.")
    return [class_names.index(name) for name in classes]


def _held_out(train: Photos, name: str, number: int, share: float, seed: int) -> npt.NDArray[np.int64]:
    """Return the rows of one class that go to validation; which ones does not depend on the other classes."""
    rows = np.flatnonzero(train.labels == number)
    if len(rows) < 2:
        raise DatasetError(
            f"The class {name} has {len(rows)} training images in the archive: at least 2 are needed, "
            "one to train on and one to validate on."
        )
    count = min(max(1, round(share * len(rows))), len(rows) - 1)
    return np.random.default_rng([seed, number]).permutation(rows)[:count]


def _chosen(photos: Photos, classes: Sequence[str], numbers: Sequence[int]) -> pd.DataFrame:
    """Return row, label, class name and file name of the photos of `classes`, in the archive's order."""
    rows = np.flatnonzero(np.isin(photos.labels, numbers))
    labels = [numbers.index(number) for number in photos.labels[rows]]
    filenames = file_names([photos.filenames[row] for row in rows], rows.tolist())
    names = [classes[label] for label in labels]
    return pd.DataFrame({"row": rows, "label": labels, "class_name": names, "filename": filenames})


def file_names(names: Iterable[str], rows: Iterable[int]) -> list[str]:
    """Return names that are safe as file names and S3 keys, end in .png, and differ even where case does not count.

    A name that is taken gets its row number.
    """
    taken: set[str] = set()
    unique = []
    for name, row in zip(names, rows, strict=True):
        base = PurePosixPath(name.replace("\\", "/")).name
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", base.removesuffix(".png")).strip(".") or str(row)
        while stem.lower() in taken:
            stem = f"{stem}-{row}"
        taken.add(stem.lower())
        unique.append(f"{stem}.png")
    return unique


def write(archive: Archive, index: pd.DataFrame, directory: Path, new_fingerprint: str) -> None:
    """Write the dataset into `directory` and remove what an earlier one left there.

    The fingerprint is removed first and written last, so that an interrupted run is never taken for a whole one.
    """
    (directory / FINGERPRINT).unlink(missing_ok=True)
    for split in SPLITS:
        photos = archive.test if split == "test" else archive.train
        lines = index[index["split"] == split]
        _write_images(photos, lines, directory / IMAGE_PREFIX / split)
        _write_list(lines, directory / LIST_PREFIX / f"{split}.lst")
    index.to_csv(directory / INDEX, index=False)
    for name in _staged(directory) - _files(index):
        (directory / name).unlink()
    (directory / FINGERPRINT).write_text(new_fingerprint)


def _files(index: pd.DataFrame) -> set[str]:
    """Return the images and lists of a dataset, relative to its directory."""
    return {*(f"{LIST_PREFIX}/{split}.lst" for split in SPLITS), *index["s3_key"]}


def _staged(directory: Path) -> set[str]:
    """Return the files that are there where a dataset's images and lists belong, relative to its directory."""
    walks = [os.walk(directory / prefix) for prefix in (IMAGE_PREFIX, LIST_PREFIX)]
    folders = [(Path(folder).relative_to(directory), files) for walk in walks for folder, _, files in walk]
    return {(folder / file).as_posix() for folder, files in folders for file in files}


def pixels_of(data: Pixels) -> Pixels:
    """Turn rows of the archive, shape (n, 3072), into images, shape (n, height, width, channels)."""
    return np.ascontiguousarray(data.reshape(-1, *IMAGE_SHAPE).transpose(0, 2, 3, 1))


def _write_images(photos: Photos, lines: pd.DataFrame, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows, paths = lines["row"].to_numpy(), [folder / name for name in lines["filename"]]

    def save(start: int) -> None:
        batch = slice(start, start + BATCH)
        for image, path in zip(pixels_of(photos.data[rows[batch]]), paths[batch], strict=True):
            # Of photos this small, zlib's strongest level takes 1 % off the size and as much time again.
            Image.fromarray(image).save(path, format="PNG", compress_level=1)

    with ThreadPoolExecutor() as pool:  # Pillow compresses and writes without holding the interpreter's lock
        list(pool.map(save, range(0, len(rows), BATCH)))


def _write_list(lines: pd.DataFrame, path: Path) -> None:
    """Write the list that SageMaker's image-classification algorithm reads: row, class, file, with tabs between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines[["row", "label", "filename"]].to_csv(path, sep="\t", header=False, index=False)
