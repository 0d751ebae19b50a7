"""Tables as CSV that a spreadsheet does not run, and that come back as they were written.

A spreadsheet takes text that begins with one of `FORMULA` for a formula, which can start programs and send data away
(https://owasp.org/www-community/attacks/CSV_Injection). Such text gets an apostrophe before it, and so does text that
begins with an apostrophe, so that taking one away gives the original. Numbers stay numbers.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from training import atomic

APOSTROPHE = "'"
# The last four are = + - @ of East Asian keyboards, which spreadsheets of those languages read alike.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table without its row labels; an earlier file is replaced as a whole."""
    safe = pd.DataFrame({_escape(name): column.map(_escape) for name, column in table.items()})
    # Lines end as RFC 4180 says: with "\n" alone, pandas does not quote a carriage return in a cell, which ends it.
    atomic.write_text(path, safe.to_csv(index=False, lineterminator="\r\n"))


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], path: Path) -> None:
    """Write rows as they come, for tables that are too long to be kept; an earlier file is replaced as a whole."""
    with atomic.replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text)  # lines end in \r\n
        writer.writerow(columns)
        writer.writerows([_escape(value) for value in row] for row in rows)
        text.flush()
        text.detach()


def read_csv(path: Path, types: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table that `write_csv` wrote; missing text comes back as "".

    Args:
        types: The type of each column: str, int or float.

    Raises:
        ValueError: The file is no such table.
    """
    texts = read_texts(path)
    if set(texts) != set(types):
        raise ValueError(f"its columns are {', '.join(map(str, texts))}")
    return texts.astype(dict(types))  # Python's own reading of a number is exact, pandas' is not


def read_texts(path: Path) -> pd.DataFrame:
    """Return the cells of a table, from wherever, as text; those that are missing as "".

    Raises:
        ValueError: The file is no table.
    """
    cells = pd.read_csv(path, dtype=str, keep_default_na=False).rename(columns=_unescape)
    return pd.DataFrame({name: column.map(_unescape) for name, column in cells.items()})


def _escape(value: Any) -> Any:
    return f"{APOSTROPHE}{value}" if isinstance(value, str) and value.startswith((*FORMULA, APOSTROPHE)) else value


def _unescape(value: Any) -> Any:
    return value.removeprefix(APOSTROPHE) if isinstance(value, str) else value
