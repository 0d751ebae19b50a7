"""What a spreadsheet would run is written as text, and every table comes back as it was written."""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from training.csv_files import read_csv, write_csv, write_rows

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "=cmd|'/C calc'!A0",
    '=HYPERLINK("x","y")',
]
PIECES = [*"=+-@\t\r\n'\",; a\0#\\", "\u00e9", "\x1b", "\ufeff", "\u2028", "NaN"]


def cells(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe(tmp_path: Path, text: str) -> None:
    write_csv(pd.DataFrame({"class_name": [text], text: [1]}), tmp_path / "t.csv")
    header, row = cells(tmp_path / "t.csv")
    assert header == ["class_name", f"'{text}"]
    assert row == [f"'{text}", "1"]


@pytest.mark.parametrize("text", [*FORMULAS, "'", "''=1", "'quoted'", "plain", "", "-1.5"])
def test_text_comes_back(tmp_path: Path, text: str) -> None:
    write_csv(pd.DataFrame({"class_name": [text, "other"], "row": 1}), tmp_path / "t.csv")
    assert read_csv(tmp_path / "t.csv", {"class_name": str, "row": int})["class_name"].tolist() == [text, "other"]


def test_random_text_comes_back(tmp_path: Path) -> None:
    generator = random.Random(0)
    texts = ["".join(generator.choices(PIECES, k=generator.randint(0, 5))) for _ in range(5000)]
    table = pd.DataFrame({"a": texts, "row": 0, "b": texts[::-1]})
    write_csv(table, tmp_path / "t.csv")
    assert read_csv(tmp_path / "t.csv", {"a": str, "row": int, "b": str}).to_dict("list") == table.to_dict("list")


def test_rows_are_written_as_a_table_is(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [*FORMULAS, "é", 'a"b'], "row": 0})
    write_csv(table, tmp_path / "t.csv")
    write_rows(["a", "row"], ([text, 0] for text in table["a"]), tmp_path / "rows.csv")
    assert cells(tmp_path / "rows.csv") == cells(tmp_path / "t.csv")
    assert (tmp_path / "rows.csv").read_bytes().startswith(b"a,row\r\n")


def test_rows_that_end_in_an_error_leave_the_earlier_file(tmp_path: Path) -> None:
    def rows() -> Iterator[list[str]]:
        yield ["b"]
        raise ValueError

    write_rows(["a"], [["earlier"]], tmp_path / "t.csv")
    with pytest.raises(ValueError):
        write_rows(["a"], rows(), tmp_path / "t.csv")
    assert cells(tmp_path / "t.csv") == [["a"], ["earlier"]]
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    table = pd.DataFrame({"value": [-1.5, 0.1 + 0.2, -1e-300], "row": [-3, 0, 7]})
    write_csv(table, tmp_path / "t.csv")
    assert cells(tmp_path / "t.csv")[1] == ["-1.5", "-3"]
    pd.testing.assert_frame_equal(read_csv(tmp_path / "t.csv", {"value": float, "row": int}), table, check_exact=True)


def test_missing_text_is_an_empty_cell(tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"error": [None, "-"], "seconds": [1.0, 2.0]}), tmp_path / "t.csv")
    assert cells(tmp_path / "t.csv")[1:] == [["", "1.0"], ["'-", "2.0"]]


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"a": ["x"]}), tmp_path / "t.csv")
    with pytest.raises(ValueError, match="its columns are a"):
        read_csv(tmp_path / "t.csv", {"b": str})
