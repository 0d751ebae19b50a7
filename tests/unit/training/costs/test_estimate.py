"""What things cost, from prices that the tests know, and how that is shown."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.training.price_table import HERE, entry, price_table
from training.costs import estimate, prices, table
from training.costs.estimate import Estimate


@pytest.fixture(autouse=True)
def known_prices(tmp_path: Path) -> Iterator[None]:
    """A table with round prices."""
    with price_table(
        tmp_path,
        training={"ml.m5.large": entry(0.12), "ml.g4dn.xlarge": entry(0.72, "2026-03-04", verified=False)},
        hosting={"ml.m5.large": entry(0.1), "ml.p9.huge": entry(1234.5)},
        services={
            prices.TRANSITION: entry(0.001),
            prices.LAMBDA_REQUEST: entry(0.002),
            prices.LAMBDA_GB_SECOND: entry(0.004),
            prices.S3_GB_MONTH: entry(100),
            prices.S3_PUT: entry(0.01),
            prices.S3_GET: entry(0.001),
        },
    ):
        yield


def shown(*lines: estimate.Line) -> str:
    """Return the table and its notes on a terminal of 80 columns."""
    output, found = io.StringIO(), Estimate(HERE, lines)
    console = Console(file=output, width=80)
    console.print(table.table(found))
    console.print(*table.notes(found), sep="\n")
    return output.getvalue()


def test_training_costs_its_expected_minutes_and_says_the_most() -> None:
    expected, most = estimate.training(HERE, "ml.m5.large", 5, "a guess", 60)
    assert expected.usd == pytest.approx(0.01)
    assert expected.basis == "ml.m5.large, 5 minutes (a guess)"
    assert most.usd == pytest.approx(0.12)
    assert not most.in_total


def test_training_is_not_expected_to_last_longer_than_it_may() -> None:
    expected, _ = estimate.training(HERE, "ml.m5.large", 5, "a guess", 2.5)
    assert expected.usd == pytest.approx(0.005)


def test_an_endpoint_that_expires_costs_its_hours() -> None:
    hour, life, month = estimate.endpoint(HERE, "ml.m5.large", (1, 1), 8)
    assert [line.usd for line in (hour, life, month)] == pytest.approx([0.1, 0.8, 73])
    assert [line.in_total for line in (hour, life, month)] == [False, True, False]
    assert life.basis == "1 x ml.m5.large, 8 hours"


def test_an_endpoint_that_never_expires_costs_a_month() -> None:
    hour, month = estimate.endpoint(HERE, "ml.m5.large", (1, 1), None)
    assert Estimate(HERE, (hour, month)).usd == pytest.approx(73)


def test_an_endpoint_that_scales_costs_its_most_instances() -> None:
    hour, *_ = estimate.endpoint(HERE, "ml.m5.large", (1, 3), None)
    assert hour.usd == pytest.approx(0.3)
    assert hour.basis == "1 to 3 x ml.m5.large"


def test_executions_cost_transitions_and_functions() -> None:
    found = estimate.executions(HERE, 10)
    assert found.usd == pytest.approx(40 * 0.001 + 30 * 0.002 + 30 * 0.25 * 0.004)


def test_captures_cost_the_share_that_is_captured() -> None:
    found = estimate.captures(HERE, 1000, 50)
    assert found.usd == pytest.approx(500 * 0.01 + 500 * 10e3 / 1e9 * 100)
    assert estimate.captures(HERE, 1000, 0).usd == 0


def test_photos_cost_requests_and_a_month_of_storage() -> None:
    assert estimate.photos(HERE, 100).usd == pytest.approx(100 * 0.01 + 400 * 0.001 + 100 * 5e3 / 1e9 * 100)


def test_an_unknown_price_is_never_guessed() -> None:
    lines = estimate.endpoint(HERE, "ml.new.large", (1, 1), None)
    found = Estimate(HERE, (*estimate.training(HERE, "ml.m5.large", 5, "", 60), *lines))
    assert found.usd is None
    assert found.unknown == [prices.unknown(HERE, "ml.new.large")]
    text = shown(*lines)
    assert text.count("unknown") == 3
    assert "No price known for ml.new.large in us-east-1" in text


def test_an_unknown_price_beside_the_sum_leaves_the_sum_known() -> None:
    first = estimate.training(HERE, "ml.m5.large", 5, "", 60)[0]
    other = estimate.endpoint(HERE, "ml.new.large", (1, 1), None)[0]
    assert Estimate(HERE, (first, other)).usd == pytest.approx(0.01)


def test_prices_at_second_hand_are_shown_as_about() -> None:
    text = shown(
        *estimate.training(HERE, "ml.g4dn.xlarge", 15, "", 60), *estimate.endpoint(HERE, "ml.m5.large", (1, 1), 1)
    )
    assert "about 0.18" in text and "(about 0.72)" in text and "(0.10)" in text
    assert "together" in text and "about 0.28" in text
    assert "Prices of 2026-01-02 to 2026-03-04" in text


def test_the_table_fits_80_columns() -> None:
    text = shown(
        *estimate.training(HERE, "ml.g4dn.xlarge", 15, "the longest of 22 public runs", 40_320),
        *estimate.endpoint(HERE, "ml.p9.huge", (2, 10), 1000),
        estimate.captures(HERE, 99_999_999, 100),
        estimate.executions(HERE, 99_999),
        estimate.photos(HERE, 60_000),
    )
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "9,011,850.00" in text


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0, "< 0.01"),
        (0.004, "< 0.01"),
        (0.0096, "0.01"),
        (0.115, "0.115"),
        (0.23, "0.23"),
        (83.95, "83.95"),
        (1e4, "10,000.00"),
    ],
)
def test_money_has_cents_and_below_a_dollar_three_digits(usd: float, text: str) -> None:
    assert table.money(usd) == text


def test_json_has_the_same_figures() -> None:
    found = Estimate(HERE, tuple(estimate.endpoint(HERE, "ml.m5.large", (1, 1), 8)))
    data = json.loads(json.dumps(table.as_json(found)))
    assert data["region"] == HERE
    assert data["usd"] == pytest.approx(0.8)
    assert [line["name"] for line in data["lines"]] == [
        "endpoint, an hour",
        "endpoint, until it ends",
        "endpoint, a month",
    ]
