"""The index of a dataset: one line per image, kept as `images.csv` in the dataset's directory."""

from pathlib import Path
from typing import Any

import pandas as pd

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
    """Return the index of the dataset in `directory`; a class may be called "null" or "1"."""
    return pd.read_csv(Path(directory) / FILENAME, dtype=COLUMNS, keep_default_na=False)


def write_index(index: pd.DataFrame, directory: Path) -> None:
    """Write the index of the dataset in `directory`."""
    index.to_csv(directory / FILENAME, index=False)
