"""A dataset of a directory: nothing is done twice, a change is noticed, and an interrupted run is completed."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from tests.unit.training.dataset.scenes import scene, write_folders
from training.algorithm import images
from training.dataset import digests, files, outcomes, own_photos
from training.dataset.choice import Shares
from training.dataset.own_photos import OwnPhotos, Wanted, make_dataset
from training.errors import DatasetError

COUNTS = {"ant": 12, "bee": 15}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write_folders(tmp_path / "photos", COUNTS)


@pytest.fixture
def wanted(directory: Path) -> Wanted:
    return Wanted(directory, (), 32, Shares(0.2, 0.1, 0), keep_duplicates=False)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One number for each photo that is decoded, in place of those that come from the store."""
    numbers: list[int] = []
    pixels = images._pixels

    def count(image: Image.Image, shape: tuple[int, int, int]) -> object:
        if image.size != (32, 32):
            numbers.append(1)
        return pixels(image, shape)

    monkeypatch.setattr(images, "_pixels", count)
    return numbers


def make(wanted: Wanted, run: Path) -> OwnPhotos:
    return make_dataset(wanted, run, Console(file=io.StringIO()))


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def reasons(made: OwnPhotos) -> dict[str, str]:
    lost = made.outcomes[made.outcomes["outcome"] == outcomes.LEFT_OUT]
    return dict(zip(lost["file"], lost["reason"], strict=True))


def test_each_class_is_in_every_split_as_png_files_of_the_size(wanted: Wanted, tmp_path: Path) -> None:
    made = make(wanted, tmp_path / "run")
    assert made.classes == ("ant", "bee")
    counts = made.index.groupby(["class_name", "split"]).size().to_dict()
    assert counts == {
        ("ant", "test"): 2,
        ("ant", "train"): 9,
        ("ant", "validation"): 1,
        ("bee", "test"): 3,
        ("bee", "train"): 11,
        ("bee", "validation"): 1,
    }
    for key in made.index["s3_key"]:
        with Image.open(tmp_path / "run" / "dataset" / key) as image:
            assert (image.format, image.size) == ("PNG", (32, 32))


def test_a_staged_file_shows_the_photo_that_the_table_names(wanted: Wanted, directory: Path, tmp_path: Path) -> None:
    made = make(wanted, tmp_path / "run")
    for line in made.outcomes.to_dict("records"):
        staged = (tmp_path / "run" / "dataset" / line["s3_key"]).read_bytes()
        photo = (directory / line["file"]).read_bytes()
        assert (images.decode(staged, (32, 32, 3)) == images.decode(photo, (32, 32, 3))).all()
        assert f"/{line['outcome']}/" in line["s3_key"]


def test_the_directory_is_only_read(wanted: Wanted, directory: Path, tmp_path: Path) -> None:
    def state() -> dict[str, tuple[bytes, int]]:
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.rglob("*.*")}

    before = state()
    make(wanted, tmp_path / "run")
    assert state() == before


def test_the_same_again_decodes_nothing_and_writes_nothing(
    wanted: Wanted, tmp_path: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "_RECENT", -1)
    first, before = make(wanted, tmp_path / "run"), contents(tmp_path / "run")
    decoded.clear()
    monkeypatch.delattr(own_photos, "decode_photos")
    monkeypatch.delattr(digests, "_sha256")  # nor is a photo read
    second = make(wanted, tmp_path / "run")
    assert contents(tmp_path / "run") == before
    assert second.fingerprint == first.fingerprint
    pd.testing.assert_frame_equal(second.index, first.index)
    pd.testing.assert_frame_equal(second.outcomes, first.outcomes, check_dtype=False)


def change_a_photo(directory: Path) -> None:
    scene(99).save(directory / "ant" / "0.jpg")


def add_a_photo(directory: Path) -> None:
    scene(99).save(directory / "ant" / "99.jpg")


def rename_a_photo(directory: Path) -> None:
    (directory / "ant" / "0.jpg").rename(directory / "ant" / "zero.jpg")


def remove_a_photo(directory: Path) -> None:
    (directory / "ant" / "0.jpg").unlink()


@pytest.mark.parametrize("change", [change_a_photo, add_a_photo, rename_a_photo, remove_a_photo])
def test_a_change_of_the_photos_is_noticed_and_only_new_ones_are_decoded(
    wanted: Wanted, directory: Path, tmp_path: Path, decoded: list[int], change: object
) -> None:
    first = make(wanted, tmp_path / "run")
    decoded.clear()
    assert callable(change)
    change(directory)
    second = make(wanted, tmp_path / "run")
    assert second.fingerprint != first.fingerprint
    assert len(decoded) == (change in (change_a_photo, add_a_photo))
    assert contents(tmp_path / "run" / "dataset") == contents_of_a_new_run(wanted, tmp_path)
    # Nothing is kept of a photo that is gone.
    assert contents(tmp_path / "run" / "decoded") == contents(tmp_path / "another run" / "decoded")


def contents_of_a_new_run(wanted: Wanted, tmp_path: Path) -> dict[str, bytes]:
    make(wanted, tmp_path / "another run")
    return contents(tmp_path / "another run" / "dataset")


def test_each_option_makes_another_dataset(wanted: Wanted, tmp_path: Path) -> None:
    others = [
        wanted,
        replace(wanted, classes=("bee", "ant")),
        replace(wanted, side=48),
        replace(wanted, shares=Shares(0.3, 0.1, 0)),
        replace(wanted, shares=Shares(0.2, 0.3, 0)),
        replace(wanted, shares=Shares(0.2, 0.1, 1)),
        replace(wanted, keep_duplicates=True),
    ]
    assert len({make(other, tmp_path / "run").fingerprint for other in others}) == len(others)


