"""The archive is read without running or writing anything in it."""

import io
import os
import pickle
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.dataset import unpacking
from training.dataset.archive import _text, read
from training.errors import ArchiveError


def test_an_archive_of_python_2_is_read_as_it_was_written(write_archive: Any) -> None:
    data = np.arange(2 * 3072).reshape(2, 3072).astype(np.uint8)
    train = {"data": data, "fine_labels": [2, 1], "filenames": ["a.png", "b.png"]}
    archive = read(write_archive(train=train))
    np.testing.assert_array_equal(archive.train.data, data)
    assert archive.train.labels.tolist() == [2, 1]
    assert archive.train.filenames == ("a.png", "b.png")
    assert archive.class_names == ("apple", "bicycle", "motorcycle", "road")
    assert archive.test.data.shape == (11, 3072)


def test_the_fixture_writes_what_python_2_wrote(write_archive: Any) -> None:
    with tarfile.open(write_archive()) as tar:
        file = tar.extractfile("cifar-100-python/train")
        assert file is not None
        assert set(pickle.load(file, encoding="bytes")) == {b"data", b"fine_labels", b"filenames"}


def test_photos_are_in_memory_once(write_archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "CHUNK", 1 << 16)
    rows = 3000
    data = np.random.default_rng(0).integers(0, 256, (rows, 3072), np.uint8)
    train = {"data": data, "fine_labels": [1] * rows, "filenames": [f"{row}.png" for row in range(rows)]}
    path = write_archive(train=train)
    tracemalloc.start()
    archive = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(archive.train.data, data)
    assert peak < 1.5 * data.nbytes


def write_tar(path: Path, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
    """Write an archive of members that `pack` would not write."""
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            info, content = (tarfile.TarInfo(member[0]), member[1]) if isinstance(member, tuple) else (member, b"")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("protocol", [2, 5])
def test_pickles_of_python_3_are_read_too(tmp_path: Path, protocol: int) -> None:
    photos = {"data": np.full((2, 3072), 200, np.uint8), "fine_labels": [0, 1], "filenames": ["a", "b"]}
    content = {"train": photos, "test": photos, "meta": {"fine_label_names": ["x", "y"]}}
    members = [(f"./folder/{name}", pickle.dumps(value, protocol)) for name, value in content.items()]
    if protocol == 5:  # written with a function that the public archive has no use for
        with pytest.raises(ArchiveError, match=r"numpy\..*_frombuffer"):
            read(write_tar(tmp_path / "a.tar.gz", *members))
    else:
        assert read(write_tar(tmp_path / "a.tar.gz", *members)).train.data.max() == 200


@pytest.mark.parametrize("name", ["/etc/train", "../train", "cifar/../../train", "C\\..\\..\\train"])
def test_a_path_that_escapes_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = write_tar(tmp_path / "a.tar.gz", (name, b"content"))
    with pytest.raises(ArchiveError) as error:
        read(path)
    assert f"the member {name}, whose path leads out" in str(error.value)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused_by_name(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("cifar-100-python/train")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(ArchiveError, match="cifar-100-python/train, which is a link or a device"):
        read(write_tar(tmp_path / "a.tar.gz", member))


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Call(os.mkdir, "escaped"), "posix.mkdir"),
        (Call(eval, "1"), "builtins.eval"),
        (Call(np.fromfile, "/etc/passwd"), "numpy.fromfile"),
    ],
)
def test_a_pickle_that_calls_anything_is_refused_by_name(tmp_path: Path, call: Call, name: str) -> None:
    pickled = pickle.dumps({"data": call}, protocol=2).replace(b"__builtin__\neval", b"builtins\neval")
    with pytest.raises(ArchiveError, match="refused") as error:
        read(write_tar(tmp_path / "a.tar.gz", ("cifar/train", pickled)))
    assert name.split(".")[1] in str(error.value)
    assert not Path("escaped").exists()


def test_the_admitted_encode_only_makes_bytes(tmp_path: Path) -> None:
    pickled = b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R."
    with pytest.raises(ArchiveError, match=r"_codecs\.encode with 'hex'"):
        read(write_tar(tmp_path / "a.tar.gz", ("cifar/train", pickled)))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_archive_is_refused(write_archive: Any, share: float) -> None:
    path = write_archive()
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ArchiveError, match=r"truncated or not a tar\.gz file"):
        read(path)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<html>Not found</html>")
    with pytest.raises(ArchiveError, match=r"not a tar\.gz file"):
        read(path)


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no archive at"):
        read(tmp_path / "nowhere.tar.gz")


def test_a_damaged_pickle_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cifar/test in the archive is not a readable pickle"):
        read(write_tar(tmp_path / "a.tar.gz", ("cifar/test", b"\x80\x02}q\x00(X")))


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no member test"):
        empty = pickle.dumps({}, protocol=2)
        read(write_tar(tmp_path / "a.tar.gz", ("cifar/train", empty), ("cifar/meta", empty)))


def test_a_member_that_comes_twice_is_refused(tmp_path: Path) -> None:
    empty = pickle.dumps({}, protocol=2)
    with pytest.raises(ArchiveError, match="two members train"):
        read(write_tar(tmp_path / "a.tar.gz", ("cifar/train", empty), ("other/train", empty)))


GOOD = {"data": np.zeros((2, 3072), np.uint8), "fine_labels": [0, 1], "filenames": ["a", "b"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": np.zeros((2, 1024), np.uint8)}, r"data in train is uint8 \(2, 1024\); expected uint8 \(2, 3072\)"),
        ({"data": np.zeros((3, 3072), np.uint8)}, r"uint8 \(3, 3072\); expected uint8 \(2, 3072\)"),
        ({"data": np.zeros((2, 3072))}, "data in train is float64"),
        ({"data": "text"}, "data in train is str"),
        ({"fine_labels": [0]}, "not a list of 2 numbers"),
        ({"fine_labels": [0, 4]}, "has 4, but meta names the labels 0 to 3"),
        ({"fine_labels": [0, -1]}, "has -1"),
        ({"filenames": None}, "no list of strings 'filenames' .it has data, filenames, fine_labels"),
    ],
)
def test_contents_that_do_not_fit_are_refused(write_archive: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        read(write_archive(train=GOOD | change))


def test_a_member_that_is_no_dictionary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="holds a list where a dictionary is expected"):
        read(write_tar(tmp_path / "a.tar.gz", ("cifar/meta", pickle.dumps([1], protocol=2))))


@pytest.mark.parametrize("name", ["v\u00e9lo", "\u81ea\u8ee2\u8eca", "[/]", "=1+1"])
def test_names_are_read_as_they_were_packed(write_archive: Any, name: str) -> None:
    path = write_archive(meta={"fine_label_names": ["apple", name, "motorcycle", "road"]})
    assert read(path).class_names[1] == name


def test_a_name_in_latin_1_and_one_of_python_3_are_kept() -> None:
    assert [_text(name) for name in ("v\u00e9lo", "\u8eca", "a\udc80")] == ["v\u00e9lo", "\u8eca", "a?"]
