"""Step `stage`: take the photos of the classes out of the archive, onto the disk and into the bucket."""

from pathlib import Path

import pandas as pd
from rich.console import Console

from training.config import PUBLIC_ARCHIVE_MD5, PUBLIC_ARCHIVE_URL
from training.context import Context
from training.dataset import archive, download, files, overview, sample, selection
from training.dataset.archive import IMAGE_SHAPE
from training.dataset.upload import upload
from training.errors import ArchiveError, ArchiveUnavailableError
from training.options import StageOptions
from training.results import Dataset

CACHE = Path("runs") / "archives"  # shared by all stacks
SAMPLE = "sample"  # as the archive: the drawings that this project makes itself
SHEET = "samples.png"
FEW_PHOTOS = 50  # training photos of a class; with fewer, stage warns


def stage(context: Context, options: StageOptions) -> Dataset:
    """Write the dataset to `<directory>/dataset` and make the bucket match it; unchanged files are left alone.

    Raises:
        ArchiveError: The archive is missing, damaged or unsafe.
        DatasetError: The classes cannot be made into a dataset.
        StackError: The bucket cannot be listed or written.
    """
    path = find_archive(options, context.console)
    directory = context.directory / "dataset"
    fingerprint = files.fingerprint(path, options.classes, options.validation_share, options.seed)
    index = files.load(directory, fingerprint)
    if index is None:
        index = write_dataset(path, options, directory, fingerprint)
    overview.sample_sheet(directory, index).save(directory / SHEET)
    context.console.print(overview.table(index))
    context.console.print(f"Samples: {directory / SHEET}")
    if few := few_photos(index):
        named = ", ".join(f"{name} {count}" for name, count in few.items())
        context.console.print(
            f"Warning: fewer than {FEW_PHOTOS} training photos of {named}: add photos, or expect many mistakes there.",
            style="yellow",
            markup=False,
            highlight=False,
        )
    uploaded = upload(directory, context.stack.bucket, context.clients.s3, context.console)
    context.console.print(
        f"Upload: {uploaded.sent} files sent ({uploaded.bytes / 1e6:.1f} MB), "
        f"{uploaded.unchanged} unchanged, {uploaded.deleted} stale ones deleted"
    )
    images = index["split"].value_counts()
    return Dataset(
        directory=str(directory),
        bucket=context.stack.bucket,
        classes=tuple(options.classes),
        image_shape=IMAGE_SHAPE,
        train=int(images["train"]),
        validation=int(images["validation"]),
        test=int(images["test"]),
        fingerprint=fingerprint,
    )


def few_photos(index: pd.DataFrame) -> dict[str, int]:
    """Return the number of training photos of each class that has too few to learn from, in label order."""
    counts = overview.counts(index)["train"]
    return {str(name): int(count) for name, count in counts.items() if count < FEW_PHOTOS}


def find_archive(options: StageOptions, console: Console) -> Path:
    """Return the local file of the archive: given, downloaded, or drawn.

    Raises:
        ArchiveError: The file is missing or has another checksum, or the URL cannot be fetched.
    """
    if options.archive == SAMPLE:
        return sample.write(CACHE)
    checksum = options.archive_checksum
    if options.archive == PUBLIC_ARCHIVE_URL and not checksum:
        checksum = f"md5:{PUBLIC_ARCHIVE_MD5}"
    try:
        return download.fetch(options.archive, checksum, CACHE, console)
    except ArchiveUnavailableError as err:
        if not options.sample_if_unavailable:
            raise
        console.print(str(err), style="yellow", highlight=False)
        console.print("The built-in sample is used instead: drawings, not photos.")
        return sample.write(CACHE)


def write_dataset(path: Path, options: StageOptions, directory: Path, fingerprint: str) -> pd.DataFrame:
    """Write the dataset of an archive to `directory` and return its index."""
    try:
        contents = archive.read(path)
    except ArchiveError:
        if download.is_url(options.archive):
            path.unlink(missing_ok=True)  # or the next run would read the same bytes again
        raise
    index = selection.select(contents, options.classes, options.validation_share, options.seed)
    files.write(contents, index, directory, fingerprint)
    return index
