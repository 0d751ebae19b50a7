"""Fetches the photo archive and reads it, without writing or running anything that is in it.

The archive is CIFAR-100's python version (https://www.cs.toronto.edu/~kriz/cifar.html): a tar.gz of pickles that
Python 2 wrote. Pickles can run code, so the unpickler here knows the four names that arrays need and no others.
"""

import hashlib
import pickle
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from training.errors import ArchiveError, ArchiveUnavailableError

IMAGE_SHAPE = (3, 32, 32)  # channels (red, green, blue), height, width in pixels: how a row of the archive is laid out
ROW_BYTES = 3072  # 3 x 32 x 32
MEMBERS = ("train", "test", "meta")
TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte
CHUNK_BYTES = 1 << 16
INSTEAD = "use `--archive PATH` for a local file or `--archive sample` for the built-in sample"


@dataclass(frozen=True)
class Photos:
    """The images of one member of the archive."""

    data: npt.NDArray[np.uint8]  # (n, 3072): a plane of red, one of green, one of blue, each row by row
    labels: npt.NDArray[np.int64]  # (n,), positions in the archive's class names
    filenames: tuple[str, ...]  # as the archive gives them: neither safe nor unique


@dataclass(frozen=True)
class Archive:
    """What is read out of an archive."""

    train: Photos
    test: Photos
    class_names: tuple[str, ...]


def fetch(source: str, checksum: str | None, cache: Path, console: Console) -> Path:
    """Return a local file that holds the archive, verified.

    Args:
        source: A local path, used where it is, or an http(s) URL, downloaded into `cache` once.
        checksum: `md5:<hex>` or `sha256:<hex>` of the file; None trusts it.

    Raises:
        ArchiveUnavailableError: The URL cannot be fetched; what has arrived is kept for the next attempt.
        ArchiveError: The file is missing or has another checksum.
    """
    if not source.startswith(("http://", "https://")):
        return _local(Path(source), checksum)
    url_key = hashlib.sha256(source.encode()).hexdigest()[:8]  # two URLs may end in the same file name
    path = cache / f"{url_key}-{PurePosixPath(source.partition('?')[0]).name}"
    if path.exists() and _matches(path, checksum):
        return path
    part = path.with_name(f"{path.name}.part")
    cache.mkdir(parents=True, exist_ok=True)
    _download(source, part, console)
    if not _matches(part, checksum):
        part.unlink()
        raise ArchiveError(f"What {source} sent does not have the checksum {checksum}: run again to fetch it anew.")
    return part.replace(path)


def _local(path: Path, checksum: str | None) -> Path:
    if not path.is_file():
        raise ArchiveError(f"There is no archive at {path}: correct the path, or {INSTEAD}.")
    if not _matches(path, checksum):
        raise ArchiveError(f"{path} does not have the checksum {checksum}: it is damaged or another file.")
    return path


def _matches(path: Path, checksum: str | None) -> bool:
    if checksum is None:
        return True
    algorithm, _, expected = checksum.partition(":")
    if algorithm not in ("md5", "sha256") or not expected:
        raise ArchiveError(f"The checksum {checksum!r} is not understood: give md5:<hex> or sha256:<hex>.")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == expected.lower()


def _download(url: str, part: Path, console: Console) -> None:
    """Fetch `url` into `part`, going on where an earlier attempt stopped, for as long as attempts bring bytes."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("Archive", total=None)
        while True:
            before = _size(part)
            try:
                return _append(url, part, lambda done, total: progress.update(task, completed=done, total=total))
            except requests.RequestException as err:
                if _size(part) <= before:
                    raise ArchiveUnavailableError(
                        f"The archive could not be fetched from {url} ({_reason(err)}): go online, or {INSTEAD}."
                    ) from err


def _append(url: str, part: Path, report: Callable[[int, int], None]) -> None:
    """Request the bytes that `part` lacks, and all of them from a server that does not do ranges."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()  # as long as the file or longer: from an attempt that was never verified
            return _append(url, part, report)
        response.raise_for_status()
        done = have if response.status_code == requests.codes.partial_content else 0
        total = done + int(response.headers.get("Content-Length", 0))
        with part.open("ab" if done else "wb") as file:
            for chunk in response.iter_content(CHUNK_BYTES):
                done += file.write(chunk)
                report(done, total)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(err: requests.RequestException) -> str:
    if err.response is not None:
        return f"the server answered {err.response.status_code} {err.response.reason}"
    return "it took too long" if isinstance(err, requests.Timeout) else "no connection"


def read(path: Path) -> Archive:
    """Read the members that are wanted straight out of the archive; the number of rows comes from the data.

    Raises:
        ArchiveError: The file is missing, damaged, lacks something, or holds what could do harm.
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
    train, test = (_photos(contents[name], name, len(class_names)) for name in ("train", "test"))
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
    """Refuse what no photo archive needs, even where nothing is extracted: the file is not what it says it is."""
    path = PurePosixPath(member.name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise ArchiveError(f"The archive has the member {member.name}, whose path leads out of the archive: refused.")
    if not (member.isreg() or member.isdir()):
        raise ArchiveError(f"The archive has the member {member.name}, which is a link or a device: refused.")


def _latin1(text: str, encoding: str) -> bytes:
    """Stand in for `_codecs.encode`, with which Python 3 writes bytes in protocol 2, for that one use."""
    if encoding != "latin1":
        raise ArchiveError(f"A pickle in the archive calls _codecs.encode with {encoding!r}: refused.")
    return text.encode("latin1")


_RECONSTRUCT = np.empty(0).__reduce__()[0]  # numpy's own; its module has moved between versions


class _Unpickler(pickle.Unpickler):
    """Loads arrays, and refuses by name whatever else a pickle wants to import."""

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


def _photos(content: dict[str, Any], name: str, classes: int) -> Photos:
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
    return Photos(data, np.array(labels, dtype=np.int64), filenames)


def _strings(content: dict[str, Any], key: str, name: str) -> tuple[str, ...]:
    strings = content.get(key)
    if not isinstance(strings, list) or not all(isinstance(string, str) for string in strings):
        keys = ", ".join(sorted(map(str, content)))
        raise ArchiveError(f"{name} has no list of strings {key!r} (it has {keys}): this is no CIFAR-100 archive.")
    return tuple(strings)
