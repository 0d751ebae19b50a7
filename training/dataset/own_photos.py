"""Makes a dataset from a directory of photos with one folder for each class."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from training.config import local_path
from training.dataset import choice, decoding, files, outcomes
from training.dataset.choice import Candidate, Shares
from training.dataset.decoding import Refusal, Store, decode_photos
from training.dataset.digests import digests
from training.dataset.folders import UNREADABLE, Found, find
from training.dataset.lookalikes import Look

DIGESTS, DECODED = "digests.json", "decoded"  # below the run's directory
VERSION = 1  # of the choice among the photos; another number makes each dataset anew


@dataclass(frozen=True)
class Wanted:
    """Which photos to use, and how."""

    directory: Path
    classes: tuple[str, ...]  # in label order; none: the names of all folders, in alphabetical order
    side: int  # pixels, width and height of a photo in the dataset
    shares: Shares
    keep_duplicates: bool


@dataclass(frozen=True)
class OwnPhotos:
    """A dataset on disk, and what became of each file."""

    index: pd.DataFrame
    classes: tuple[str, ...]  # in label order
    fingerprint: str
    outcomes: pd.DataFrame  # `outcomes.COLUMNS`


def make_dataset(wanted: Wanted, run_directory: Path, console: Console) -> OwnPhotos:
    """Make `<run directory>/dataset` hold the photos, unless it does already; the photos' directory is only read.

    What became of each file is written to `<run directory>/photos.csv`, also when there are too few photos; what was
    left out is shown on the console.

    Raises:
        DatasetError: The directory cannot be read, or has too few classes, or too few photos of one.
    """
    found = find(wanted.directory, wanted.classes)
    contents = digests([photo.path for photo in found.photos], run_directory / DIGESTS)
    fingerprint = _fingerprint(wanted, found, contents)
    index, table = files.load(run_directory / "dataset", fingerprint), outcomes.read(run_directory)
    if index is not None and table is not None:
        outcomes.show(table, console)
        return OwnPhotos(index, found.classes, fingerprint, table)
    store = Store(run_directory / DECODED, wanted.side)
    candidates = _decode(found, contents, store, console)
    used, refused = choice.usable(candidates, wanted.keep_duplicates)
    refused = [*refused, *found.left_out]
    files.forget(run_directory / "dataset")  # the table is not of that dataset from here on
    report = outcomes.write(outcomes.tabulate(refused), run_directory)
    outcomes.show(outcomes.tabulate(refused), console)
    choice.refuse_few(found.classes, used, refused, str(report))
    index = choice.split(found.classes, used, wanted.shares)
    table = outcomes.tabulate(refused, used, index)
    outcomes.write(table, run_directory)
    _write(index, used, store, run_directory / "dataset", fingerprint)
    return OwnPhotos(index, found.classes, fingerprint, table)


def _fingerprint(wanted: Wanted, found: Found, contents: Sequence[str]) -> str:
    """Return a digest of everything that the dataset and the table of outcomes are made from."""
    photos = [(photo.name, content) for photo, content in zip(found.photos, contents, strict=True)]
    choices = [found.classes, wanted.side, astuple(wanted.shares), wanted.keep_duplicates]
    made_from = [files.FORMAT, VERSION, decoding.VERSION, choices, photos, [astuple(line) for line in found.left_out]]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


def _decode(found: Found, contents: Sequence[str], store: Store, console: Console) -> list[Candidate]:
    """Decode each content once, and keep only what was decoded now or earlier for these photos."""
    paths = {content: photo.path for photo, content in zip(found.photos, contents, strict=True) if content}
    decoded: dict[str, Look | Refusal] = {"": Refusal(UNREADABLE, "The file cannot be read: change its permissions.")}
    decoded |= decode_photos(paths, store, console)
    store.keep_only(set(paths))
    return [Candidate(photo, content, decoded[content]) for photo, content in zip(found.photos, contents, strict=True)]


def _write(index: pd.DataFrame, used: Sequence[Candidate], store: Store, directory: Path, fingerprint: str) -> None:
    """Copy the decoded photos to where their keys say: a link could let a later dataset change the stored photo."""

    def copy(lines: pd.DataFrame) -> None:
        for row, key in zip(lines["row"], lines["s3_key"], strict=True):
            shutil.copyfile(store.path(used[row].digest), local_path(directory, key))

    files.write_dataset(index, directory, fingerprint, copy)
