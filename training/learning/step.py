"""`train --with-reviewed`: make the dataset of the staged photos and the reviewed ones."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

import pandas as pd

from training import atomic
from training.config import image_key, local_path
from training.context import Context
from training.csv_files import write_csv
from training.dataset import files, outcomes
from training.dataset.choice import Candidate
from training.dataset.decoding import Store
from training.dataset.folders import LeftOut
from training.dataset.upload import upload
from training.errors import DatasetError, StepNotRunError
from training.learning import reviewed
from training.learning.reviewed import Base
from training.results import Dataset
from training.review import answers

VERSION = 1  # of how reviewed photos are added; another number makes another dataset of the same ones
SIDECAR = "reviewed.json"  # in the dataset's directory: what it was before photos were added
REVIEW_FIRST = "run `python training/run.py review`"


def add_reviewed(context: Context, dataset: Dataset) -> Dataset:
    """Return the staged dataset with all reviewed photos in its training split, on this machine and in the bucket.

    Validation and test photos stay as they are, so that a model of it is compared with earlier ones on the same test
    photos. Writes `<directory>/learn/reviewed.csv`: what became of each answer.

    Raises:
        DatasetError: There is no reviewed photo to train on.
        StepNotRunError: The staged photos are not on this machine.
        ReviewError: The answers cannot be read.
    """
    given = answers.read(context.directory)
    if not len(given):
        raise DatasetError(f"There are no reviewed photos to train with: {REVIEW_FIRST} first.")
    base = staged(dataset)
    store = Store(context.directory / "learn" / "decoded", dataset.image_shape[1])
    used, left_out = reviewed.usable(context, given, base, store)
    report = write_outcomes(context, used, left_out)
    if not used:
        why = reviewed.reasons(left_out)
        raise DatasetError(f"None of the {len(given)} reviewed photos can be trained with ({why}): {report} says more.")
    used = sorted(used, key=lambda candidate: candidate.digest)
    fingerprint = fingerprint_of(base, used)
    if fingerprint != dataset.fingerprint:
        write(base, used, store, dataset.fingerprint)
    upload(base.directory, context.stack.bucket, context.clients.s3, context.console)
    tell(context, dataset, used, left_out)
    train = int((base.index["split"] == "train").sum()) + len(used)
    return replace(dataset, train=train, reviewed=len(used), fingerprint=fingerprint)


def staged(dataset: Dataset) -> Base:
    """Return the dataset as it was before reviewed photos were added.

    Raises:
        StepNotRunError: It is not on this machine as it was staged.
    """
    directory = Path(dataset.directory)
    added = read_sidecar(directory)
    if added is None or dataset.fingerprint not in added.known:
        added = Added(dataset.fingerprint, dataset.fingerprint, dataset.fingerprint, ())
    index = files.load(directory, added.fingerprint)
    if index is None and dataset.fingerprint == added.base:  # `stage` has run again
        added = Added(dataset.fingerprint, dataset.fingerprint, dataset.fingerprint, ())
        index = files.load(directory, dataset.fingerprint)
    if index is None:
        raise StepNotRunError(
            f"{directory} no longer holds the staged photos: run `python training/run.py stage` again."
        )
    before = index[~index["s3_key"].isin(added.keys)].reset_index(drop=True)
    return Base(directory, dataset.classes, before, added.base)


@dataclass(frozen=True)
class Added:
    """What was added to a dataset, kept beside it; its fingerprints are the dataset's."""

    base: str  # before any photo was added
    before: str  # before these were: a run that is interrupted goes on with it
    fingerprint: str  # with them
    keys: tuple[str, ...]  # of the added photos

    @property
    def known(self) -> tuple[str, ...]:
        return self.base, self.before, self.fingerprint


def read_sidecar(directory: Path) -> Added | None:
    try:
        found = json.loads((directory / SIDECAR).read_bytes())
        return Added(found["base"], found["before"], found["fingerprint"], tuple(found["keys"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def fingerprint_of(base: Base, used: Sequence[Candidate]) -> str:
    """Return a digest of everything that the dataset is made from: the staged one, and photos with their answers."""
    photos = sorted((candidate.digest, candidate.photo.class_name) for candidate in used)
    return hashlib.sha256(json.dumps([VERSION, base.fingerprint, photos]).encode()).hexdigest()


def write(base: Base, used: Sequence[Candidate], store: Store, before: str) -> None:
    """Write the dataset with the added photos; the staged ones are on the disk.

    Args:
        before: The fingerprint of the dataset that it replaces.
    """
    added = lines_of(base, used)
    sources = dict(zip(added["s3_key"], (store.path(candidate.digest) for candidate in used), strict=True))

    def copy(lines: pd.DataFrame) -> None:
        for key in sources.keys() & set(lines["s3_key"]):
            shutil.copyfile(sources[key], local_path(base.directory, key))

    files.forget(base.directory)  # a crash from here on leaves no dataset: `stage` makes it anew
    fingerprint = fingerprint_of(base, used)
    sidecar = Added(base.fingerprint, before, fingerprint, tuple(sources))
    atomic.write_text(base.directory / SIDECAR, json.dumps(asdict(sidecar)))
    files.write_dataset(pd.concat([base.index, added], ignore_index=True), base.directory, fingerprint, copy)


def lines_of(base: Base, used: Sequence[Candidate]) -> pd.DataFrame:
    """Return the added photos' lines of the index; their row numbers go on after the staged ones."""
    names = [candidate.photo.class_name for candidate in used]
    filenames = [f"reviewed_{candidate.digest[:24]}.png" for candidate in used]
    first = int(base.index["row"].max()) + 1
    return pd.DataFrame(
        {
            "split": "train",
            "filename": filenames,
            "label": [base.classes.index(name) for name in names],
            "class_name": names,
            "row": range(first, first + len(used)),
            "s3_key": [image_key("train", filename) for filename in filenames],
        }
    )[[*base.index.columns]]


def write_outcomes(context: Context, used: Sequence[Candidate], left_out: Sequence[LeftOut]) -> Path:
    """Write what became of each answer; returns the file."""
    path = context.directory / "learn" / "reviewed.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [(candidate.photo.name, candidate.photo.class_name, "train", "", "") for candidate in used]
    lines += [
        (name, answer, outcomes.LEFT_OUT, reason, detail) for name, answer, reason, detail in map(astuple, left_out)
    ]
    write_csv(pd.DataFrame(lines, columns=["photo", "answer", "outcome", "reason", "detail"], dtype=object), path)
    return path


def tell(context: Context, dataset: Dataset, used: Sequence[Candidate], left_out: list[LeftOut]) -> None:
    names = [candidate.photo.class_name for candidate in used]
    counts = ", ".join(f"{name} {names.count(name)}" for name in dataset.classes)
    added = f"Reviewed photos in the training split: {len(used)} ({counts})"
    context.console.print(f"{added}; left out: {reviewed.reasons(left_out) or 'none'}.", highlight=False)
