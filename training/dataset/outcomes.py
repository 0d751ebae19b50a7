"""What became of each file in a directory of photos: a table on disk, and a summary for the console."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from training.csv_files import read_csv, write_csv
from training.dataset.choice import Candidate
from training.dataset.folders import LeftOut
from training.streams import short_name

FILENAME = "photos.csv"
COLUMNS: dict[str, Any] = {  # name -> type
    "file": str,  # relative to the directory
    "class_name": str,  # "" beside the folders of the classes
    "outcome": str,  # "left out", or its split
    "reason": str,
    "detail": str,
    "s3_key": str,
}
LEFT_OUT = "left out"
SHOWN = 3  # files of each reason on the console
LONGEST_NAME = 60  # characters of a file's name there


def tabulate(
    refused: Iterable[LeftOut], used: Sequence[Candidate] = (), index: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return a line for each file that was found: first those that were left out.

    Args:
        index: Of the photos that are used; `row` is the place in `used`.
    """
    lines = [(line.name, line.class_name, LEFT_OUT, line.reason, line.detail, "") for line in refused]
    if index is not None:
        for row, split, key in zip(index["row"], index["split"], index["s3_key"], strict=True):
            lines.append((used[row].photo.name, used[row].photo.class_name, split, "", "", key))
    return pd.DataFrame(lines, columns=[*COLUMNS], dtype=object)


def write(table: pd.DataFrame, directory: Path) -> Path:
    """Write the table to `directory`; returns its path."""
    directory.mkdir(parents=True, exist_ok=True)
    write_csv(table, directory / FILENAME)
    return directory / FILENAME


def read(directory: Path) -> pd.DataFrame | None:
    """Return the table in `directory`; None when it is missing or damaged."""
    try:
        return read_csv(directory / FILENAME, COLUMNS)
    except (FileNotFoundError, ValueError):
        return None


def show(table: pd.DataFrame, console: Console) -> None:
    """Print what was left out, if anything was."""
    if (table["outcome"] == LEFT_OUT).any():
        console.print(summary(table))


def summary(table: pd.DataFrame) -> Table:
    """Return the number of files left out for each reason, the commonest first, with the first names."""
    lost = table[table["outcome"] == LEFT_OUT]
    grid = Table(title=f"Files left out: {len(lost)}")
    grid.add_column("reason", overflow="fold")
    grid.add_column("files", justify="right")
    grid.add_column("the first of them", overflow="fold")
    for reason, count in lost["reason"].value_counts().items():
        names = lost.loc[lost["reason"] == reason, "file"].head(SHOWN)
        shown = ", ".join(short_name(name, LONGEST_NAME) for name in names)
        grid.add_row(str(reason), str(count), shown + (", ..." if count > SHOWN else ""))
    return grid
