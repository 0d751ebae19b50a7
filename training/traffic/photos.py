"""The photos that are sent, before anything is done to them: the staged test photos, or a directory of own ones."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from training.config import local_path
from training.context import Context
from training.dataset.index import read_index
from training.errors import TrafficError
from training.results import Dataset, load

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")  # of own photos that are sent
MOST_PHOTOS = 1_000  # that are different
MOST_BYTES = 256 << 20  # of all of them: each is kept in memory, once for each change


class Photo(NamedTuple):
    """A photo that may be sent many times."""

    name: str
    class_name: str  # "" where nobody knows it
    content: bytes

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix.lower()


class File(NamedTuple):
    """A photo that has not been read."""

    name: str
    class_name: str
    path: Path


def read(context: Context, directory: str | None, generator: np.random.Generator) -> list[Photo]:
    """Return photos in random order, of each class about as many as of the others.

    Args:
        directory: Of own photos; None for the test photos of the last stage.

    Raises:
        StepNotRunError: There are no test photos, because nothing was staged.
        TrafficError: The directory has no photos, or a photo cannot be read.
    """
    files = list(staged(context) if directory is None else own(Path(directory)))
    if not files:
        raise TrafficError(
            f"There is no photo in {directory or 'the test split'}: photos are files that end in {', '.join(SUFFIXES)}."
        )
    found: list[Photo] = []
    size = 0
    for file in in_turns(files, generator):
        content = read_file(file.path)
        size += len(content)
        if found and (len(found) >= MOST_PHOTOS or size > MOST_BYTES):
            break
        found.append(Photo(file.name, file.class_name, content))
    return found


def staged(context: Context) -> Iterator[File]:
    """Yield the test photos of the last stage, from this machine."""
    dataset = load(context.directory, "stage", Dataset)
    index = read_index(dataset.directory)
    for row in index[index["split"] == "test"].to_dict("records"):
        yield File(row["filename"], row["class_name"], local_path(dataset.directory, row["s3_key"]))


def own(directory: Path) -> Iterator[File]:
    """Yield the photos of a directory, by name; the first folder of each is its class."""
    if not directory.is_dir():
        raise TrafficError(f"There is no directory {directory}: correct the path of --photos.")
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        if path.suffix.lower() in SUFFIXES and path.is_file() and not any(part.startswith(".") for part in name.parts):
            yield File(name.as_posix(), name.parts[0] if len(name.parts) > 1 else "", path)


def in_turns(files: Iterable[File], generator: np.random.Generator) -> Iterator[File]:
    """Yield all files: one of each class, then the next of each, and within a class in random order."""
    classes: dict[str, list[File]] = defaultdict(list)
    for file in files:
        classes[file.class_name].append(file)
    shuffled = [[group[number] for number in generator.permutation(len(group))] for group in classes.values()]
    for turn in range(max(map(len, shuffled))):
        yield from (group[turn] for group in shuffled if turn < len(group))


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise TrafficError(
            f"The photo {path} cannot be read ({err.strerror}): run the step stage again, or correct --photos."
        ) from err
