"""A gzip file that is unpacked ahead: the same bytes as Python's gzip gives, and the digest of the whole file."""

import gzip
import hashlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from training.dataset import unpacking
from training.dataset.unpacking import Unpacked
from training.errors import ArchiveError

CONTENT = random.Random(0).randbytes(100_000) + bytes(300_000) + b"photos" * 10_000


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "CHUNK", 5000)
    monkeypatch.setattr(unpacking, "READ", 700)
    monkeypatch.setattr(unpacking, "AHEAD", 3)


def zipped(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    return path


def members(*contents: bytes) -> bytes:
    return b"".join(map(gzip.compress, contents))


@pytest.mark.parametrize(
    "packed",
    [
        members(CONTENT),
        members(CONTENT[:1000], b"", CONTENT[1000:]),
        members(CONTENT) + bytes(2000),
        gzip.compress(CONTENT, 0),
    ],
    ids=["one member", "three members", "padding", "stored"],
)
@pytest.mark.parametrize("size", [1 << 30, 5000, 4999])
def test_it_reads_what_gzip_reads(tmp_path: Path, packed: bytes, size: int) -> None:
    path = zipped(tmp_path, packed)
    with Unpacked(path) as file:
        read = list(iter(lambda: file.read(size), b""))
        assert all(len(part) == size for part in read[:-1])
        assert b"".join(read) == CONTENT == gzip.decompress(packed)
        assert file.tell() == len(CONTENT)
        assert file.sha256() == hashlib.sha256(packed).hexdigest()


def test_it_reads_into_a_buffer(tmp_path: Path) -> None:
    with Unpacked(zipped(tmp_path, members(CONTENT))) as file:
        content, buffer = b"", bytearray(7000)
        while count := file.readinto(memoryview(buffer)):
            content += buffer[:count]
        assert content == CONTENT
        assert file.tell() == len(CONTENT)


def test_parts_can_be_skipped(tmp_path: Path) -> None:
    with Unpacked(zipped(tmp_path, members(CONTENT))) as file:
        assert file.read(10) == CONTENT[:10]
        file.skip(123_456)
        assert (file.tell(), file.read(10)) == (123_466, CONTENT[123_466:123_476])
        file.skip(10**9)
        assert (file.tell(), file.read(1)) == (len(CONTENT), b"")


def test_the_digest_is_of_the_whole_file_also_when_the_reader_stops(tmp_path: Path) -> None:
    path = zipped(tmp_path, members(CONTENT) + b"no gzip member")
    with Unpacked(path) as file:
        file.read(10)
        assert file.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("read", [0, 10])
def test_no_thread_stays_when_the_reader_stops(tmp_path: Path, read: int) -> None:
    before = threading.active_count()
    with Unpacked(zipped(tmp_path, members(CONTENT))) as file:
        file.read(read)
    assert threading.active_count() == before


def test_it_unpacks_a_few_chunks_ahead_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    unpack = unpacking.unpack

    def counted(*given: Any) -> Iterator[bytes]:
        for chunk in unpack(*given):
            made.append(chunk)
            yield chunk

    monkeypatch.setattr(unpacking, "unpack", counted)
    with Unpacked(zipped(tmp_path, members(CONTENT))) as file:
        file.read(1)
        file._thread.join(0.3)
        assert len(made) <= unpacking.AHEAD + 2


@pytest.mark.parametrize("end", [0, 5, 10, 50_000, -9, -8, -1])
def test_a_cut_file_is_an_error(tmp_path: Path, end: int) -> None:
    with Unpacked(zipped(tmp_path, members(CONTENT)[:end])) as file:
        for _ in range(2):
            with pytest.raises(EOFError, match="it ends too early"):
                file.skip(10**9)


@pytest.mark.parametrize("damage", ["middle", "sum", "end"])
def test_a_damaged_file_is_an_error(tmp_path: Path, damage: str) -> None:
    content = bytearray(members(CONTENT))
    if damage == "end":
        content += b"no gzip member"
    else:
        content[{"middle": 50_000, "sum": -6}[damage]] ^= 1
    with Unpacked(zipped(tmp_path, bytes(content))) as file, pytest.raises(unpacking.DamagedError):
        file.skip(10**9)


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    with Unpacked(zipped(tmp_path, members(b"") * 1001)) as file:
        with pytest.raises(ArchiveError, match="more than 1,000 gzip members"):
            file.read(1)
