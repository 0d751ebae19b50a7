"""The dataset: which photos, held out how, under which names, and what stays on the disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from training.dataset import files
from training.dataset.archive import Archive, read
from training.dataset.files import file_names, fingerprint, label_numbers, load, select, write
from training.dataset.overview import counts, sample_sheet, table
from training.errors import DatasetError

CLASSES = ("bicycle", "motorcycle")


@pytest.fixture
def archive(write_archive: Any) -> Archive:
    return read(write_archive())


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_labels_are_found_by_name_in_the_order_asked_for() -> None:
    assert label_numbers(["apple", "bicycle", "motorcycle"], ["motorcycle", "apple"]) == [2, 0]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("bicycle", "motorcicle"), r"no class 'motorcicle': the closest are motorcycle\."),
        (("bicycle", "zzz"), "no class 'zzz': the closest are apple, bicycle, motorcycle"),
        (("bicycle", "bicycle"), "bicycle is asked for more than once"),
        (("bicycle",), "Two classes or more"),
        ((), "Two classes or more"),
    ],
)
def test_classes_that_do_not_fit_are_named(archive: Archive, classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        select(archive, classes, 0.1, seed=0)


def test_the_label_order_is_the_order_asked_for(archive: Archive) -> None:
    index = select(archive, ("motorcycle", "apple", "bicycle"), 0.4, seed=0)
    assert index.groupby("label")["class_name"].unique().explode().tolist() == ["motorcycle", "apple", "bicycle"]


def test_a_class_without_test_images_is_named(archive: Archive) -> None:
    with pytest.raises(DatasetError, match="class road has no test image"):
        select(archive, ("bicycle", "road"), 0.1, seed=0)


@pytest.mark.parametrize("labels", [[1, 1, 1], [1, 1, 2]])
def test_a_class_with_too_few_training_images_is_named(write_archive: Any, labels: list[int]) -> None:
    train = {"data": np.zeros((3, 3072), np.uint8), "fine_labels": labels, "filenames": ["a", "b", "c"]}
    with pytest.raises(DatasetError, match=f"motorcycle has {labels.count(2)} training images"):
        select(read(write_archive(train=train)), CLASSES, 0.1, seed=0)


@pytest.mark.parametrize(("share", "validation"), [(0.1, 2), (0.001, 1), (0.5, 10), (0.999, 19)])
def test_validation_takes_its_share_of_every_class(archive: Archive, share: float, validation: int) -> None:
    by_class = counts(select(archive, CLASSES, share, seed=0))
    assert by_class.loc["bicycle"].tolist() == [20 - validation, validation, 5]
    assert by_class.loc["motorcycle"].tolist() == [20 - validation, validation, 5]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_that_leaves_nothing_is_refused(archive: Archive, share: float) -> None:
    with pytest.raises(DatasetError, match="between 0 and 1"):
        select(archive, CLASSES, share, seed=0)


def test_a_negative_seed_is_refused(archive: Archive) -> None:
    with pytest.raises(DatasetError, match="seed -1"):
        select(archive, CLASSES, 0.1, seed=-1)


def test_no_photo_is_in_two_splits(archive: Archive) -> None:
    index = select(archive, CLASSES, 0.3, seed=0)
    from_train = index[index["split"] != "test"]
    assert len(from_train) == 40
    assert from_train["row"].is_unique
    assert index["s3_key"].is_unique


def test_the_split_depends_on_the_seed_and_nothing_else(archive: Archive) -> None:
    def held_out(classes: tuple[str, ...], seed: int) -> set[int]:
        index = select(archive, classes, 0.3, seed)
        return set(index.loc[(index["split"] == "validation") & (index["class_name"] == "bicycle"), "row"])

    assert held_out(CLASSES, 0) == held_out(("apple", "bicycle"), 0)
    assert held_out(CLASSES, 0) != held_out(CLASSES, 1)


@pytest.mark.parametrize(
    ("names", "safe"),
    [
        (["a.png", "b.png"], ["a.png", "b.png"]),
        (["../../etc/passwd", "C:\\photos\\b.png"], ["passwd.png", "b.png"]),
        (["a\tb\n.png", "ü ö.png"], ["a_b_.png", "___.png"]),
        (["a.png", "A.png"], ["a.png", "A-1.png"]),
        (["a.png", "a-2.png", "a.png"], ["a.png", "a-2.png", "a-2-2.png"]),
        (["..", ""], ["0.png", "1.png"]),
        (["a.jpeg", "a"], ["a.jpeg.png", "a.png"]),
    ],
)
def test_file_names_are_safe_and_unique(names: list[str], safe: list[str]) -> None:
    assert file_names(names, range(len(names))) == safe


def test_images_are_the_pixels_of_the_archive(archive: Archive, tmp_path: Path) -> None:
    index = select(archive, CLASSES, 0.1, seed=0)
    write(archive, index, tmp_path, "fingerprint")
    for line in index.itertuples():
        photos = archive.test if line.split == "test" else archive.train
        with Image.open(tmp_path / str(line.s3_key)) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 32))
            np.testing.assert_array_equal(np.asarray(image)[:, :, 2].ravel(), photos.data[line.row, 2048:])


def test_many_images_are_written_by_several_threads(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = select(archive, CLASSES, 0.1, seed=0)
    write(archive, index, tmp_path / "one", "fingerprint")
    monkeypatch.setattr(files, "BATCH", 7)
    write(archive, index, tmp_path / "several", "fingerprint")
    assert contents(tmp_path / "several") == contents(tmp_path / "one")


def test_lists_have_row_class_and_file_with_tabs_and_no_header(archive: Archive, tmp_path: Path) -> None:
    index = select(archive, CLASSES, 0.1, seed=0)
    write(archive, index, tmp_path, "fingerprint")
    for split in ("train", "validation", "test"):
        lines = (tmp_path / "lists" / f"{split}.lst").read_text().splitlines()
        expected = index[index["split"] == split]
        assert lines == [f"{line.row}\t{line.label}\t{line.filename}" for line in expected.itertuples()]
        assert {line.split("\t")[2] for line in lines} == {p.name for p in (tmp_path / "images" / split).iterdir()}


def test_the_saved_index_is_the_index(archive: Archive, tmp_path: Path) -> None:
    index = select(archive, CLASSES, 0.1, seed=0)
    write(archive, index, tmp_path, "fingerprint")
    saved = load(tmp_path, "fingerprint")
    assert saved is not None
    pd.testing.assert_frame_equal(saved, index)
    assert list(saved.columns) == ["split", "filename", "label", "class_name", "row", "s3_key"]


def test_another_dataset_leaves_nothing_of_the_first(archive: Archive, tmp_path: Path) -> None:
    write(archive, select(archive, CLASSES, 0.3, seed=0), tmp_path / "both", "first")
    second = select(archive, ("apple", "bicycle"), 0.2, seed=1)
    write(archive, second, tmp_path / "both", "second")
    write(archive, second, tmp_path / "alone", "second")
    assert contents(tmp_path / "both") == contents(tmp_path / "alone")


def test_a_dataset_that_is_not_whole_is_not_loaded(archive: Archive, tmp_path: Path) -> None:
    index = select(archive, CLASSES, 0.1, seed=0)
    assert load(tmp_path, "fingerprint") is None
    write(archive, index, tmp_path, "fingerprint")
    assert load(tmp_path, "another") is None
    (tmp_path / index["s3_key"][0]).unlink()
    assert load(tmp_path, "fingerprint") is None


def test_an_interrupted_write_is_not_taken_for_a_dataset(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = select(archive, CLASSES, 0.1, seed=0)
    write(archive, index, tmp_path, "fingerprint")
    monkeypatch.setattr(files, "pixels_of", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write(archive, index, tmp_path, "fingerprint")
    assert load(tmp_path, "fingerprint") is None


def test_the_fingerprint_follows_all_that_shapes_the_dataset(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"photos")
    other.write_bytes(b"other photos")
    prints = [
        fingerprint(one, CLASSES, 0.1, 0),
        fingerprint(other, CLASSES, 0.1, 0),
        fingerprint(one, CLASSES[::-1], 0.1, 0),
        fingerprint(one, CLASSES, 0.2, 0),
        fingerprint(one, CLASSES, 0.1, 1),
    ]
    assert len(set(prints)) == 5
    assert fingerprint(one, list(CLASSES), 0.1, 0) == prints[0]


def test_the_sample_sheet_shows_every_class_in_a_line(archive: Archive, tmp_path: Path) -> None:
    index = select(archive, ("motorcycle", "bicycle", "apple"), 0.1, seed=0)
    write(archive, index, tmp_path, "fingerprint")
    sheet = np.asarray(sample_sheet(tmp_path, index), dtype=int)
    busy = (np.ptp(sheet[:, 260:], axis=(1, 2)) > 100).astype(int)  # the photos, right of the names
    assert (np.diff(busy) == 1).sum() == 3


def test_the_table_adds_up(archive: Archive) -> None:
    grid = table(select(archive, CLASSES, 0.1, seed=0))
    assert [column.footer for column in grid.columns] == ["", "all", "36", "4", "10"]
    assert list(grid.columns[1].cells) == ["bicycle", "motorcycle"]
