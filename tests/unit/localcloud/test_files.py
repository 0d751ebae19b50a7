import os
from pathlib import Path

import pytest

from localcloud.files import UnsafePathError, damaged, inside, set_aside, write_durably


def test_a_name_below_the_directory_is_its_path(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/b.png") == tmp_path.resolve() / "a" / "b.png"
    assert inside(tmp_path, "a/../b.png") == tmp_path.resolve() / "b.png"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\0b", "\ud800", "a/" * 3000 + "b", "out/x", "loop/x"]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "job"
    directory.mkdir()
    (directory / "out").symlink_to(tmp_path)
    (directory / "loop").symlink_to("loop")
    with pytest.raises(UnsafePathError):
        inside(directory, name)


def test_a_directory_whose_name_begins_alike_is_outside(tmp_path: Path) -> None:
    with pytest.raises(UnsafePathError, match="leads out of the directory"):
        inside(tmp_path / "job", "../job-2/x")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    write_durably(path, b"old")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_file_is_found_under_its_new_name(tmp_path: Path) -> None:
    path = tmp_path / "sagemaker" / "resources.json"
    path.parent.mkdir()
    path.write_text("{")
    aside = set_aside(path)
    assert aside.name.startswith("resources.json.damaged-2")
    assert aside.read_text() == "{"
    assert not path.exists()
    assert damaged(tmp_path) == [aside]
