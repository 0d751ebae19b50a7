"""Downloads from servers that are broken, hostile, or serve another file than before."""

import os
import time
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.training.dataset.servers import Answer, Handler, Server
from training.dataset import download
from training.dataset.download import CHUNK_BYTES, fetch
from training.errors import ArchiveError, ArchiveUnavailableError

CONTENT = os.urandom(300_000)


def broken(etag: str = "", **headers: str) -> Answer:
    """Return an answer that ends after two chunks."""
    version = {"ETag": etag} if etag else {}
    return lambda handler: handler.reply(
        200, CONTENT[: 2 * CHUNK_BYTES], Content_Length=str(len(CONTENT)), **version, **headers
    )


def interrupt(server: Server, cache: Path, console: Console, answer: Answer) -> None:
    """Leave two chunks of an earlier run in the cache."""
    answers = [answer]
    server.answer = lambda handler: answers.pop()(handler) if answers else handler.reply(503)
    with pytest.raises(ArchiveUnavailableError, match="503"):
        fetch(server.url, None, cache, console)
    server.asked.clear()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda handler: handler.reply(416), "the server answered 416"),
        (lambda handler: handler.reply(204), "the server answered 204 No Content"),
        (lambda handler: handler.reply(302), "the server answered 302 Found"),
        (lambda handler: handler.reply(302, Location="/photos.tar.gz"), "the server redirects in a circle"),
        (lambda handler: handler.reply(302, Location="http://[::1"), "the address or the answer is invalid"),
        (lambda handler: handler.reply(302, Location="file:///etc/passwd"), "the address or the answer is invalid"),
        (lambda handler: handler.reply(200, b"<html>Log in", Content_Type="text/html; charset=utf-8"), "a web page"),
        (lambda handler: handler.reply(206, b"x" * 99, Content_Range="bytes 5-103/104"), "another part of the file"),
        (lambda handler: handler.reply(200, b"short", Content_Length="99"), "the connection broke off"),
        (lambda handler: handler.reply(200, b"zz\r\n", Transfer_Encoding="chunked"), "the connection broke off"),
        (lambda handler: handler.wfile.write(b"\x00" * 500), "no connection"),
    ],
)
def test_what_a_server_does_instead_is_said_in_one_sentence(
    server: Server, tmp_path: Path, console: Console, answer: Answer, reason: str
) -> None:
    server.answer = answer
    with pytest.raises(ArchiveUnavailableError) as caught:
        fetch(server.url, None, tmp_path, console)
    assert reason in str(caught.value) and "--archive sample" in str(caught.value)
    assert len(server.asked) < 40


def test_a_server_that_answers_416_for_ever_is_given_up_with_what_came_earlier(
    server: Server, tmp_path: Path, console: Console
) -> None:
    interrupt(server, tmp_path, console, broken('"1"'))
    server.answer = lambda handler: handler.reply(416)
    with pytest.raises(ArchiveUnavailableError, match="416"):
        fetch(server.url, None, tmp_path, console)
    assert len(server.asked) == 2


@pytest.mark.parametrize("length", ["many", "-5", "9" * 5000, "²"])
def test_a_length_that_makes_no_sense_is_ignored(server: Server, tmp_path: Path, console: Console, length: str) -> None:
    server.answer = lambda handler: handler.reply(200, CONTENT, Content_Length=length)
    assert fetch(server.url, None, tmp_path, console).read_bytes() == CONTENT


