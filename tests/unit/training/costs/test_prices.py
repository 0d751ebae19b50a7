"""The table of prices: every price has a date and a source, and a price that is not there stays unknown."""

import re
from datetime import date
from pathlib import Path

import pytest

from tests.unit.training.price_table import HERE, entry, price_table
from training.costs import prices

ENTRIES = [
    (region, kind, name, entry)
    for region, kinds in prices.table().items()
    for kind, entries in kinds.items()
    for name, entry in entries.items()
]


@pytest.mark.parametrize(("region", "kind", "name"), [one[:3] for one in ENTRIES])
def test_each_price_says_when_and_where_it_was_published(region: str, kind: prices.Kind, name: str) -> None:
    found = prices.price(region, kind, name)
    assert found is not None
    assert 0 < found.usd < 1000
    assert date(2023, 1, 1) <= date.fromisoformat(found.date)
    assert re.search(r"AWS price list|https://", found.source)


@pytest.mark.parametrize(("region", "kind", "name"), [one[:3] for one in ENTRIES])
def test_each_name_is_one_that_the_estimate_asks_for(region: str, kind: prices.Kind, name: str) -> None:
    assert re.fullmatch(r"ml\.[a-z0-9]+\.[a-z0-9]+", name) if kind != "services" else name in prices.SERVICES


def test_the_price_of_an_instance_is_that_of_its_kind(tmp_path: Path) -> None:
    with price_table(tmp_path, training={"ml.m5.large": entry(0.2)}, hosting={"ml.m5.large": entry(0.3)}):
        assert prices.price_per_hour(HERE, "training", "ml.m5.large") == 0.2
        assert prices.price_per_hour(HERE, "hosting", "ml.m5.large") == 0.3
        assert prices.price_per_hour(HERE, "hosting", "ml.m5.xlarge") is None


@pytest.mark.parametrize(
    ("region", "instance_type"),
    [("us-east-1", "ml.x1.large"), ("mars", "ml.m5.large")],
)
def test_a_price_that_is_not_in_the_table_is_unknown(region: str, instance_type: str) -> None:
    assert prices.price_per_hour(region, "hosting", instance_type) is None
    assert prices.unknown(region, instance_type) == (
        f"no price known for {instance_type} in {region}: see https://aws.amazon.com/sagemaker-ai/pricing/, "
        "or renew the table with `make prices`"
    )


def test_prices_quoted_at_second_hand_are_marked() -> None:
    for *_, found in ENTRIES:
        assert found.get("verified", True) == ("second hand" not in found["source"])
