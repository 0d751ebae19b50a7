"""The first step: the photos of the classes, out of the archive, onto the disk and into the bucket."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console

from training.config import Stack
from training.dataset import archive, files, overview, selection
from training.dataset.archive import IMAGE_SHAPE
from training.dataset.upload import upload
from training.results import Dataset

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SHEET = "samples.png"


def stage(
    stack: Stack,
    archive_path: Path,
    classes: Sequence[str],
    validation_share: float,
    seed: int,
    directory: Path,
    s3: "S3Client",
    console: Console,
) -> Dataset:
    """Make the dataset in `directory` and bring the stack's bucket to it; what is there already is left alone.

    Args:
        classes: Names of the archive, two or more, in label order.
        validation_share: Of each class's training photos, in (0, 1).

    Raises:
        ArchiveError: The archive is missing, damaged, or holds what it must not.
        DatasetError: The classes cannot be made into a dataset.
        StackError: The bucket cannot be listed or written.
    """
    fingerprint = files.fingerprint(archive_path, classes, validation_share, seed)
    index = _make(archive_path, classes, validation_share, seed, directory, fingerprint)
    overview.sample_sheet(directory, index).save(directory / SHEET)
    console.print(overview.table(index))
    console.print(f"Samples: {directory / SHEET}")
    uploaded = upload(directory, stack.bucket, s3, console)
    console.print(
        f"Upload: {uploaded.sent} files sent ({uploaded.bytes / 1e6:.1f} MB), "
        f"{uploaded.unchanged} unchanged, {uploaded.deleted} stale ones deleted"
    )
    images = index["split"].value_counts()
    return Dataset(
        directory=str(directory),
        bucket=stack.bucket,
        classes=tuple(classes),
        image_shape=IMAGE_SHAPE,
        train=int(images["train"]),
        validation=int(images["validation"]),
        test=int(images["test"]),
        fingerprint=fingerprint,
    )


def _make(
    path: Path, classes: Sequence[str], validation_share: float, seed: int, directory: Path, fingerprint: str
) -> pd.DataFrame:
    """Return the index of the dataset in `directory`, made now unless the very same one is there."""
    index = files.load(directory, fingerprint)
    if index is None:
        photos = archive.read(path)
        index = selection.select(photos, classes, validation_share, seed)
        files.write(photos, index, directory, fingerprint)
    return index
