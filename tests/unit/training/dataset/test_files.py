"""The files of a dataset: written whole or not at all, and nothing of an earlier one left."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from training.dataset import files
from training.dataset.archive import Archive
from training.dataset.files import fingerprint, load, write
from training.dataset.selection import select

CLASSES = ("bicycle", "motorcycle")


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_images_are_the_pixels_of_the_archive(archive: Archive, tmp_path: Path) -> None:
    index = select(archive, CLASSES, 0.1, seed=0)
    write(archive, index, tmp_path, "fingerprint")
    for line in index.to_dict("records"):
        photos = archive.test if line["split"] == "test" else archive.train
        with Image.open(tmp_path / line["s3_key"]) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 32))
            np.testing.assert_array_equal(np.asarray(image)[:, :, 2].ravel(), photos.data[line["row"], 2048:])


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


@pytest.mark.parametrize(
    "content", [None, b"", b"split,filename\ntrain,a.png\n", b"\xff\xfe\x00", b'"', b"a,b\n1,2,3\n4\n5,6,7,8\n'"]
)
def test_a_damaged_index_counts_as_missing(archive: Archive, tmp_path: Path, content: bytes | None) -> None:
    write(archive, select(archive, CLASSES, 0.1, seed=0), tmp_path, "fingerprint")
    if content is None:
        (tmp_path / "images.csv").unlink()
    else:
        (tmp_path / "images.csv").write_bytes(content)
    assert load(tmp_path, "fingerprint") is None


def test_a_damaged_label_makes_the_index_missing(archive: Archive, tmp_path: Path) -> None:
    write(archive, select(archive, CLASSES, 0.1, seed=0), tmp_path, "fingerprint")
    path = tmp_path / "images.csv"
    path.write_text(path.read_text().replace(",1,", ",?,", 1))
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


def test_the_fingerprint_follows_all_that_shapes_the_dataset() -> None:
    one, other = "digest of one", "digest of another"
    prints = [
        fingerprint(one, CLASSES, 0.1, 0),
        fingerprint(other, CLASSES, 0.1, 0),
        fingerprint(one, CLASSES[::-1], 0.1, 0),
        fingerprint(one, CLASSES, 0.2, 0),
        fingerprint(one, CLASSES, 0.1, 1),
    ]
    assert len(set(prints)) == 5
    assert fingerprint(one, list(CLASSES), 0.1, 0) == prints[0]