@pytest.mark.parametrize("headers", [{}, {"Content_Length": "5000000000"}])
def test_a_file_that_is_too_large_is_refused_and_not_kept(
    server: Server, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    def endless(handler: Handler) -> None:
        handler.reply(200, b"", **headers)
        while True:
            handler.wfile.write(CONTENT)

    monkeypatch.setattr(download, "MOST_BYTES", 2_000_000)
    server.answer = endless
    with pytest.raises(ArchiveError, match="larger than 2,000,000 bytes, the most that is read"):
        fetch(server.url, None, tmp_path, console)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_drips_is_given_up(
    server: Server, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(handler: Handler) -> None:
        handler.reply(200)
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.01)

    monkeypatch.setattr(download, "STALL_SECONDS", 0.2)
    server.answer = drip
    with pytest.raises(ArchiveUnavailableError, match=r"the server sent \d+ bytes in 0 s"):
        fetch(server.url, None, tmp_path, console)


def test_a_server_whose_headers_do_not_end_is_given_up(
    server: Server, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(6000):
            handler.wfile.write(b"x")
            time.sleep(0.01)

    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.2)
    server.answer = drip
    before = time.monotonic()
    with pytest.raises(ArchiveUnavailableError, match="the server had not answered after 0 s"):
        fetch(server.url, None, tmp_path, console)
    assert time.monotonic() - before < 30


def test_only_the_version_that_was_begun_is_resumed(server: Server, tmp_path: Path, console: Console) -> None:
    interrupt(server, tmp_path, console, broken('"1"'))
    server.answer = lambda handler: handler.reply(206, CONTENT[2 * CHUNK_BYTES :])
    assert fetch(server.url, None, tmp_path, console).read_bytes() == CONTENT
    assert (server.asked[0]["If-Range"], server.asked[0]["Range"]) == ('"1"', f"bytes={2 * CHUNK_BYTES}-")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_changed_is_fetched_from_the_start(server: Server, tmp_path: Path, console: Console) -> None:
    interrupt(server, tmp_path, console, broken('"1"'))
    server.answer = lambda handler: handler.reply(200, CONTENT[::-1], ETag='"2"')
    assert fetch(server.url, None, tmp_path, console).read_bytes() == CONTENT[::-1]


def test_a_weak_etag_gives_way_to_the_date(server: Server, tmp_path: Path, console: Console) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    interrupt(server, tmp_path, console, broken('W/"1"', Last_Modified=date))
    server.answer = lambda handler: handler.reply(206, CONTENT[2 * CHUNK_BYTES :])
    fetch(server.url, None, tmp_path, console)
    assert server.asked[0]["If-Range"] == date


def test_nothing_is_resumed_that_nothing_could_verify(server: Server, tmp_path: Path, console: Console) -> None:
    interrupt(server, tmp_path, console, broken())
    server.answer = lambda handler: handler.reply(200, CONTENT)
    assert fetch(server.url, None, tmp_path, console).read_bytes() == CONTENT
    assert "Range" not in server.asked[0]


def test_an_unknown_kind_of_checksum_is_refused_before_the_download(
    server: Server, tmp_path: Path, console: Console
) -> None:
    with pytest.raises(ArchiveError, match="'md5:'"):
        fetch(server.url, "md5:", tmp_path, console)
    assert server.asked == []


@pytest.mark.parametrize("path", ["/a" * 300, "/" + "é" * 300 + ".tar.gz", "/..", "/?" + "q" * 500])
def test_any_address_gives_a_file_name(server: Server, tmp_path: Path, console: Console, path: str) -> None:
    server.answer = lambda handler: handler.reply(200, CONTENT)
    fetched = fetch(f"http://127.0.0.1:{server.server_port}{path}", None, tmp_path, console)
    assert fetched.parent == tmp_path and fetched.read_bytes() == CONTENT


def test_a_full_disk_is_one_sentence(server: Server, tmp_path: Path, console: Console) -> None:
    server.answer = lambda handler: handler.reply(200, CONTENT)
    path = download.cached(server.url, tmp_path)
    path.with_name(f"{path.name}.part").symlink_to("/dev/full")
    with pytest.raises(ArchiveError, match=r"cannot be kept in .*No space left on device\): free space"):
        fetch(server.url, f"md5:{'0' * 32}", tmp_path, console)


def test_a_cache_that_is_no_directory_is_one_sentence(server: Server, tmp_path: Path, console: Console) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(ArchiveError, match=r"cannot be kept in"):
        fetch(server.url, None, tmp_path / "cache", console)


@pytest.mark.parametrize(("name", "sentence"), [("a" * 300, "File name too long"), (".", "There is no archive at")])
def test_a_local_path_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, console: Console, name: str, sentence: str
) -> None:
    with pytest.raises(ArchiveError, match=sentence):
        fetch(str(tmp_path / name), None, tmp_path, console)
