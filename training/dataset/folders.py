"""Finds the photos in a directory that has one folder for each class. The directory is only read.

Photos may lie in folders within a class's folder. Names that begin with a dot are ignored. Links to folders are not
followed, and links to files only where they stay in the directory: another's collection must not publish the files of
this machine.
"""

import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.dataset.selection import label_numbers
from training.errors import DatasetError

MOST_FILE_BYTES = 100_000_000  # of a photo; phones write up to 30 MB
SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing", "holdout"}

NO_CLASS, LINK, UNREADABLE, TOO_LARGE = "no class", "link", "unreadable", "too large"


@dataclass(frozen=True)
class Photo:
    """A file in the folder of a class; whether it is a photo is not known yet."""

    name: str  # relative to the directory, with "/" between the folders, as UTF-8
    class_name: str
    path: Path


@dataclass(frozen=True)
class LeftOut:
    """A file that does not go into the dataset."""

    name: str
    class_name: str  # "" for a file that lies in no class's folder
    reason: str  # a word or two, to count by
    detail: str  # a sentence


@dataclass(frozen=True)
class Found:
    """What a directory holds."""

    classes: tuple[str, ...]  # in label order
    photos: tuple[Photo, ...]  # by label, then by name
    left_out: tuple[LeftOut, ...]


def find(directory: Path, classes: Sequence[str]) -> Found:
    """Return the files of `classes`; without any, those of all folders, whose names in alphabetical order are labels.

    Raises:
        DatasetError: The directory is missing or unreadable, or its folders are not two classes or more.
    """
    entries = _entries(directory)
    folders = _folders(directory, entries)
    chosen = tuple(classes or sorted(folders))
    label_numbers(sorted(folders), chosen, where=f"The directory {directory}")
    root = directory.resolve()
    found = [item for name in chosen for item in sorted(_walk(folders[name], name, root), key=lambda item: item.name)]
    beside = [_beside(entry) for entry in entries if not _is_folder(entry)]
    return Found(
        classes=chosen,
        photos=tuple(item for item in found if isinstance(item, Photo)),
        left_out=(*(item for item in found if isinstance(item, LeftOut)), *beside),
    )


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    """Return what the directory itself holds, by name, under paths without links."""
    try:
        return _listed(directory.resolve())
    except FileNotFoundError as err:
        raise DatasetError(f"There is no directory {directory}: correct the path of --images.") from err
    except NotADirectoryError as err:
        raise DatasetError(
            f"{directory} is a file: --images takes a directory with one folder of photos for each class."
        ) from err
    except OSError as err:
        raise DatasetError(
            f"The directory {directory} cannot be read ({err.strerror}): change its permissions."
        ) from err


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    """Return what a folder holds, by name, without names that begin with a dot."""
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _folders(directory: Path, entries: Iterable[os.DirEntry[str]]) -> dict[str, Path]:
    """Return the folders of the classes by their names, which may come from file systems that compose accents."""
    folders: dict[str, Path] = {}
    for entry in filter(_is_folder, entries):
        name = unicodedata.normalize("NFC", _as_utf8(entry.name))
        if name in folders:
            raise DatasetError(f"{directory} has two folders that read {name}: rename one of them.")
        folders[name] = Path(entry.path)
    if not folders:
        raise DatasetError(
            f"{directory} has no folders: put the photos of each class into a folder that is named after the class; "
            "links to folders are not followed."
        )
    if {name.lower() for name in folders} <= SPLIT_NAMES:
        named = ", ".join(sorted(folders))
        raise DatasetError(
            f"The folders of {directory} are called {named}, which are splits, not classes: "
            f"pass one of them, such as {folders[min(folders)]}; stage splits the photos itself."
        )
    return folders


def _beside(entry: os.DirEntry[str]) -> LeftOut:
    name = _as_utf8(entry.name)
    if entry.is_symlink() and entry.is_dir():
        return LeftOut(name, "", LINK, "Links to folders are not followed: copy the folder.")
    return LeftOut(name, "", NO_CLASS, "The file lies beside the folders of the classes: move it into one.")


def _walk(folder: Path, class_name: str, root: Path) -> Iterator[Photo | LeftOut]:
    """Yield each file below a class's folder, in no particular order."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            entries = _listed(here)
        except OSError as err:
            yield LeftOut(_name(here, root), class_name, UNREADABLE, f"The folder cannot be read: {err.strerror}.")
            continue
        waiting += [Path(entry.path) for entry in entries if _is_folder(entry)]
        for entry in entries:
            if not _is_folder(entry):
                path = Path(entry.path)
                name = _name(path, root)
                refusal = _refusal(path, root)
                yield LeftOut(name, class_name, *refusal) if refusal else Photo(name, class_name, path)


def _refusal(path: Path, root: Path) -> tuple[str, str] | None:
    """Return why a file is not opened, as reason and sentence; None for a file to open."""
    try:
        if path.is_symlink() and not path.resolve(strict=True).is_relative_to(root):
            return LINK, "The link leads out of the directory: copy the photo into it."
        found = path.stat()
    except (OSError, RuntimeError) as err:  # Python 3.11 and 3.12 raise RuntimeError for a circle of links
        return UNREADABLE, f"The file cannot be found: {getattr(err, 'strerror', None) or 'its links form a circle'}."
    if stat.S_ISDIR(found.st_mode):
        return LINK, "Links to folders are not followed: copy the folder."
    if not stat.S_ISREG(found.st_mode):
        return UNREADABLE, "This is no file, but a pipe, a socket or a device."
    if found.st_size > MOST_FILE_BYTES:
        return TOO_LARGE, f"The file has {found.st_size:,} bytes; at most {MOST_FILE_BYTES:,} are read."
    return None


def _name(path: Path, root: Path) -> str:
    return _as_utf8(path.relative_to(root).as_posix())


def _as_utf8(name: str) -> str:
    """Return a file's name with a mark in place of each byte that is not UTF-8: it goes into tables and JSON."""
    return os.fsencode(name).decode(errors="replace")
