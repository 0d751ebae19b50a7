"""Archives of a few kB that claim to hold gigabytes, or take hours: each is refused with its limit."""

import gzip
import pickle
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.training.dataset.test_archive import write_tar
from training.dataset import archive, unpickler
from training.dataset.archive import MEMBERS, read
from training.errors import ArchiveError


def header(size: int = 0, kind: bytes = tarfile.REGTYPE, name: str = "cifar/train") -> bytes:
    """Return a tar header; a negative size, or one of 8 GB, is written as GNU tar writes large ones."""
    info = tarfile.TarInfo(name)
    info.type = kind
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    plain = 0 <= size < 8**11
    block[124:136] = b"%011o\0" % size if plain else size.to_bytes(12, "big", signed=True)
    block[124] |= 0 if plain else 0x80
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:512]) + 8 * 32)
    return bytes(block)


def zipped(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content, 1, mtime=0))
    return path


def refused(path: Path) -> str:
    with pytest.raises(ArchiveError) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
@pytest.mark.parametrize("size", [8 << 30, -512])
def test_a_header_that_claims_a_senseless_size_is_refused(tmp_path: Path, kind: bytes, size: int) -> None:
    reason = refused(zipped(tmp_path / "a.tar.gz", header(size, kind) + bytes(1024)))
    assert f"{archive.MOST_BYTES:,}" in reason or f"{archive.MOST_HEADER_BYTES:,}" in reason


def test_what_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 3000)
    several = [(f"cifar/other{number}", bytes(900)) for number in range(4)]
    assert "unpacks to more than 3,000 bytes, the most that is read" in refused(write_tar(tmp_path / "a", *several))
    assert "the member cifar/train of 3,001 bytes; at most 3,000" in refused(
        write_tar(tmp_path / "b", ("cifar/train", bytes(3001)))
    )


def test_the_public_archive_is_within_the_limits() -> None:
    photos = 60_000 * (3072 + 60)
    assert photos + 20 * 512 < archive.MOST_BYTES
    assert 6 * 50_000 < unpickler.MOST_OPERATIONS


def test_sparse_members_are_refused(tmp_path: Path) -> None:
    block = bytearray(header(512, tarfile.GNUTYPE_SPARSE))
    block[386:410] = b"%011o\0%011o\0" % (0, 512)  # one extent
    block[483:495] = b"%011o\0" % (4 << 30)  # the real size
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:512]) + 8 * 32)
    assert "cifar/train, which is sparse" in refused(zipped(tmp_path / "a.tar.gz", bytes(block) + bytes(2048)))


def test_many_members_are_refused(tmp_path: Path) -> None:
    assert "more than 1000 members" in refused(
        zipped(tmp_path / "a.tar.gz", header(name="cifar/x") * 1001 + bytes(1024))
    )


def test_headers_of_headers_without_end_are_one_sentence(tmp_path: Path) -> None:
    nested = (header(512, tarfile.GNUTYPE_LONGNAME) + b"x".ljust(512, b"\0")) * 3000
    assert "not a tar.gz file" in refused(zipped(tmp_path / "a.tar.gz", nested))


def pickled(tmp_path: Path, content: bytes) -> Path:
    return write_tar(tmp_path / "a.tar.gz", ("cifar/train", content))


