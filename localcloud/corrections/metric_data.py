"""Metrics of the cloud's own services, in bounded memory: of each minute, how the values are distributed.

MiniStack keeps each value for two weeks. Here the values of a minute that differ by less than RESOLUTION become one
with their number. Number, sum, least and greatest value of a minute stay what they were; percentiles are off by less
than RESOLUTION.
"""

import itertools
import math
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from ministack.services import cloudwatch

from localcloud import identity

Point = dict[str, Any]  # as MiniStack keeps it

MINUTE = 60  # seconds
RESOLUTION = 0.05  # of a value
MOST_NEW = 200  # points of a metric that are kept as they came

_lock = threading.Lock()
_merged: dict[tuple[Any, ...], int] = {}  # points of each metric after they were merged last


class Points(list[Point]):
    """The points of a metric, which nobody changes: a saved state needs no copies of them."""

    def __deepcopy__(self, memo: Any) -> list[Point]:
        return list(self)


def record(
    metric: tuple[str, str], values: Iterable[float], unit: str, dimensions: dict[str, str], timestamp: float = 0
) -> None:
    """Keep values of a metric.

    Args:
        metric: Namespace and name.
        timestamp: Seconds since 1970; 0 for now.
    """
    key = (*metric, cloudwatch._dims_key(dimensions))
    base = {"Timestamp": timestamp or time.time(), "Unit": unit, "Dimensions": dimensions}
    with _lock:
        points = cloudwatch._metric_bucket(key)
        scoped = (identity.account_id(), identity.region(), key)
        if not isinstance(points, Points):
            points = Points(points)
            _merged.pop(scoped, None)
        for value in values:
            add(points, {**base, "Value": float(value), "Count": 1.0})
        merged = _merged.get(scoped, 0)
        if len(points) > merged + MOST_NEW:
            begin = begin_of_last_minute(points, merged)
            points = Points([*points[:begin], *merge(points[begin:])])  # whoever reads the other list goes on with it
            _merged[scoped] = len(points)
        cloudwatch._metrics[key] = points


def prepare_for_saving() -> None:
    """Let no metric be copied point by point: MiniStack makes plain lists when it loads or forgets points."""
    with _lock:
        metrics = cloudwatch._metrics._data
        for key, points in list(metrics.items()):
            if not isinstance(points, Points):
                metrics[key] = Points(points if len(points) <= MOST_NEW else merge(points))


def add(points: list[Point], new: Point) -> None:
    """Add a point, or count the last one once more when it is the same in the same minute."""
    last = points[-1] if points else {}
    if last.get("Value") == new["Value"] and "_stat" not in last and group_of(last) == group_of(new):
        points[-1] = {**new, "Count": last.get("Count", 1.0) + 1}
    else:
        points.append(new)


def begin_of_last_minute(points: list[Point], merged: int) -> int:
    """Return where the minute of the last of the merged points begins: the minutes before it have no new points."""
    begin = merged
    while begin and group_of(points[begin - 1])[0] >= group_of(points[merged - 1])[0]:
        begin -= 1
    return begin


def merge(points: Iterable[Point]) -> Iterator[Point]:
    """Yield one point for those of a minute whose values are about the same; the least and the greatest stay apart.

    Statistic sets and values below zero stay as they are.
    """
    minutes: dict[Any, list[Point]] = {}
    for number, point in enumerate(points):
        is_plain = "_stat" not in point and point["Value"] >= 0
        minutes.setdefault(group_of(point)[:2] if is_plain else number, []).append(point)
    for found in minutes.values():
        found.sort(key=value_of)
        yield found[0]
        for _, alike in itertools.groupby(found[1:-1], key=group_of):
            yield joined(list(alike))
        yield from found[1:][-1:]


def joined(points: list[Point]) -> Point:
    """Return one point with the number, the mean and the newest time of some."""
    counts = [point.get("Count", 1.0) for point in points]
    total = sum(value_of(point) * count for point, count in zip(points, counts, strict=True))
    newest = max(point["Timestamp"] for point in points)
    return {**points[0], "Timestamp": newest, "Value": total / sum(counts), "Count": sum(counts)}


def value_of(point: Point) -> float:
    return float(point["Value"])


def group_of(point: Point) -> tuple[int, str, int]:
    """Return what points must have in common to become one: minute, unit and about the value."""
    value = point["Value"]
    step = round(math.log(value) / math.log1p(RESOLUTION)) if value > 0 else -(10**6)
    return int(point["Timestamp"] // MINUTE), point["Unit"], step
