"""Where the photos of traffic come from."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.fakes import make_context
from tests.unit.training.traffic.conftest import png
from training.context import Context
from training.errors import StepNotRunError, TrafficError
from training.traffic import photos


def read(context: Context, directory: Path | None = None) -> list[photos.Photo]:
    return photos.read(context, str(directory) if directory else None, np.random.default_rng(0))


def test_the_staged_test_photos_come_class_by_class(context: Context) -> None:
    found = read(context)
    assert sorted(photo.name for photo in found) == [f"{number}.png" for number in range(8)]
    assert [photo.class_name for photo in found] == ["bicycle", "motorcycle"] * 4
    assert [photo.name for photo in found] == [photo.name for photo in read(context)]


def test_nothing_staged_is_told(tmp_path: Path) -> None:
    with pytest.raises(StepNotRunError, match="stage"):
        read(make_context(tmp_path))


def test_a_staged_photo_that_is_gone_is_named(context: Context) -> None:
    (context.directory / "dataset/images/test/3.png").unlink()
    with pytest.raises(TrafficError, match=r"3\.png cannot be read"):
        read(context)


def test_own_photos_have_the_class_of_their_folder(context: Context, tmp_path: Path) -> None:
    for name in ("own/cat/a.JPG", "own/cat/deep/b.webp", "own/dog/c.png", "own/d.gif", "own/.e.png", "own/cat/f.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png())
    found = {photo.name: (photo.class_name, photo.suffix) for photo in read(context, tmp_path / "own")}
    assert found == {
        "cat/a.JPG": ("cat", ".jpg"),
        "cat/deep/b.webp": ("cat", ".webp"),
        "dog/c.png": ("dog", ".png"),
        "d.gif": ("", ".gif"),
    }


def test_a_directory_without_photos_and_none_are_refused(context: Context, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(TrafficError, match="There is no photo in"):
        read(context, tmp_path / "none")
    with pytest.raises(TrafficError, match="There is no directory"):
        read(context, tmp_path / "missing")


def test_no_more_photos_are_read_than_fit(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MOST_PHOTOS", 3)
    assert len(read(context)) == 3
    monkeypatch.setattr(photos, "MOST_BYTES", 1)
    assert len(read(context)) == 1
