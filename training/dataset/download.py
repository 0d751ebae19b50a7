"""Fetches the photo archive over HTTP, once, and verifies it."""

import hashlib
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from urllib3.exceptions import HTTPError

from training.dataset.archive import INSTEAD, MOST_BYTES
from training.errors import ArchiveError, ArchiveUnavailableError

TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte
ANSWER_SECONDS = 120.0  # for the headers, those of redirects too: the timeout alone lets them come a byte a minute
CHUNK_BYTES = 1 << 16
STALL_SECONDS = 60.0  # in which a chunk must arrive: the timeout alone lets a server send a byte a minute for ever
LONGEST_NAME = 100  # characters of a cached file's name, without what makes it unique


class BrokenOffError(Exception):
    """When an attempt ends before the file is whole; the message says how."""


def fetch(source: str, checksum: str | None, cache: Path, console: Console) -> Path:
    """Return a local file of the archive whose checksum has been verified.

    Args:
        source: A local path, used in place, or an http(s) URL, downloaded into `cache` once.
        checksum: `md5:<hex>` or `sha256:<hex>` of the file; None accepts any file.

    Raises:
        ArchiveUnavailableError: The URL cannot be fetched; the bytes received are kept for the next attempt.
        ArchiveError: The file is missing, too large, or has another checksum.
    """
    _refuse_unknown(checksum)
    if not is_url(source):
        return _local(Path(source), checksum)
    path = cached(source, cache)
    part = path.with_name(f"{path.name}.part")
    try:
        if path.exists() and _matches(path, checksum):
            return path
        cache.mkdir(parents=True, exist_ok=True)
        _download(source, part, checksum is not None, console)
        if _matches(part, checksum):
            _validator(part).unlink(missing_ok=True)
            return part.replace(path)
    except OSError as err:
        raise ArchiveError(f"The archive cannot be kept in {cache} ({err.strerror}): free space there.") from err
    _discard(part)
    raise ArchiveError(
        f"The download from {source} does not have the checksum {checksum}: run the command again to repeat it."
    )


def is_url(source: str) -> bool:
    """Return whether an archive has to be fetched."""
    return source.startswith(("http://", "https://"))


def cached(url: str, cache: Path) -> Path:
    """Return where the archive of a URL is kept."""
    url_key = hashlib.sha256(url.encode(errors="surrogateescape")).hexdigest()[:8]  # URLs may end in the same name
    name = re.sub(r"[^A-Za-z0-9._-]", "_", PurePosixPath(url.partition("?")[0]).name)
    return cache / f"{url_key}-{name[-LONGEST_NAME:]}"


def _local(path: Path, checksum: str | None) -> Path:
    try:
        if not path.is_file():
            raise ArchiveError(f"There is no archive at {path}: correct the path, or {INSTEAD}.")
        with path.open("rb"):
            matches = _matches(path, checksum)
    except OSError as err:
        raise ArchiveError(
            f"The archive {path} cannot be read ({err.strerror}): correct the path, or {INSTEAD}."
        ) from err
    if not matches:
        raise ArchiveError(f"{path} does not have the checksum {checksum}: it is damaged or another file.")
    return path


def _refuse_unknown(checksum: str | None) -> None:
    if checksum is not None and not re.fullmatch("(md5|sha256):[0-9A-Fa-f]+", checksum):
        raise ArchiveError(f"The checksum {checksum!r} is not understood: give md5:<hex> or sha256:<hex>.")


def _matches(path: Path, checksum: str | None) -> bool:
    if checksum is None:
        return True
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == expected.lower()


def _download(url: str, part: Path, verifiable: bool, console: Console) -> None:
    """Fetch `url` into `part`: resume an earlier attempt, and try again for as long as each brings a chunk.

    Args:
        verifiable: There is a checksum. Without one, what an earlier run left is used only if the server says that
            the file is still the same.
    """
    if not (verifiable or _validator(part).exists()):
        _discard(part)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("Archive", total=None)
        while True:
            before = _size(part)
            try:
                return _append(url, part, lambda done, total: progress.update(task, completed=done, total=total))
            except (requests.RequestException, HTTPError, BrokenOffError, ValueError) as err:
                if _size(part) < before + CHUNK_BYTES:
                    raise ArchiveUnavailableError(
                        f"The archive could not be fetched from {url} ({_reason(err)}): go online, or {INSTEAD}."
                    ) from err


