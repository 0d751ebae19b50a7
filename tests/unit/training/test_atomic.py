"""A file is the earlier one or the new one, never a part."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from training import atomic


def test_the_new_content_replaces_the_earlier(tmp_path: Path) -> None:
    for text in ("one", "two é"):
        atomic.write_text(tmp_path / "file", text)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "two é"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failure_leaves_the_earlier_file_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    atomic.write(tmp_path / "file", b"earlier")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os if function == "fsync" else Path, function, full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"earlier"


def test_a_directory_that_can_be_written_stays_as_it_was(tmp_path: Path) -> None:
    atomic.check_writable(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        atomic.check_writable(tmp_path / "file")
