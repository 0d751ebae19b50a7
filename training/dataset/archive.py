"""Reads the photo archive without writing or running anything that is in it.

The archive is CIFAR-100's python version (https://www.cs.toronto.edu/~kriz/cifar.html): a tar.gz of pickles that
Python 2 wrote. Pickles can run code, so the unpickler here knows the four names that arrays need and no others.
"""

import pickle
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt

from training.errors import ArchiveError

IMAGE_SHAPE = (3, 32, 32)  # channels (red, green, blue), height, width in pixels: how a row of the archive is laid out
ROW_BYTES = 3072  # 3 x 32 x 32
MEMBERS = ("train", "test", "meta")
MOST_BYTES = 512 << 20  # of an archive, packed or unpacked; the public one unpacks to 186 MB
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


def read(path: Path) -> Archive:
    """Read the photos and class names without extracting a file; the number of photos follows from the data.

    Raises:
        ArchiveError: The file is missing, damaged or incomplete, or a member or pickle is unsafe.
    """
    try:
        with tarfile.open(path, "r:gz") as tar:
            contents = _unpickle_members(tar)
    except FileNotFoundError as err:
        raise ArchiveError(f"There is no archive at {path}: correct the path, or {INSTEAD}.") from err
    except (tarfile.TarError, EOFError, OSError, zlib.error) as err:
        raise ArchiveError(f"{path} is truncated or not a tar.gz file ({err}): fetch it again, or {INSTEAD}.") from err
    missing = [name for name in MEMBERS if name not in contents]
    if missing:
        raise ArchiveError(f"{path} has no member {missing[0]}: it must hold <folder>/train, test and meta.")
    class_names = _strings(contents["meta"], "fine_label_names", "meta")
    train, test = (_labelled_rows(contents[name], name, len(class_names)) for name in ("train", "test"))
    return Archive(train, test, class_names)


def _unpickle_members(tar: tarfile.TarFile) -> dict[str, dict[str, Any]]:
    contents: dict[str, dict[str, Any]] = {}
    for member in tar:
        _refuse_unsafe(member)
        folder, _, name = member.name.removeprefix("./").partition("/")
        file = tar.extractfile(member) if folder and name in MEMBERS else None
        if file is not None:
            if name in contents:
                raise ArchiveError(f"The archive has two members {name}, the second is {member.name}.")
            contents[name] = _unpickle(file, member.name)
    return contents


def _refuse_unsafe(member: tarfile.TarInfo) -> None:
    """Refuse paths that leave the archive, links and devices: no photo archive contains them."""
    path = PurePosixPath(member.name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise ArchiveError(f"The archive has the member {member.name}, whose path leads out of the archive: refused.")
    if not (member.isreg() or member.isdir()):
        raise ArchiveError(f"The archive has the member {member.name}, which is a link or a device: refused.")


def _latin1(text: str, encoding: str) -> bytes:
    """Replace `_codecs.encode`, which Python 3 calls to pickle bytes in protocol 2; no other encoding is admitted."""
    if encoding != "latin1":
        raise ArchiveError(f"A pickle in the archive calls _codecs.encode with {encoding!r}: refused.")
    return text.encode("latin1")


_RECONSTRUCT = np.empty(0).__reduce__()[0]  # numpy's own; its module has moved between versions


class _Unpickler(pickle.Unpickler):
    """Loads arrays and refuses every other import, by name."""

    ADMITTED: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,  # numpy 1
        ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,  # numpy 2
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _latin1,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ADMITTED:
            raise ArchiveError(f"A pickle in the archive calls {module}.{name}, which photos do not need: refused.")
        return self.ADMITTED[module, name]


def _unpickle(file: IO[bytes], name: str) -> dict[str, Any]:
    try:
        content = _Unpickler(file, encoding="latin1").load()  # Python 2's str becomes str, and arrays come out whole
    except (ArchiveError, EOFError, OSError, zlib.error):
        raise
    except Exception as err:  # a damaged pickle raises anything: https://docs.python.org/3/library/pickle.html
        raise ArchiveError(f"{name} in the archive is not a readable pickle ({err}): fetch the archive again.") from err
    if not isinstance(content, dict):
        raise ArchiveError(f"{name} in the archive holds a {type(content).__name__} where a dictionary is expected.")
    return content


def _labelled_rows(content: dict[str, Any], name: str, classes: int) -> LabelledRows:
    data, labels = content.get("data"), content.get("fine_labels")
    filenames = _strings(content, "filenames", name)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != (len(filenames), ROW_BYTES):
        found = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise ArchiveError(f"data in {name} is {found}; expected uint8 ({len(filenames)}, {ROW_BYTES}).")
    if not isinstance(labels, list) or len(labels) != len(filenames):
        raise ArchiveError(f"fine_labels in {name} is not a list of {len(filenames)} numbers, one per file name.")
    wrong = [label for label in labels if not isinstance(label, int) or not 0 <= label < classes]
    if wrong:
        raise ArchiveError(f"fine_labels in {name} has {wrong[0]!r}, but meta names the labels 0 to {classes - 1}.")
    return LabelledRows(data, np.array(labels, dtype=np.int64), filenames)


def _strings(content: dict[str, Any], key: str, name: str) -> tuple[str, ...]:
    strings = content.get(key)
    if not isinstance(strings, list) or not all(isinstance(string, str) for string in strings):
        keys = ", ".join(sorted(map(str, content)))
        raise ArchiveError(f"{name} has no list of strings {key!r} (it has {keys}): this is no CIFAR-100 archive.")
    return tuple(map(_text, strings))


def _text(string: str) -> str:
    """Return a string of Python 2 as the text that it is: UTF-8 was read as Latin-1, like the arrays' bytes."""
    try:
        return string.encode("latin1").decode()
    except UnicodeError:  # Latin-1 indeed, or a string of Python 3
        return string.encode("utf-8", "replace").decode()  # a lone surrogate could not be written to any file
