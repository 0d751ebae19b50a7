"""Which photos the step traffic sent, and their true classes, so that the report knows what was right.

Each traffic keeps `photos.csv`, an index like that of a dataset, whose keys begin with the prefix of the traffic: the
InferenceIds differ from those of staged photos, and neither is counted among the other.
"""

from contextlib import suppress
from pathlib import Path

import pandas as pd

from training.csv_files import read_csv, write_csv
from training.dataset.index import COLUMNS

FILENAME = "photos.csv"
SPLIT = "traffic"


def directory_of(run_directory: Path, name: str) -> Path:
    """Return where the results of one traffic are kept."""
    return run_directory / "traffic" / name


def write(truth: dict[str, tuple[str, str]], directory: Path) -> None:
    """Write the index of photos: their names and true classes by their keys in the bucket."""
    rows = [(SPLIT, name, 0, class_name, 0, key) for key, (name, class_name) in truth.items()]
    write_csv(pd.DataFrame(rows, columns=list(COLUMNS)), directory / FILENAME)


def read(run_directory: Path, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return the index of all photos of all traffic that have one of these classes; a damaged file is left out."""
    found = [pd.DataFrame(columns=list(COLUMNS))]
    for path in sorted((run_directory / "traffic").glob(f"*/{FILENAME}")):
        with suppress(OSError, ValueError):
            found.append(read_csv(path, COLUMNS))
    index = pd.concat([table for table in found if len(table)] or found[:1], ignore_index=True)
    index = index[index["class_name"].isin(classes)]
    return index.assign(label=[classes.index(name) for name in index["class_name"]])
