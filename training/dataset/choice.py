"""Chooses among the photos of folders: which are used, and in which split each is."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from training.config import image_key
from training.dataset.decoding import Refusal
from training.dataset.folders import LeftOut, Photo
from training.dataset.index import COLUMNS
from training.dataset.lookalikes import Look, Looks
from training.dataset.selection import file_names
from training.errors import DatasetError

LEAST_PHOTOS = 10  # of a class; of fewer, one photo would be a fifth or more of its accuracy on test photos
DUPLICATE, TWO_CLASSES = "duplicate", "in two classes"


@dataclass(frozen=True)
class Shares:
    """How the photos of a class are split."""

    test: float  # of the photos, in (0, 1)
    validation: float  # of the photos that are not test photos, in (0, 1)
    seed: int


@dataclass(frozen=True)
class Candidate:
    """A photo, the digest of its content, and what decoding it gave."""

    photo: Photo
    digest: str
    outcome: Look | Refusal


def left_out(photo: Photo, refusal: Refusal) -> LeftOut:
    return LeftOut(photo.name, photo.class_name, refusal.reason, refusal.detail)


def usable(candidates: Sequence[Candidate], keep_duplicates: bool) -> tuple[list[Candidate], list[LeftOut]]:
    """Return the photos that are used, and why the others are not.

    Of photos that look the same, the first is used; when they are in two classes, none is, because nobody can tell
    which class is right. So no photo that is used looks like another, and none of the test photos like a training one.

    Args:
        keep_duplicates: Use photos that look the same too, unless their bytes are the same.
    """
    looks, firsts = Looks(len(candidates)), list[Candidate]()
    by_digest: dict[str, Candidate] = {}
    duplicates: list[tuple[Candidate, Candidate]] = []
    refused: list[LeftOut] = []
    for candidate in candidates:
        if not isinstance(candidate.outcome, Look):
            refused.append(left_out(candidate.photo, candidate.outcome))
            continue
        first = by_digest.get(candidate.digest)
        if first is None and not keep_duplicates and (number := looks.find(candidate.outcome)) is not None:
            first = firsts[number]
        if first is not None:
            duplicates.append((candidate, first))
            continue
        by_digest[candidate.digest] = candidate
        looks.add(candidate.outcome)
        firsts.append(candidate)
    contested = {first.photo for later, first in duplicates if later.photo.class_name != first.photo.class_name}
    refused += _refusals(duplicates, contested)
    return [first for first in firsts if first.photo not in contested], refused


def _refusals(duplicates: Sequence[tuple[Candidate, Candidate]], contested: set[Photo]) -> list[LeftOut]:
    """Return a line for each later photo, and one for each first photo that is also in another class."""
    refused = []
    others: dict[Photo, str] = {}
    for later, first in duplicates:
        photo, original = later.photo, first.photo
        if original not in contested:
            refused.append(left_out(photo, Refusal(DUPLICATE, f"It looks like {original.name}, which is used.")))
            continue
        if photo.class_name != original.class_name:
            others.setdefault(original, photo.name)
        refused.append(left_out(photo, Refusal(TWO_CLASSES, f"It looks like {original.name}: keep one of them.")))
    for original, name in others.items():
        refused.append(left_out(original, Refusal(TWO_CLASSES, f"It looks like {name}: keep one of them.")))
    return refused


def refuse_few(classes: Sequence[str], used: Iterable[Candidate], refused: Iterable[LeftOut], report: str) -> None:
    """Raise when a class has too few photos to train, validate and test with.

    Args:
        report: Where the outcome of each photo can be read.

    Raises:
        DatasetError: It has; the sentence names the classes with their numbers.
    """
    counts = dict.fromkeys(classes, 0)
    for candidate in used:
        counts[candidate.photo.class_name] += 1
    lost = pd.Series([line.class_name for line in refused], dtype=object).value_counts()
    few = [
        f"{name} has {count} ({lost.get(name, 0)} left out)" for name, count in counts.items() if count < LEAST_PHOTOS
    ]
    if few:
        raise DatasetError(
            f"A class needs {LEAST_PHOTOS} usable photos, but {', '.join(few)}: add photos, or choose other classes "
            f"with --classes. {report} says why photos were left out."
        )


def split(classes: Sequence[str], used: Sequence[Candidate], shares: Shares) -> pd.DataFrame:
    """Return one line for each photo with the columns of `index.COLUMNS`; `row` is the place in `used`.

    The order in which photos go to test, validation and training follows from the digests of their contents: when
    photos are added, nearly all others stay where they are.
    """
    table = pd.DataFrame(
        {
            "row": range(len(used)),
            "class_name": [candidate.photo.class_name for candidate in used],
            "order": [_order(candidate.digest, shares.seed) for candidate in used],
        }
    )
    table["label"] = table["class_name"].map({name: label for label, name in enumerate(classes)}).astype(int)
    names = [f"{candidate.photo.class_name}_{_stem(candidate.photo)}" for candidate in used]
    table["filename"] = file_names(names, range(len(used)))
    table["split"] = _splits(table, shares)
    table["s3_key"] = [image_key(split, name) for split, name in zip(table["split"], table["filename"], strict=True)]
    return table[[*COLUMNS]]


def _order(digest: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {digest}".encode()).digest()[:7])


def _stem(photo: Photo) -> str:
    return photo.name.rpartition("/")[2].rpartition(".")[0] or photo.name.rpartition("/")[2]


def _splits(table: pd.DataFrame, shares: Shares) -> "pd.Series[str]":
    """Return the split of each line: of each class, test photos come first, then validation, then training photos."""
    of_class = table.groupby("label")["order"]
    place, count = of_class.rank(method="first").astype(int) - 1, of_class.transform("size").astype(int)
    test = (shares.test * count).round().astype(int).clip(1, count - 2)
    validation = (shares.validation * (count - test)).round().astype(int).clip(1, count - test - 1)
    splits = pd.Series("train", index=table.index)
    splits[place < test + validation] = "validation"
    splits[place < test] = "test"
    return splits
