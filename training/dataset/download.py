"""Fetches the photo archive over HTTP, once, and verifies it."""

import hashlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from training.dataset.archive import INSTEAD
from training.errors import ArchiveError, ArchiveUnavailableError

TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte
CHUNK_BYTES = 1 << 16


def fetch(source: str, checksum: str | None, cache: Path, console: Console) -> Path:
    """Return a local file of the archive whose checksum has been verified.

    Args:
        source: A local path, used in place, or an http(s) URL, downloaded into `cache` once.
        checksum: `md5:<hex>` or `sha256:<hex>` of the file; None accepts any file.

    Raises:
        ArchiveUnavailableError: The URL cannot be fetched; the bytes received are kept for the next attempt.
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
        raise ArchiveError(
            f"The download from {source} does not have the checksum {checksum}: run the command again to repeat it."
        )
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
    """Fetch `url` into `part`: resume an earlier attempt, and try again for as long as attempts bring bytes."""
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
    """Request the bytes that `part` lacks; a server without range requests sends all of them again."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()  # has all bytes or more, left by an attempt that was not verified
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
