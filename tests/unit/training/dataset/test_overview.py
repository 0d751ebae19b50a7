"""The overview: a table that adds up and a sheet with a line per class."""

from pathlib import Path

import numpy as np

from training.dataset.archive import Archive
from training.dataset.files import write
from training.dataset.overview import sample_sheet, table
from training.dataset.selection import select

CLASSES = ("bicycle", "motorcycle")


def test_the_sample_sheet_shows_every_class_in_a_line(archive: Archive, tmp_path: Path) -> None:
    index = select(archive, ("motorcycle", "bicycle", "apple"), 0.1, seed=0)
    write(archive, index, tmp_path, "fingerprint")
    sheet = np.asarray(sample_sheet(tmp_path, index), dtype=int)
    busy = (np.ptp(sheet[:, 260:], axis=(1, 2)) > 100).astype(int)  # the photos, right of the names
    assert (np.diff(busy) == 1).sum() == 3


def test_a_class_of_any_name_has_a_line(archive: Archive, tmp_path: Path) -> None:
    index = select(archive, CLASSES, 0.1, seed=0)
    write(archive, index, tmp_path, "fingerprint")
    names = {"bicycle": "two\nlines", "motorcycle": "W" * 300}
    sheet = sample_sheet(tmp_path, index.assign(class_name=index["class_name"].map(names)))
    narrow = sample_sheet(tmp_path, index)
    assert sheet.size == narrow.size
    assert sheet.crop((240, 0, *sheet.size)).tobytes() == narrow.crop((240, 0, *narrow.size)).tobytes()


def test_the_table_adds_up(archive: Archive) -> None:
    grid = table(select(archive, CLASSES, 0.1, seed=0), 32)
    assert [column.footer for column in grid.columns] == ["", "all", "36", "4", "10"]
    assert list(grid.columns[1].cells) == ["bicycle", "motorcycle"]
