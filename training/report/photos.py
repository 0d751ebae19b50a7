"""The photos of a page: which inferences it lists, and a small picture of each that it has room for."""

import base64
import io
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from training.config import local_path
from training.report.confidence_plots import marks
from training.report.outcomes import outcomes
from training.streams import visible

MAX_ROWS = 20  # of a table that stand in the page; its script adds the others
MOST_LISTED = 10_000  # rows of a table, those that the script adds included
MOST_THUMBNAILS = 400
MOST_BYTES = 1_600_000  # of all thumbnails, as they stand in the page
MOST_FILE_BYTES = 6_000  # of a file that is its own thumbnail
THUMBNAIL_SIDE = 160  # pixels, of larger files; tables show 48, which dense screens have twice, and the dialog all
QUALITY = 70  # of JPEG

Places: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """One inference."""

    filename: str
    time: str  # UTC
    true_class: str
    predicted_class: str
    confidence: float  # in [0, 1]
    refused: bool
    wrong: bool  # False when the true class is unknown
    thumbnail: int | None  # place in `Photos.thumbnails`; None when the file is not on this machine or has no room

    @property
    def fields(self) -> tuple[Any, ...]:
        """What the page's script gets; confidences of more digits tell no photos apart."""
        numbers = (round(self.confidence, 5), int(self.refused), int(self.wrong), self.thumbnail)
        return (visible(self.time), *map(visible, (self.filename, self.true_class, self.predicted_class)), *numbers)


@dataclass(frozen=True)
class Photos:
    """The inferences of a page. A photo in two tables and behind a mark is one row with one thumbnail."""

    rows: tuple[Row, ...]
    refused: tuple[int, ...]  # rows, the least sure first
    wrong: tuple[int, ...]  # rows, the most sure first
    marks: Mapping[str, tuple[int, ...]]  # rows by the name of a group of marks
    thumbnails: tuple[str, ...]  # data URIs
    left_out: int  # photos on this machine for whose thumbnail the page has no room

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script gets as JSON; it finds the thumbnails of the first rows in the page."""
        shown = {self.rows[row].thumbnail for rows in (self.refused, self.wrong) for row in rows[:MAX_ROWS]}
        return {
            "rows": [row.fields for row in self.rows],
            "tables": {"refused": self.refused, "wrong": self.wrong},
            "marks": self.marks,
            "thumbnails": [None if place in shown else uri for place, uri in enumerate(self.thumbnails)],
        }


def photos_of(inferences: pd.DataFrame, directory: str) -> Photos:
    """Return what the page lists: refused and wrong inferences, and those behind marks.

    Args:
        directory: Of the dataset, where the photos are.
    """
    table = inferences.reset_index(drop=True)
    by_confidence, found = table.sort_values("confidence", kind="stable"), outcomes(table)
    refused = by_confidence.index[found.refused[by_confidence.index]].to_numpy()[:MOST_LISTED]
    wrong = by_confidence.index[found.wrong[by_confidence.index]].to_numpy()[::-1][:MOST_LISTED]
    groups = marks(table)
    wanted = dict.fromkeys(int(place) for places in (*_in_turn(wrong, refused), *groups.values()) for place in places)
    row_of = {place: row for row, place in enumerate(wanted)}
    listed = table.iloc[list(wanted)]
    thumbnails, place_of, left_out = _thumbnails(listed["s3_key"].dropna().unique(), directory)
    rows = zip(listed.to_dict("records"), found.wrong.iloc[list(wanted)], strict=True)

    def chosen(places: Places) -> tuple[int, ...]:
        return tuple(row_of[int(place)] for place in places)

    return Photos(
        rows=tuple(_row(fields, bool(is_wrong), place_of) for fields, is_wrong in rows),
        refused=chosen(refused),
        wrong=chosen(wrong),
        marks={name: chosen(places) for name, places in groups.items()},
        thumbnails=thumbnails,
        left_out=left_out,
    )


def _in_turn(wrong: Places, refused: Places) -> list[Places]:
    """Return what is shown first, so that it gets thumbnails first: the beginnings of both tables, then the rest."""
    return [wrong[:MAX_ROWS], refused[:MAX_ROWS], wrong, refused]


def _row(inference: Mapping[Hashable, Any], wrong: bool, place_of: Mapping[str, int]) -> Row:
    known = pd.notna(inference["true_class"])
    return Row(
        filename=inference["filename"] if known else "unknown image",
        time=f"{inference['time']:%Y-%m-%d %H:%M:%S}",
        true_class=inference["true_class"] if known else "unknown",
        predicted_class=inference["predicted_class"],
        confidence=inference["confidence"],
        refused=bool(inference["below_threshold"]),
        wrong=wrong,
        thumbnail=place_of.get(inference["s3_key"]) if known else None,
    )


def _thumbnails(keys: Iterable[str], directory: str) -> tuple[tuple[str, ...], dict[str, int], int]:
    """Return the thumbnails of the first photos that have room, their places by key, and how many have none."""
    found: list[str] = []
    places: dict[str, int] = {}
    size = left_out = 0
    for key in keys:
        file = local_path(directory, key)
        if len(found) >= MOST_THUMBNAILS or size >= MOST_BYTES:
            left_out += file.exists()
        elif uri := _thumbnail(file):
            size, places[key] = size + len(uri), len(found)
            found.append(uri)
    return tuple(found), places, left_out


def _thumbnail(file: Path) -> str | None:
    """Return an image as a data URI, made smaller if need be; None when it is not on this machine or cannot be read."""
    try:
        if file.stat().st_size <= MOST_FILE_BYTES:
            return _data_uri(file.read_bytes(), "png")
        buffer = io.BytesIO()
        with Image.open(file) as image:
            image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
            image.convert("RGB").save(buffer, format="JPEG", quality=QUALITY)
    except (OSError, ValueError):
        return None
    return _data_uri(buffer.getvalue(), "jpeg")


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
