import itertools
import random
from collections.abc import Iterator

import pytest
from ministack.services import cloudwatch

from localcloud.corrections import metric_data

METRIC = ("Test", "Duration")
DIMENSIONS = {"FunctionName": "one"}
STATISTICS = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
NOON = 1_800_000_000  # seconds; the beginning of a minute


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    cloudwatch._metrics.pop((*METRIC, cloudwatch._dims_key(DIMENSIONS)), None)


def points() -> list[metric_data.Point]:
    return list(cloudwatch._metrics.get((*METRIC, cloudwatch._dims_key(DIMENSIONS)), []))


def test_equal_values_of_a_minute_are_one_point() -> None:
    for second in range(60):
        metric_data.record(METRIC, [1], "Count", DIMENSIONS, NOON + second)
    metric_data.record(METRIC, [1], "Count", DIMENSIONS, NOON + 60)
    assert [(point["Count"], point["Timestamp"]) for point in points()] == [(60, NOON + 59), (1, NOON + 60)]


def test_many_values_take_bounded_memory_and_keep_their_statistics() -> None:
    generator = random.Random(0)
    values = [generator.lognormvariate(3, 1) for _ in range(20_000)]
    for number, value in enumerate(values):
        metric_data.record(METRIC, [value], "Milliseconds", DIMENSIONS, NOON + number * 60 / 20_000)
    kept, plain = points(), [{"Value": value} for value in values]
    assert len(kept) < 500
    told, expected = cloudwatch._calc_stats(kept), cloudwatch._calc_stats(plain)
    assert told == {name: pytest.approx(expected[name], rel=1e-9) for name in STATISTICS}
    for percentile in ("p50", "p90", "p99"):
        exact = cloudwatch._stat_value(expected, percentile, plain)
        assert cloudwatch._stat_value(told, percentile, kept) == pytest.approx(exact, rel=metric_data.RESOLUTION)


def test_minutes_and_units_stay_apart() -> None:
    for number, unit in itertools.product(range(1920), ("Milliseconds", "Seconds")):
        metric_data.record(METRIC, [5 + number % 7 / 1e3], unit, DIMENSIONS, NOON + number % 120)
    counts: dict[tuple[float, str], float] = {}
    for point in points():
        group = (point["Timestamp"] // 60, point["Unit"])
        counts[group] = counts.get(group, 0) + point["Count"]
    assert sorted(counts.values()) == [960] * 4


def test_statistic_sets_stay_as_they_are() -> None:
    one = {"Timestamp": NOON, "Unit": "None", "Value": 2.0, "_stat": {"SampleCount": 3, "Sum": 6}}
    assert list(metric_data.merge([one] * 5)) == [one] * 5


def test_minutes_that_are_over_are_not_merged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    merge = metric_data.merge

    def counted(points: list[metric_data.Point]) -> Iterator[metric_data.Point]:
        given.append(len(points))
        return merge(points)

    monkeypatch.setattr(metric_data, "merge", counted)
    generator = random.Random(0)
    values = [generator.lognormvariate(3, 1) for _ in range(6_000)]
    for number, value in enumerate(values):  # a hundred a minute
        metric_data.record(METRIC, [value], "Milliseconds", DIMENSIONS, NOON + number * 0.6)
    assert len(points()) > 2_000 and max(given) <= 2 * metric_data.MOST_NEW
    told = cloudwatch._calc_stats(points())
    assert told == pytest.approx(cloudwatch._calc_stats([{"Value": value} for value in values]))
