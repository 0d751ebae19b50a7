"""The index comes back as it was written, whatever the classes are called."""

from pathlib import Path

import pandas as pd
import pytest

from training.dataset.index import read_index, write_index
from training.errors import StepNotRunError


@pytest.mark.parametrize("class_name", ["bicycle", "null", "NaN", "1", "1e5", "true", "", "=1+1", "-1"])
def test_a_class_keeps_its_name(tmp_path: Path, class_name: str) -> None:
    line = {"split": "test", "filename": "007.png", "label": 3, "class_name": class_name, "row": 12, "s3_key": "007"}
    written = pd.DataFrame([line])
    write_index(written, tmp_path)
    pd.testing.assert_frame_equal(read_index(tmp_path), written)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"split,filename\n", b"\xff\xfe", b'a,"b\n', b"<html>"])
def test_an_empty_or_damaged_index_names_the_step_to_run(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "images.csv").write_bytes(content)
    with pytest.raises(
        StepNotRunError, match=r"images\.csv.* is empty or damaged: run `python training/run\.py stage`"
    ):
        read_index(tmp_path)


def test_an_index_that_ends_in_the_middle_of_a_line_is_damaged(tmp_path: Path) -> None:
    line = {"split": "test", "filename": "7.png", "label": 3, "class_name": "a", "row": 12, "s3_key": "7"}
    write_index(pd.DataFrame([line] * 9), tmp_path)
    path = tmp_path / "images.csv"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(StepNotRunError, match="damaged"):
        read_index(tmp_path)


def test_a_missing_index_names_the_step_to_run(tmp_path: Path) -> None:
    with pytest.raises(StepNotRunError, match=r"images\.csv.* is missing: run `python training/run\.py stage`"):
        read_index(tmp_path)
