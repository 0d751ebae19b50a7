"""Which reviewed photos can be trained on: their answer is a class, and they look like no photo of the dataset."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from botocore.exceptions import ClientError
from PIL import Image

from training import atomic
from training.config import image_prefix, local_path
from training.context import Context
from training.dataset import choice
from training.dataset.choice import Candidate
from training.dataset.decoding import Store, decode_photos
from training.dataset.folders import LeftOut, Photo
from training.dataset.lookalikes import Look, Looks, look_of
from training.review.answers import photo_path

NO_CLASS, TEST_PHOTO, IN_DATASET, GONE = "no class of the dataset", "test photo", "in the dataset", "cannot be fetched"


@dataclass(frozen=True)
class Base:
    """A dataset as it was before reviewed photos were added."""

    directory: Path
    classes: tuple[str, ...]  # in label order
    index: pd.DataFrame
    fingerprint: str


def usable(context: Context, answers: pd.DataFrame, base: Base, store: Store) -> tuple[list[Candidate], list[LeftOut]]:
    """Return the photos to train on, each once, and why the other answers are left out.

    A photo that looks like a test photo is never trained on, under whatever name it came; nor are two that look the
    same and have different answers, as when a dataset is staged.

    Args:
        answers: Of `review.answers.read`.
        store: Keeps the decoded photos.
    """
    left_out: list[LeftOut] = []
    photos: list[Photo] = []
    for row in answers.to_dict("records"):
        found = photo_of(context, row, base.classes)
        (photos if isinstance(found, Photo) else left_out).append(found)  # type: ignore[arg-type]  # by its own type
    digests = {photo.path: hashlib.sha256(photo.path.read_bytes()).hexdigest() for photo in photos}
    decoded = decode_photos({digest: path for path, digest in digests.items()}, store, context.console)
    candidates = [Candidate(photo, digests[photo.path], decoded[digests[photo.path]]) for photo in photos]
    distinct, duplicates = choice.usable(candidates, keep_duplicates=False)
    known = Known(base)
    found_again = [known.find(candidate) for candidate in distinct]
    used = [candidate for candidate, again in zip(distinct, found_again, strict=True) if again is None]
    return used, [*left_out, *duplicates, *(again for again in found_again if again)]


def photo_of(context: Context, row: Mapping[Any, Any], classes: tuple[str, ...]) -> Photo | LeftOut:
    """Return the file of a reviewed photo with its answer as class, or why there is none."""
    name, answer = row["s3_key"] or row["event_id"], row["answer"]
    if answer not in classes:
        return LeftOut(name, answer, NO_CLASS, f"The answer is {answer}.")
    if row["s3_key"].startswith(image_prefix("test")):
        return LeftOut(name, answer, TEST_PHOTO, "Models are compared on it.")
    path = photo_path(context.directory, row["event_id"])
    if not path.exists():
        try:
            fetch(context, row, path)
        except (ClientError, LookupError) as err:
            return LeftOut(name, answer, GONE, str(err))
    return Photo(name, answer, path)


def fetch(context: Context, row: Mapping[Any, Any], path: Path) -> None:
    """Write the object that was classified to where a review would have kept it.

    Raises:
        LookupError: Nobody knows the object's key.
        ClientError: The object is gone, or must not be read.
    """
    if not row["s3_key"]:
        raise LookupError("Its key is not known, and no review has kept it.")
    version = {"VersionId": row["version"]} if row["version"] else {}
    body = context.clients.s3.get_object(Bucket=context.stack.bucket, Key=row["s3_key"], **version)["Body"].read()
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, body)


class Known:
    """The photos of a dataset, by their looks."""

    def __init__(self, base: Base) -> None:
        """Read all photos of the dataset."""
        self._keys, self._splits = base.index["s3_key"].tolist(), base.index["split"].tolist()
        self._looks = Looks(len(base.index))
        with ThreadPoolExecutor() as pool:  # Pillow decodes without holding the interpreter's lock
            for look in pool.map(read_look, (local_path(base.directory, key) for key in self._keys)):
                self._looks.add(look)

    def find(self, candidate: Candidate) -> LeftOut | None:
        """Return why a photo is left out, None for one that looks like none of the dataset."""
        assert isinstance(candidate.outcome, Look)
        number = self._looks.find(candidate.outcome)
        if number is None:
            return None
        reason = TEST_PHOTO if self._splits[number] == "test" else IN_DATASET
        photo = candidate.photo
        return LeftOut(photo.name, photo.class_name, reason, f"It looks like {self._keys[number]}.")


def read_look(path: Path) -> Look:
    with Image.open(path) as image:
        return look_of(np.asarray(image.convert("RGB")))


def reasons(left_out: list[LeftOut]) -> str:
    """Return how many were left out for which reason, the commonest first; "" for none."""
    counted = Counter(line.reason for line in left_out).most_common()
    return ", ".join(f"{count} {reason}" for reason, count in counted)
