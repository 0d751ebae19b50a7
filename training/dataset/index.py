"""The index of a dataset: one line per image, kept as `images.csv` in the dataset's directory."""

from pathlib import Path
from typing import Any

import pandas as pd

from training.csv_files import read_csv, write_csv
from training.errors import StepNotRunError

FILENAME = "images.csv"
COLUMNS: dict[str, Any] = {  # name -> type
    "split": str,  # train, validation or test
    "filename": str,
    "label": int,  # 0-based, in the order of the dataset's classes
    "class_name": str,
    "row": int,  # of the archive member that the image came from
    "s3_key": str,
}


def read_index(directory: str | Path) -> pd.DataFrame:
    """Return the index of the dataset in `directory`; a class may be called "null", "1" or "=1+1".

    Raises:
        StepNotRunError: It is missing or damaged.
    """
    path = Path(directory) / FILENAME
    try:
        return read_csv(path, COLUMNS)
    except (FileNotFoundError, ValueError) as err:  # pandas' errors of parsing are ValueErrors
        reason = "missing" if isinstance(err, FileNotFoundError) else "empty or damaged"
        raise StepNotRunError(
            f"{path}, the index of the photos, is {reason}: run `python training/run.py stage` again."
        ) from err


def write_index(index: pd.DataFrame, directory: Path) -> None:
    """Write the index of the dataset in `directory`."""
    write_csv(index, directory / FILENAME)