def _append(url: str, part: Path, report: Callable[[int, int | None], None]) -> None:
    """Request the bytes that `part` lacks; a server that cannot resume, or has another file now, sends all of it."""
    have = _size(part)
    with _ask(url, _headers(part, have)) as response:
        if have and response.status_code == requests.codes.requested_range_not_satisfiable:
            _discard(part)  # has all bytes or more, left by an attempt that was not verified
            return _append(url, part, report)
        response.raise_for_status()
        if response.status_code not in (requests.codes.ok, requests.codes.partial_content):
            raise BrokenOffError(f"the server answered {response.status_code} {response.reason}")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise BrokenOffError("the server sent a web page")
        done = have if response.status_code == requests.codes.partial_content else 0
        if not response.headers.get("Content-Range", f"bytes {done}-").startswith(f"bytes {done}-"):
            raise BrokenOffError("the server sent another part of the file than it was asked for")
        total = _total(response, done)
        _refuse_too_large(url, part, total or 0)
        with part.open("ab" if done else "wb") as file:
            _remember(part, response)
            for chunk in _chunks(response):
                done += file.write(chunk)
                _refuse_too_large(url, part, done)
                report(done, total)


def _ask(url: str, headers: dict[str, str]) -> requests.Response:
    """Return the answer to a GET request, whose body has not been read.

    Raises:
        BrokenOffError: There is no answer after `ANSWER_SECONDS`; the thread that waits for it ends with this process.
    """
    answers: queue.SimpleQueue[requests.Response | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(requests.get(url, headers=headers, stream=True, timeout=TIMEOUT))
        except Exception as err:  # raised below, in the thread that waits
            answers.put(err)

    threading.Thread(target=ask, name="download", daemon=True).start()
    try:
        answer = answers.get(timeout=ANSWER_SECONDS)
    except queue.Empty:
        raise BrokenOffError(f"the server had not answered after {ANSWER_SECONDS:.0f} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _headers(part: Path, have: int) -> dict[str, str]:
    if not have:
        return {"Accept-Encoding": "identity"}
    unchanged = {"If-Range": _validator(part).read_text("latin-1")} if _validator(part).exists() else {}
    return {"Accept-Encoding": "identity", "Range": f"bytes={have}-", **unchanged}


def _remember(part: Path, response: requests.Response) -> None:
    """Keep what tells this version of the file from others: resuming with it, one never gets half of another."""
    etag = response.headers.get("ETag", "")
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")  # W/"..." is no promise
    if validator:
        _validator(part).write_text(validator, "latin-1")
    else:
        _validator(part).unlink(missing_ok=True)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield what arrives as it arrives.

    Raises:
        BrokenOffError: Less than a chunk arrives in `STALL_SECONDS`.
    """
    since, received = time.monotonic(), 0
    while chunk := response.raw.read1(CHUNK_BYTES):
        yield chunk
        received += len(chunk)
        if received >= CHUNK_BYTES:
            since, received = time.monotonic(), 0
        elif time.monotonic() - since > STALL_SECONDS:
            raise BrokenOffError(f"the server sent {received} bytes in {STALL_SECONDS:.0f} s")


def _total(response: requests.Response, done: int) -> int | None:
    """Return the size of the whole file in bytes, None where the server does not say it or says nonsense."""
    length = response.headers.get("Content-Length", "")
    return done + int(length) if re.fullmatch("[0-9]{1,18}", length) else None


def _refuse_too_large(url: str, part: Path, size: int) -> None:
    if size > MOST_BYTES:
        _discard(part)
        raise ArchiveError(
            f"The archive at {url} is larger than {MOST_BYTES:,} bytes, the most that is read: {INSTEAD}."
        )


def _validator(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(err: Exception) -> str:
    match err:
        case BrokenOffError():
            return str(err)
        case requests.TooManyRedirects():
            return "the server redirects in a circle"
        case requests.RequestException() if err.response is not None:
            return f"the server answered {err.response.status_code} {err.response.reason}"
        case requests.Timeout():
            return "it took too long"
        case requests.ConnectionError():
            return "no connection"
        case HTTPError():
            return "the connection broke off"
    return "the address or the answer is invalid"
