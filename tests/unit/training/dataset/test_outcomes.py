"""The table of outcomes: a line for each file, those left out first, and a summary that adds up."""

from pathlib import Path

import pytest

from tests.unit.training.dataset.test_choice import SHARES, many
from training.dataset import outcomes
from training.dataset.choice import split
from training.dataset.folders import LeftOut

LOST = [LeftOut(f"a/{n}.jpg", "a", "broken", "It is cut off.") for n in range(5)] + [
    LeftOut("=cmd|x", "", "no class", "It lies beside the folders.")
]


def test_a_line_for_each_file_says_what_became_of_it(tmp_path: Path) -> None:
    used = many("a", 10) + many("b", 10, 50)
    index = split(("a", "b"), used, SHARES)
    table = outcomes.tabulate(LOST, used, index)
    path = outcomes.write(table, tmp_path / "run")
    assert table["outcome"].tolist() == ["left out"] * 6 + index["split"].tolist()
    assert table["s3_key"].tolist() == [""] * 6 + index["s3_key"].tolist()
    assert path.read_text().splitlines()[1] == "a/0.jpg,a,left out,broken,It is cut off.,"
    assert "\n'=cmd|x,," in path.read_text()  # no formula
    read = outcomes.read(tmp_path / "run")
    assert read is not None and read.to_dict("records") == table.to_dict("records")


def test_the_summary_counts_each_reason_and_names_the_first_files() -> None:
    grid = outcomes.summary(outcomes.tabulate(LOST))
    assert grid.title == "Files left out: 6"
    assert [list(column.cells) for column in grid.columns] == [
        ["broken", "no class"],
        ["5", "1"],
        ["a/0.jpg, a/1.jpg, a/2.jpg, ...", "=cmd|x"],
    ]


@pytest.mark.parametrize("content", [None, b"", b"file,outcome\n", b"\xff"])
def test_a_missing_or_damaged_table_is_no_table(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / outcomes.FILENAME).write_bytes(content)
    assert outcomes.read(tmp_path) is None
