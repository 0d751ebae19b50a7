"""The download: once, whole, resumed and verified."""

import hashlib
import os
import socket
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.training.dataset.servers import Handler, Server
from training.dataset.download import CHUNK_BYTES, fetch
from training.errors import ArchiveError, ArchiveUnavailableError

CONTENT = os.urandom(600_000)
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


class File:
    """Answers with `CONTENT`, or with the part of it that a Range asks for."""

    def __init__(self) -> None:
        self.ranges = True  # whether it heeds them
        self.breaks: list[int] = []  # after how many bytes each answer breaks off, first to last

    def __call__(self, handler: Handler) -> None:
        asked = handler.headers["Range"]
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        body = CONTENT[start:]
        if handler.path != "/photos.tar.gz":
            return handler.reply(404)
        if not body:
            return handler.reply(416)
        stop = self.breaks.pop(0) if self.breaks else len(body)
        handler.reply(206 if start else 200, body[:stop], Content_Length=str(len(body)))


@pytest.fixture
def served(server: Server) -> File:
    """What the server serves."""
    served = File()
    server.answer = served
    return served


def ranges(server: Server) -> list[str | None]:
    """Return the Range header of each request."""
    return [headers.get("Range") for headers in server.asked]


def test_a_url_is_fetched_once(server: Server, served: File, tmp_path: Path, console: Console) -> None:
    first = fetch(server.url, MD5, tmp_path, console)
    second = fetch(server.url, MD5, tmp_path, console)
    assert first == second
    assert first.read_bytes() == CONTENT
    assert ranges(server) == [None]
    assert list(tmp_path.iterdir()) == [first]


def test_an_interrupted_download_goes_on_where_it_broke_off(
    server: Server, served: File, tmp_path: Path, console: Console
) -> None:
    served.breaks = [6 * CHUNK_BYTES, 2 * CHUNK_BYTES]
    assert fetch(server.url, MD5, tmp_path, console).read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={6 * CHUNK_BYTES}-", f"bytes={8 * CHUNK_BYTES}-"]


def test_a_later_run_resumes_the_download_of_an_earlier_one(
    server: Server, served: File, tmp_path: Path, console: Console
) -> None:
    served.breaks = [6 * CHUNK_BYTES, 0]
    with pytest.raises(ArchiveUnavailableError):
        fetch(server.url, MD5, tmp_path, console)
    assert fetch(server.url, MD5, tmp_path, console).read_bytes() == CONTENT
    assert ranges(server)[-1] == f"bytes={6 * CHUNK_BYTES}-"


def test_a_server_that_ignores_ranges_is_asked_from_the_start(
    server: Server, served: File, tmp_path: Path, console: Console
) -> None:
    served.ranges, served.breaks = False, [6 * CHUNK_BYTES]
    assert fetch(server.url, MD5, tmp_path, console).read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={6 * CHUNK_BYTES}-"]


def test_a_server_that_always_breaks_off_is_given_up(
    server: Server, served: File, tmp_path: Path, console: Console
) -> None:
    served.ranges, served.breaks = False, [6 * CHUNK_BYTES, 6 * CHUNK_BYTES]
    with pytest.raises(ArchiveUnavailableError, match=server.url):
        fetch(server.url, MD5, tmp_path, console)


def test_a_whole_file_left_unverified_is_fetched_anew(
    server: Server, served: File, tmp_path: Path, console: Console
) -> None:
    served.breaks = [6 * CHUNK_BYTES, 0]
    with pytest.raises(ArchiveUnavailableError):
        fetch(server.url, MD5, tmp_path, console)
    (part,) = tmp_path.glob("*.part")
    part.write_bytes(CONTENT)
    assert fetch(server.url, MD5, tmp_path, console).read_bytes() == CONTENT


def test_a_cached_file_that_was_damaged_is_fetched_again(
    server: Server, served: File, tmp_path: Path, console: Console
) -> None:
    fetch(server.url, MD5, tmp_path, console).write_bytes(b"damaged")
    assert fetch(server.url, MD5, tmp_path, console).read_bytes() == CONTENT


def test_a_download_with_another_checksum_is_refused_and_not_kept(
    server: Server, served: File, tmp_path: Path, console: Console
) -> None:
    with pytest.raises(ArchiveError, match=f"checksum sha256:{'0' * 64}"):
        fetch(server.url, f"sha256:{'0' * 64}", tmp_path, console)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_on_the_server_is_named(server: Server, served: File, tmp_path: Path, console: Console) -> None:
    with pytest.raises(ArchiveUnavailableError, match="the server answered 404"):
        fetch(f"{server.url}.old", MD5, tmp_path, console)


def test_offline_says_what_to_use_instead(tmp_path: Path, console: Console) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/photos.tar.gz"
    with pytest.raises(ArchiveUnavailableError, match=rf"{url} .*--archive PATH.*--archive sample"):
        fetch(url, MD5, tmp_path, console)


def test_a_local_archive_is_used_where_it_is(tmp_path: Path, console: Console) -> None:
    path = tmp_path / "photos.tar.gz"
    path.write_bytes(CONTENT)
    assert fetch(str(path), f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", tmp_path / "cache", console) == path
    assert fetch(str(path), None, tmp_path / "cache", console) == path
    assert not (tmp_path / "cache").exists()


def test_a_local_archive_with_another_checksum_is_refused(tmp_path: Path, console: Console) -> None:
    path = tmp_path / "photos.tar.gz"
    path.write_bytes(b"something else")
    with pytest.raises(ArchiveError, match=MD5):
        fetch(str(path), MD5, tmp_path, console)


def test_a_missing_local_archive_is_named(tmp_path: Path, console: Console) -> None:
    with pytest.raises(ArchiveError, match=r"no archive at .*nowhere\.tar\.gz"):
        fetch(str(tmp_path / "nowhere.tar.gz"), None, tmp_path, console)


def test_a_checksum_of_no_known_kind_is_named(tmp_path: Path, console: Console) -> None:
    path = tmp_path / "photos.tar.gz"
    path.write_bytes(CONTENT)
    with pytest.raises(ArchiveError, match="'crc:1'"):
        fetch(str(path), "crc:1", tmp_path, console)