NDARRAY = b"cnumpy\nndarray\n"
ENCODE = b"c_codecs\nencode\n"
DTYPE = b"cnumpy\ndtype\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x80\x02" + b"\x8f" * 10, "has the operation '\\x8f'"),  # a set
        (b"\x80\x02N2.", "has the operation '2'"),  # a copy of the top of the stack
        (b"\x80\x02c__builtin__\nset\n)R.", "calls __builtin__.set"),
        (b"\x80\x02" + NDARRAY + b"(J\xff\xff\xff\x7fU\x01Ot\x52.", "is not a readable pickle"),
        (b"\x80\x02" + ENCODE + b"}b.", "sets the state of something other than an array"),
        (b"\x80\x02}K\x01K\x02s.", "whose keys are not strings"),
        (b"\x80\x02}(U\x01aK\x01K\x02K\x03u.", "whose keys are not strings"),
        (b"\x80\x02" + ENCODE + b"X\x01\x00\x00\x00a" + b"U\xff" + b"z" * 255 + b"\x86R.", "with 'zzz"),
        (b"\x80\x02c" + b"a" * 500_000 + b"\nb\n.", "calls aaa"),
        (b"\x80\x02]" * 3, "is truncated"),
        (b"\x80\x02U\xff", "is truncated"),
        (b"\x80\x02B" + (2**31 - 1).to_bytes(4, "little") + b"abc", "is truncated"),
        (b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"abc", "is not a readable pickle"),
        (b"\x80\x02I" + b"9" * 5000 + b"\n.", "is not a readable pickle"),
    ],
)
def test_pickles_of_anything_else_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    sentence = refused(pickled(tmp_path, content))
    assert reason in sentence and len(sentence) < 400


def test_a_memo_index_takes_no_memory(tmp_path: Path) -> None:
    """The unpickler in C allocates 16 bytes for each index below the one that is used."""
    path = pickled(tmp_path, b"\x80\x02}r\xff\xff\xff\x0f.")
    tracemalloc.start()
    refused(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_calling_the_same_conversion_again_and_again_takes_no_memory(tmp_path: Path) -> None:
    text = b"X" + (1_000_000).to_bytes(4, "little") + b"a" * 1_000_000 + b"q\x00X\x06\x00\x00\x00latin1q\x01000"
    path = pickled(tmp_path, b"\x80\x02" + text.removesuffix(b"000") + (ENCODE + b"h\x00h\x01\x86R") * 200 + b".")
    tracemalloc.start()
    refused(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_long_texts_of_four_bytes_a_character_are_refused(tmp_path: Path) -> None:
    long = "a" * 2_000_000
    for text, reason in ((long + "\U0001f6b2", "text of 2,000,004 bytes beyond Latin-1"), (long + "é", "holds a str")):
        assert reason in refused(pickled(tmp_path, pickle.dumps(text, protocol=2)))


def test_operations_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickler, "MOST_OPERATIONS", 100)
    assert "more than 100 operations" in refused(pickled(tmp_path, b"\x80\x02" + b"]" * 100 + b"."))


@pytest.mark.parametrize("state", [(1, (2, 3072), 5, False, b""), (1, 7, "u1", False, 3), (1,), "u1"])
def test_senseless_states_of_arrays_are_refused(tmp_path: Path, state: Any) -> None:
    class Array:
        def __reduce__(self) -> Any:
            return np.empty(0).__reduce__()[0], (np.ndarray, (0,), b"b"), state

    photos = pickle.dumps({"data": Array(), "fine_labels": [0], "filenames": ["a"]}, protocol=2)
    meta = pickle.dumps({"fine_label_names": ["x"]}, protocol=2)
    contents = zip(MEMBERS, (photos, photos, meta), strict=True)
    assert len(refused(write_tar(tmp_path / "a.tar.gz", *((f"c/{name}", content) for name, content in contents)))) < 400


def test_arrays_of_columns_are_read_as_numpy_reads_them(tmp_path: Path) -> None:
    data = np.asfortranarray(np.random.default_rng(0).integers(0, 256, (2, 3072), dtype=np.uint8))
    photos = {"data": data, "fine_labels": [0, 1], "filenames": ["a", "b"]}
    contents = {"train": photos, "test": photos, "meta": {"fine_label_names": ["x", "y"]}}
    members = [(f"c/{name}", pickle.dumps(content, protocol=2)) for name, content in contents.items()]
    np.testing.assert_array_equal(read(write_tar(tmp_path / "a.tar.gz", *members)).train.data, data)


def test_what_an_archive_says_is_quoted_short_and_without_control_characters(tmp_path: Path) -> None:
    sentence = refused(write_tar(tmp_path / "a.tar.gz", ("/\x1b[2J" + "x" * 5000, b"")))
    assert "the member /?[2Jxxx" in sentence and len(sentence) < 250
