"""What a batch costs, by prices that the tests know."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.training.price_table import HERE, entry, price_table
from training.costs import batch, prices
from training.costs.batch import BatchSize
from training.costs.estimate import Estimate


@pytest.fixture(autouse=True)
def known_prices(tmp_path: Path) -> Iterator[None]:
    services = {
        prices.TRANSITION: entry(25e-6),
        prices.EXPRESS_REQUEST: entry(1e-6),
        prices.EXPRESS_GB_SECOND: entry(16.67e-6),
        prices.LAMBDA_REQUEST: entry(0.2e-6),
        prices.LAMBDA_GB_SECOND: entry(16.6667e-6),
        prices.S3_GB_MONTH: entry(0.023),
        prices.S3_PUT: entry(5e-6),
        prices.S3_GET: entry(0.4e-6),
        prices.LOG_GB: entry(0.5),
    }
    with price_table(tmp_path, services=services, hosting={"ml.m5.large": entry(0.115)}):
        yield


def test_a_million_photos_cost_what_the_documentation_says() -> None:
    usd = Estimate(HERE, tuple(batch.lines(HERE, BatchSize(1_000_000, 32)))).usd
    assert usd == pytest.approx(3.45, abs=0.01)


def test_a_hundred_times_the_photos_cost_a_hundred_times_as_much() -> None:
    one, many = (batch.lines(HERE, BatchSize(number, 32)) for number in (1_000_000, 100_000_000))
    for line, larger in zip(one, many, strict=True):
        assert line.usd is not None and larger.usd == pytest.approx(100 * line.usd, rel=1e-3)


def test_children_are_whole() -> None:
    assert [BatchSize(number, 8).children for number in (1, 40, 41)] == [1, 1, 2]


def test_the_endpoint_s_time_is_shown_beside_the_sum() -> None:
    line = batch.endpoint_line(HERE, {"ml.m5.large": 2}, BatchSize(360_000, 10))
    assert (line.basis, line.in_total) == ("2 x ml.m5.large, 1 hours", False)
    assert line.usd == pytest.approx(0.23)


def test_after_a_batch_its_own_time_counts() -> None:
    assert batch.endpoint_line(HERE, {"ml.m5.large": 1}, BatchSize(10, 8, seconds=7200)).usd == pytest.approx(0.23)


def test_without_a_price_the_cost_is_unknown() -> None:
    assert Estimate("mars", tuple(batch.lines("mars", BatchSize(10, 8)))).usd is None
