"""Digests: of the content, read again only when a file may have changed."""

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest

from training.dataset import digests as digests_module
from training.dataset.digests import digests


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read, in order."""
    names: list[str] = []
    sha256 = digests_module._sha256

    def record(path: Path) -> str:
        names.append(path.name)
        return sha256(path)

    monkeypatch.setattr(digests_module, "_sha256", record)
    monkeypatch.setattr(digests_module, "_RECENT", -1)  # as if all changes were long ago
    return names


def write(directory: Path, **contents: str) -> list[Path]:
    for name, content in contents.items():
        (directory / name).write_text(content)
    return [directory / name for name in contents]


def test_a_digest_is_that_of_the_content(tmp_path: Path) -> None:
    paths = write(tmp_path, a="one", b="two", c="one")
    expected = [hashlib.sha256(text).hexdigest() for text in (b"one", b"two", b"one")]
    assert digests(paths, tmp_path / "memory") == expected


def test_a_file_that_cannot_be_read_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert digests([tmp_path / "nothing", tmp_path / "folder"], tmp_path / "memory") == ["", ""]


def test_unchanged_files_are_read_once(tmp_path: Path, read: list[str]) -> None:
    paths = write(tmp_path, a="one", b="two")
    first = digests(paths, tmp_path / "memory")
    assert digests(paths, tmp_path / "memory") == first
    assert sorted(read) == ["a", "b"]


def test_a_changed_file_is_read_again_even_with_its_old_size_and_time(tmp_path: Path, read: list[str]) -> None:
    paths = write(tmp_path, a="one", b="two")
    before = paths[0].stat()
    first = digests(paths, tmp_path / "memory")
    read.clear()
    time.sleep(0.02)  # the file system's clock is coarse
    paths[0].write_text("eno")
    os.utime(paths[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    second = digests(paths, tmp_path / "memory")
    assert (read, second[0] != first[0], second[1] == first[1]) == (["a"], True, True)


def test_a_file_that_changed_just_now_is_not_remembered(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests_module, "_RECENT", 3_000_000_000)
    paths = write(tmp_path, a="one")
    digests(paths, tmp_path / "memory")
    digests(paths, tmp_path / "memory")
    assert read == ["a", "a"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', '{"a": [1, 2, 3, 4]}', "\0"])
def test_a_damaged_memory_is_forgotten(tmp_path: Path, read: list[str], content: str) -> None:
    paths = write(tmp_path, a="one", memory=content)[:1]
    assert digests(paths, tmp_path / "memory") == [hashlib.sha256(b"one").hexdigest()]
    digests(paths, tmp_path / "memory")
    assert read == ["a"]


def test_an_interruption_keeps_what_was_read(tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write(tmp_path, a="one", b="two", c="three")
    digests(paths[:2], tmp_path / "memory")
    sha256 = digests_module._sha256

    def interrupt(path: Path) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(digests_module, "_sha256", interrupt)
    with pytest.raises(KeyboardInterrupt):
        digests(paths, tmp_path / "memory")
    monkeypatch.setattr(digests_module, "_sha256", sha256)
    read.clear()
    digests(paths, tmp_path / "memory")
    assert read == ["c"]
