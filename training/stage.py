"""Step `stage`: take the photos of the classes out of an archive or a directory, onto the disk and into the bucket."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from training.config import PUBLIC_ARCHIVE_MD5, PUBLIC_ARCHIVE_URL
from training.context import Context
from training.dataset import archive, download, files, outcomes, overview, own_photos, sample, selection
from training.dataset.choice import Shares
from training.dataset.upload import Upload
from training.errors import ArchiveError, ArchiveUnavailableError, DatasetError
from training.options import DEFAULT_CLASSES, TEST_SHARE, StageOptions
from training.results import Dataset

CACHE = Path("runs") / "archives"  # shared by all stacks
SAMPLE = "sample"  # as the archive: the drawings that this project makes itself
SHEET = "samples.png"
FEW_PHOTOS = 50  # training photos of a class; with fewer, stage warns


@dataclass(frozen=True)
class Staged:
    """A dataset on this machine."""

    index: pd.DataFrame
    classes: tuple[str, ...]  # in label order
    fingerprint: str


def stage(context: Context, options: StageOptions) -> Dataset:
    """Write the dataset to `<directory>/dataset` and make the bucket match it; unchanged files are left alone.

    Raises:
        ArchiveError: The archive is missing, damaged or unsafe.
        DatasetError: The classes or photos cannot be made into a dataset.
        StackError: The bucket cannot be listed or written.
    """
    refuse_mixture(options)
    directory = context.directory / "dataset"
    with Upload(directory, context.stack.bucket, context.clients.s3, context.console) as uploading:
        staged = from_directory(context, options) if options.images else from_archive(context, options, uploading)
        uploaded = uploading.finish()
    index = staged.index
    overview.sample_sheet(directory, index).save(directory / SHEET)
    context.console.print(overview.table(index, options.side))
    context.console.print(f"Samples: {directory / SHEET}")
    warn_of_few_photos(index, context.console)
    context.console.print(
        f"Upload: {uploaded.sent} files sent ({uploaded.bytes / 1e6:.1f} MB), "
        f"{uploaded.unchanged} unchanged, {uploaded.deleted} stale ones deleted"
    )
    images = index["split"].value_counts()
    return Dataset(
        directory=str(directory),
        bucket=context.stack.bucket,
        classes=staged.classes,
        image_shape=(3, options.side, options.side),
        train=int(images["train"]),
        validation=int(images["validation"]),
        test=int(images["test"]),
        fingerprint=staged.fingerprint,
    )


def refuse_mixture(options: StageOptions) -> None:
    """Raise for an option that would have no effect.

    Raises:
        DatasetError: An option of a directory goes with an archive, or the other way around.
    """
    if options.images and options.archive_checksum:
        raise DatasetError("--archive-checksum is about an archive: leave it out with --images.")
    if not options.images and (options.test_share is not None or options.keep_duplicates):
        raise DatasetError(
            "--test-share and --keep-duplicates are about a directory of photos (--images): "
            "an archive has test photos of its own, and all of its photos are used."
        )


def from_archive(context: Context, options: StageOptions, uploading: Upload) -> Staged:
    """Make the dataset of an archive's photos and send it meanwhile, unless it is on this machine already."""
    path, directory = find_archive(options, context.console), context.directory / "dataset"
    (context.directory / outcomes.FILENAME).unlink(missing_ok=True)  # an earlier dataset's, of a directory
    classes = options.classes or DEFAULT_CLASSES
    made_from = (classes, options.validation_share, options.seed, options.side)
    if files.is_finished(directory):
        fingerprint = files.fingerprint(files.sha256(path), *made_from)
        index = files.load(directory, fingerprint)
        if index is not None:
            return Staged(index, classes, fingerprint)
    contents = read_archive(path, options)
    fingerprint = files.fingerprint(contents.sha256, *made_from)
    index = selection.select(contents, classes, options.validation_share, options.seed)
    uploading.begin([*files.keys(index)])
    files.write_dataset(
        index, directory, fingerprint, files.image_writer(contents, directory, options.side, uploading.send)
    )
    return Staged(index, classes, fingerprint)


def from_directory(context: Context, options: StageOptions) -> Staged:
    """Make the dataset of a directory's photos, unless it is on this machine already."""
    wanted = own_photos.Wanted(
        directory=Path(str(options.images)),
        classes=options.classes,
        side=options.side,
        shares=Shares(options.test_share or TEST_SHARE, options.validation_share, options.seed),
        keep_duplicates=options.keep_duplicates,
    )
    own = own_photos.make_dataset(wanted, context.directory, context.console)
    context.console.print(f"Outcome of every file: {context.directory / outcomes.FILENAME}")
    return Staged(own.index, own.classes, own.fingerprint)


def warn_of_few_photos(index: pd.DataFrame, console: Console) -> None:
    if few := few_photos(index):
        named = ", ".join(f"{name} {count}" for name, count in few.items())
        console.print(
            f"Warning: fewer than {FEW_PHOTOS} training photos of {named}: add photos, or expect many mistakes there.",
            style="yellow",
            markup=False,
            highlight=False,
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


def read_archive(path: Path, options: StageOptions) -> archive.Archive:
    """Read an archive; a download that cannot be read is removed.

    Raises:
        ArchiveError: It cannot be read.
    """
    try:
        return archive.read(path)
    except ArchiveError:
        if download.is_url(options.archive):
            path.unlink(missing_ok=True)  # or the next run would read the same bytes again
        raise
