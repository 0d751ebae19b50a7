"""Chooses the photos of a dataset: which classes, which split, under which names."""

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.config import image_key
from training.dataset.archive import Archive, LabelledRows
from training.dataset.index import COLUMNS
from training.errors import DatasetError

LONGEST_STEM = 100  # characters of a file's name; file systems take 255 bytes
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{device}{n}" for device in ("COM", "LPT") for n in range(1, 10))}  # Windows


def select(archive: Archive, classes: Sequence[str], validation_share: float, seed: int) -> pd.DataFrame:
    """Choose the photos of `classes` and hold a stratified share of the training photos out for validation.

    Args:
        classes: Names of the archive, two or more; their order is the order of the labels.
        validation_share: Of each class's training photos, in (0, 1); at least one is held out and one remains.

    Returns:
        One line per image with the columns of `index.COLUMNS`.

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
    index["s3_key"] = [image_key(split, name) for split, name in zip(index["split"], index["filename"], strict=True)]
    return index[[*COLUMNS]]


def label_numbers(class_names: Sequence[str], classes: Sequence[str], where: str = "The archive") -> list[int]:
    """Return the position of each of `classes` among `class_names`.

    Args:
        where: What has the class names, for the sentence of an error.

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
            raise DatasetError(f"{where} has no class {name!r}: the closest are {', '.join(close[:3])}.")
    return [class_names.index(name) for name in classes]


def _held_out(train: LabelledRows, name: str, number: int, share: float, seed: int) -> npt.NDArray[np.int64]:
    """Return the rows of one class that go to validation; which ones does not depend on the other classes."""
    rows = np.flatnonzero(train.labels == number)
    if len(rows) < 2:
        raise DatasetError(
            f"The class {name} has {len(rows)} training images in the archive: at least 2 are needed, "
            "one to train on and one to validate on."
        )
    count = min(max(1, round(share * len(rows))), len(rows) - 1)
    return np.random.default_rng([seed, number]).permutation(rows)[:count]


def _chosen(member: LabelledRows, classes: Sequence[str], numbers: Sequence[int]) -> pd.DataFrame:
    """Return row, label, class name and file name of the photos of `classes`, in the archive's order."""
    rows = np.flatnonzero(np.isin(member.labels, numbers))
    labels = [numbers.index(number) for number in member.labels[rows]]
    filenames = file_names([member.filenames[row] for row in rows], rows.tolist())
    names = [classes[label] for label in labels]
    return pd.DataFrame({"row": rows, "label": labels, "class_name": names, "filename": filenames})


def file_names(names: Iterable[str], rows: Iterable[int]) -> list[str]:
    """Return names that are safe as file names and S3 keys, end in .png, and differ even where case does not count.

    A name that is taken gets its row number. The rows differ, so a name has at most one row number more than
    `LONGEST_STEM` characters.
    """
    taken: set[str] = set()
    unique = []
    for name, row in zip(names, rows, strict=True):
        stem = _stem(name) or str(row)
        while stem.lower() in taken:
            stem = f"{stem}-{row}"
        taken.add(stem.lower())
        unique.append(f"{stem}.png")
    return unique


def _stem(name: str) -> str:
    """Return a file's name without folders and ending, ASCII only; "" when nothing is left."""
    base = PurePosixPath(name.replace("\\", "/")).name.removesuffix(".png")
    # A name that begins with "-" looks like an option to commands and like a formula to spreadsheets.
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", base[:LONGEST_STEM]).lstrip(".-").rstrip(".")
    return f"_{stem}" if stem.partition(".")[0].upper() in RESERVED else stem
