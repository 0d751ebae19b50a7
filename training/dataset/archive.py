"""Reads the photo archive without writing or running anything that is in it.

The archive is CIFAR-100's python version (https://www.cs.toronto.edu/~kriz/cifar.html): a tar.gz of pickles that
Python 2 wrote. A few kB can claim to hold gigabytes at every layer, so each has its limit.
"""

import io
import reprlib
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from training.dataset.unpacking import DamagedError, Unpacked
from training.dataset.unpickler import PickledArray, Unpickler
from training.errors import ArchiveError

IMAGE_SHAPE = (3, 32, 32)  # channels (red, green, blue), height, width in pixels: how a row of the archive is laid out
ROW_BYTES = 3072  # 3 x 32 x 32
MEMBERS = ("train", "test", "meta")
MOST_KEYS, MOST_QUOTED = 20, 100  # keys that a sentence names, characters that it quotes
MOST_MEMBERS = 1000  # of the tar file; the public archive has 5
MOST_HEADER_BYTES = 1 << 20  # of one header in the tar file
READ_AHEAD = 1 << 16  # bytes, of a member
MOST_BYTES = 256 << 20  # of an archive, packed or unpacked; the public one unpacks to 186 MB
INSTEAD = "use `--archive PATH` for a local file or `--archive sample` for the built-in sample"


@dataclass(frozen=True)
class LabelledRows:
    """The images and labels of one member of the archive."""

    data: npt.NDArray[np.uint8]  # (n, 3072): a plane of red, one of green, one of blue, each row by row
    labels: npt.NDArray[np.int64]  # (n,), positions in the archive's class names
    filenames: tuple[str, ...]  # as the archive gives them: neither safe nor unique


@dataclass(frozen=True)
class Archive:
    """The content of an archive."""

    train: LabelledRows
    test: LabelledRows
    class_names: tuple[str, ...]
    sha256: str  # of the file


def read(path: Path) -> Archive:
    """Read the photos and class names without extracting a file; the number of photos follows from the data.

    Raises:
        ArchiveError: The file is missing, damaged, incomplete or too large, or a member or pickle is unsafe.
    """
    try:
        with Unpacked(path) as unpacked:
            contents = _unpickle_members(_Limited(unpacked))
            sha256 = unpacked.sha256()
    except ArchiveError:
        raise
    except FileNotFoundError as err:
        raise ArchiveError(f"There is no archive at {path}: correct the path, or {INSTEAD}.") from err
    except Exception as err:  # a damaged archive raises anything, from DamagedError to RecursionError
        raise ArchiveError(
            f"{path} is truncated or not a tar.gz file ({_cut(err)}): fetch it again, or {INSTEAD}."
        ) from err
    missing = [name for name in MEMBERS if name not in contents]
    if missing:
        raise ArchiveError(f"{path} has no member {missing[0]}: it must hold <folder>/train, test and meta.")
    class_names = _strings(contents["meta"], "fine_label_names", "meta")
    train, test = (_labelled_rows(contents[name], name, len(class_names)) for name in ("train", "test"))
    return Archive(train, test, class_names, sha256)


class _Limited:
    """The tar file in a gzip file; it refuses to unpack too much, and headers that claim to be large."""

    def __init__(self, file: Unpacked) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """Return a part of a header: the content of members is read into the reader's own buffer."""
        if not 0 <= size <= MOST_HEADER_BYTES:  # a header can claim a negative size too (CVE-2025-8194)
            raise ArchiveError(f"The archive has a header of {size:,} bytes; at most {MOST_HEADER_BYTES:,} are read.")
        self._refuse(self._file.tell() + size)
        return self._file.read(size)

    def readinto(self, buffer: memoryview) -> int:
        self._refuse(self._file.tell() + len(buffer))
        return self._file.readinto(buffer)

    def seek(self, position: int) -> int:
        self._refuse(position)
        if position < self._file.tell():
            raise ArchiveError("The archive has members that overlap: refused.")
        self._file.skip(position - self._file.tell())
        return position

    def tell(self) -> int:
        return self._file.tell()

    def _refuse(self, position: int) -> None:
        if not 0 <= position <= MOST_BYTES:
            raise ArchiveError(f"The archive unpacks to more than {MOST_BYTES:,} bytes, the most that is read.")


class _Content(io.RawIOBase):
    """The content of the member at which a file is; tarfile's own reader copies it twice more."""

    def __init__(self, file: _Limited, size: int) -> None:
        self._file, self._left = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # whoever reads has such a buffer
        count = self._file.readinto(memoryview(buffer)[: self._left])
        self._left -= count
        return count


