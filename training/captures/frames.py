"""Captured inferences as a table: a row each, a column a number, so that a million of them fit into memory."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.algorithm.photo_statistics import STATISTICS
from training.captures.records import CapturedInference
from training.errors import CaptureError

PLACE = ("key", "line", "content_type")  # columns that only those need who look at a record again


def frame(records: Sequence[CapturedInference]) -> pd.DataFrame:
    """Return a row per record, in the order given.

    Returns:
        Columns `time` (datetime64[us, UTC]), `event_id`, `inference_id` (missing when the request had none), `key` and
        `line` of the record in the bucket, `content_type` of the request, the photo's statistics, and `p_0`, `p_1`, ...
        in label order: as many as the longest answer has, and missing where an answer has fewer.
    """
    statistics = np.array([one.statistics for one in records], np.float64).reshape(-1, len(STATISTICS))
    probabilities = _padded([one.probabilities for one in records])
    return pd.DataFrame(
        {
            "time": pd.to_datetime([one.time for one in records], utc=True).as_unit("us"),
            "event_id": pd.Series([one.event_id for one in records], dtype="str"),
            "inference_id": pd.Series([one.inference_id for one in records], dtype="str"),
            "key": pd.Categorical([one.place.key for one in records]),
            "line": np.array([one.place.line for one in records], np.int32),
            "content_type": pd.Categorical([one.content_type for one in records]),
            **dict(zip(STATISTICS, statistics.T, strict=True)),
            **{f"p_{label}": column for label, column in enumerate(probabilities.T)},
        }
    )


def label_columns(inferences: pd.DataFrame) -> list[str]:
    """Return the names of the columns with probabilities, in label order."""
    return [str(name) for name in inferences if str(name).startswith("p_")]


def probabilities_of(inferences: pd.DataFrame, classes: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Return the answers of a table, (inferences, classes).

    They have 64 bits: with fewer, an answer that is as high as the threshold could look lower.

    Raises:
        CaptureError: An answer has more or fewer probabilities than there are classes.
    """
    names = label_columns(inferences)
    values = inferences[names].to_numpy(np.float64)
    if len(names) == len(classes) and not np.isnan(values[:, -1:]).any():
        return values
    counts = np.isfinite(values).sum(axis=1)
    if not (different := np.flatnonzero(counts != len(classes))).size:
        return values[:, : len(classes)].reshape(-1, len(classes))
    first = different[0]
    raise CaptureError(
        f"The inference captured at {inferences['time'].iloc[first]:%Y-%m-%d %H:%M:%S} UTC has {counts[first]} "
        f"probabilities for the {len(classes)} classes {', '.join(classes)}: "
        "deploy a model of these classes and run the test step again."
    )


def _padded(answers: Sequence[Sequence[float]]) -> npt.NDArray[np.float64]:
    """Return the answers as rows of equal length, with NaN at the end of shorter ones."""
    lengths = np.array([len(answer) for answer in answers], np.int64)
    rows = np.full((len(answers), lengths.max(initial=0)), np.nan)
    rows[np.arange(rows.shape[1]) < lengths[:, np.newaxis]] = [value for answer in answers for value in answer]
    return rows