def test_the_fingerprint_does_not_depend_on_the_place(wanted: Wanted, directory: Path, tmp_path: Path) -> None:
    moved = replace(wanted, directory=shutil.copytree(directory, tmp_path / "moved"))
    assert make(moved, tmp_path / "other run").fingerprint == make(wanted, tmp_path / "run").fingerprint


def test_what_cannot_be_used_is_named_with_its_reason(wanted: Wanted, directory: Path, tmp_path: Path) -> None:
    (directory / "ant" / "notes.txt").write_text("not a photo")
    (directory / "ant" / "half.jpg").write_bytes((directory / "ant" / "1.jpg").read_bytes()[:400])
    scene(50, 15, 200).save(directory / "bee" / "narrow.png")
    scene(0).save(directory / "ant" / "copy.webp")  # of 0.jpg
    shutil.copyfile(directory / "ant" / "2.jpg", directory / "bee" / "2 again.jpg")
    assert reasons(make(wanted, tmp_path / "run")) == {
        "ant/notes.txt": "not a photo",
        "ant/half.jpg": "broken",
        "bee/narrow.png": "too small",
        "ant/copy.webp": "duplicate",
        "ant/2.jpg": "in two classes",
        "bee/2 again.jpg": "in two classes",
    }
    assert reasons(make(wanted, tmp_path / "run"))  # the second time too


def test_a_file_that_may_not_be_read_is_named(
    wanted: Wanted, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = digests._sha256

    def refuse(path: Path) -> str:
        if path.name == "3.jpg":
            raise PermissionError(13, "Permission denied")
        return sha256(path)

    monkeypatch.setattr(digests, "_sha256", refuse)
    assert reasons(make(wanted, tmp_path / "run")) == {"ant/3.jpg": "unreadable", "bee/3.jpg": "unreadable"}


def test_no_two_splits_have_photos_that_look_the_same(wanted: Wanted, directory: Path, tmp_path: Path) -> None:
    for number in range(12):
        scene(number).save(directory / "ant" / f"again {number}.jpg", quality=60)
    made = make(wanted, tmp_path / "run")
    assert set(reasons(made).values()) == {"duplicate"} and len(reasons(made)) == 12
    kept = make(replace(wanted, keep_duplicates=True), tmp_path / "run")
    assert len(kept.index) == len(made.index) + 12


def test_too_few_photos_are_refused_with_a_table_that_says_why(wanted: Wanted, directory: Path, tmp_path: Path) -> None:
    make(wanted, tmp_path / "run")
    for number in range(8):
        (directory / "bee" / f"{number}.jpg").write_bytes(b"")
    sentence = r"bee has 7 \(8 left out\): add photos, .*/run/photos\.csv says why"
    shown = io.StringIO()
    with pytest.raises(DatasetError, match=sentence):
        make_dataset(wanted, tmp_path / "run", Console(file=shown, width=200))
    assert "Files left out: 8" in shown.getvalue()
    table = outcomes.read(tmp_path / "run")
    assert table is not None and table["reason"].tolist() == ["not a photo"] * 8
    with pytest.raises(DatasetError, match=sentence):  # the earlier dataset does not pass for this one
        make(wanted, tmp_path / "run")


def test_the_table_of_a_refused_run_is_not_that_of_the_dataset(wanted: Wanted, directory: Path, tmp_path: Path) -> None:
    first = make(wanted, tmp_path / "run")
    shutil.copytree(directory / "bee", tmp_path / "kept")
    shutil.rmtree(directory / "bee")
    (directory / "bee").mkdir()
    with pytest.raises(DatasetError, match=r"bee has 0 \(0 left out\)"):
        make(wanted, tmp_path / "run")
    shutil.copytree(tmp_path / "kept", directory / "bee", dirs_exist_ok=True)
    pd.testing.assert_frame_equal(make(wanted, tmp_path / "run").outcomes, first.outcomes)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    with monkeypatch.context() as patched:
        yield patched


@pytest.mark.parametrize(
    ("module", "name"),
    [(own_photos, "decode_photos"), (shutil, "copyfile"), (files, "write_index"), (outcomes, "write")],
)
def test_an_interrupted_run_is_completed_by_the_next(
    wanted: Wanted, directory: Path, tmp_path: Path, interrupted: pytest.MonkeyPatch, module: object, name: str
) -> None:
    make(wanted, tmp_path / "run")
    add_a_photo(directory)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    interrupted.setattr(module, name, interrupt)
    with pytest.raises(KeyboardInterrupt):
        make(wanted, tmp_path / "run")
    interrupted.undo()
    made = make(wanted, tmp_path / "run")
    assert len(made.index) == 28
    assert contents(tmp_path / "run" / "dataset") == contents_of_a_new_run(wanted, tmp_path)


@pytest.mark.parametrize("name", ["photos.csv", "dataset/images.csv", "dataset/lists/train.lst", "digests.json"])
def test_a_file_that_is_missing_is_made_again(wanted: Wanted, tmp_path: Path, name: str) -> None:
    make(wanted, tmp_path / "run")
    before = contents(tmp_path / "run" / "dataset")
    (tmp_path / "run" / name).unlink(missing_ok=True)
    make(wanted, tmp_path / "run")
    assert contents(tmp_path / "run" / "dataset") == before
    assert (tmp_path / "run" / "photos.csv").exists()