def _unpickle_members(unpacked: _Limited) -> dict[str, dict[str, Any]]:
    contents: dict[str, dict[str, Any]] = {}
    with tarfile.open(fileobj=unpacked, mode="r:") as tar:  # type: ignore[call-overload]  # a file of which it reads
        for number, member in enumerate(tar):
            if number == MOST_MEMBERS:
                raise ArchiveError(f"The archive has more than {MOST_MEMBERS} members: it must hold train, test, meta.")
            _refuse_unsafe(member)
            folder, _, name = member.name.removeprefix("./").partition("/")
            if not (folder and name in MEMBERS and member.isreg()):
                continue
            if name in contents:
                raise ArchiveError(f"The archive has two members {name}, the second is {_cut(member.name)}.")
            unpacked.seek(member.offset_data)
            content = io.BufferedReader(_Content(unpacked, member.size), READ_AHEAD)
            contents[name] = _unpickle(content, _cut(member.name))
    return contents


def _refuse_unsafe(member: tarfile.TarInfo) -> None:
    """Refuse paths that leave the archive, links, devices and giants: no photo archive contains them."""
    name = _cut(member.name)
    path = PurePosixPath(member.name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise ArchiveError(f"The archive has the member {name}, whose path leads out of the archive: refused.")
    if not (member.isreg() or member.isdir()):
        raise ArchiveError(f"The archive has the member {name}, which is a link or a device: refused.")
    if member.issparse():
        raise ArchiveError(f"The archive has the member {name}, which is sparse (mostly holes): refused.")
    if not 0 <= member.size <= MOST_BYTES:
        raise ArchiveError(
            f"The archive has the member {name} of {member.size:,} bytes; at most {MOST_BYTES:,} are read."
        )


def _cut(text: object) -> str:
    """Return what a sentence can quote of an archive's content, or of an error's; errors can be silent."""
    said = str(text) or type(text).__name__
    shown = "".join(character if character.isprintable() else "?" for character in said[: MOST_QUOTED + 1])
    return shown if len(shown) <= MOST_QUOTED else f"{shown[:MOST_QUOTED]}..."


def _unpickle(file: IO[bytes], name: str) -> dict[str, Any]:
    try:
        content = Unpickler(file).load()
    except (ArchiveError, EOFError, OSError, DamagedError):
        raise
    except Exception as err:  # a damaged pickle raises anything: https://docs.python.org/3/library/pickle.html
        sentence = f"{name} in the archive is not a readable pickle ({_cut(err)}): fetch the archive again."
        raise ArchiveError(sentence) from err
    if not isinstance(content, dict):
        raise ArchiveError(f"{name} in the archive holds a {type(content).__name__} where a dictionary is expected.")
    return content


def _labelled_rows(content: dict[str, Any], name: str, classes: int) -> LabelledRows:
    data, labels = content.get("data"), content.get("fine_labels")
    filenames = _strings(content, "filenames", name)
    rows = data.content((len(filenames), ROW_BYTES)) if isinstance(data, PickledArray) else None
    if rows is None:
        found = data if isinstance(data, PickledArray) else type(data).__name__
        raise ArchiveError(f"data in {name} is {found}; expected uint8 ({len(filenames)}, {ROW_BYTES}).")
    if not isinstance(labels, list) or len(labels) != len(filenames):
        raise ArchiveError(f"fine_labels in {name} is not a list of {len(filenames)} numbers, one per file name.")
    wrong = [label for label in labels if type(label) is not int or not 0 <= label < classes]
    if wrong:
        raise ArchiveError(
            f"fine_labels in {name} has {reprlib.repr(wrong[0])}, but meta names the labels 0 to {classes - 1}."
        )
    return LabelledRows(rows, np.array(labels, dtype=np.int64), filenames)


def _strings(content: dict[str, Any], key: str, name: str) -> tuple[str, ...]:
    strings = content.get(key)
    if not isinstance(strings, list) or not all(isinstance(string, str) for string in strings):
        raise ArchiveError(
            f"{name} has no list of strings {key!r} (it has {_keys(content)}): this is no CIFAR-100 archive."
        )
    return tuple(map(_text, strings))


def _keys(content: dict[str, Any]) -> str:
    return ", ".join(_cut(key) for key in sorted(content)[:MOST_KEYS])


def _text(string: str) -> str:
    """Return a string of Python 2 as the text that it is: UTF-8 was read as Latin-1, like the arrays' bytes."""
    try:
        return string.encode("latin1").decode()
    except UnicodeError:  # Latin-1 indeed, or a string of Python 3
        return string.encode("utf-8", "replace").decode()  # a lone surrogate could not be written to any file
