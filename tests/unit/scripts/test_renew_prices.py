"""The table is renewed from files in the form of AWS's price list, served on 127.0.0.1."""

import json
import shutil
import threading
import tracemalloc
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts import renew_prices
from training.costs import prices

PUBLISHED = "2026-11-02T09:00:00Z"


def term(*tiers: tuple[str, str]) -> dict[str, Any]:
    """Return a SKU's OnDemand term with a price from each amount on: `("0", "0.5")`."""
    dimensions = {
        f"S.T.{number}": {"beginRange": begin, "unit": "Hrs", "pricePerUnit": {"USD": usd}}
        for number, (begin, usd) in enumerate(tiers)
    }
    return {"S.T": {"offerTermCode": "T", "priceDimensions": dimensions, "termAttributes": {}}}


def offer(*products: tuple[dict[str, str], dict[str, Any]]) -> str:
    """Return a file of the price list: attributes and OnDemand term of each product."""
    skus = [f"SKU{number}" for number in range(len(products))]
    return json.dumps(
        {
            "formatVersion": "v1.0",
            "disclaimer": 'has "products": {} in it',
            "publicationDate": PUBLISHED,
            "products": {
                sku: {"sku": sku, "attributes": attributes} for sku, (attributes, _) in zip(skus, products, strict=True)
            },
            "terms": {
                "OnDemand": {sku: conditions for sku, (_, conditions) in zip(skus, products, strict=True)},
                "Reserved": {sku: term(("0", "99")) for sku in skus},
            },
            "attributesList": {},
        },
        indent=1,
    )


def usage(usage_type: str, usd: str, **attributes: str) -> tuple[dict[str, str], dict[str, Any]]:
    return {"usagetype": usage_type, **attributes}, term(("0", usd))


OFFERS = {
    "AmazonSageMaker": offer(
        usage("EUC1-Train:ml.m5.large", "0.1380000000"),
        usage("EUC1-Host:ml.m5.large", "0.1390000000"),
        usage("EUC1-Host:ml.m5.large", "0.0000000000"),
        usage("EUC1-Notebk:ml.m5.large", "7"),
        usage("EUC1-Host:ml.p5.48xlarge", "7"),
        usage("EUC1-Host:ml.m5.large-Async", "7"),
    ),
    "AmazonStates": offer(
        ({"usagetype": "EUC1-StateTransition"}, term(("4000", "0.000025"), ("0", "0"))),
        usage("EUC1-StepFunctions-Request", "0.000001"),
        ({"usagetype": "EUC1-StepFunctions-GB-Second"}, term(("0", "0.0000166667"), ("3600000", "0.0000083333"))),
    ),
    "AmazonCloudWatch": offer(
        usage("EUC1-DataProcessing-Bytes", "0.63"),
        usage("EUC1-DataProcessingIA-Bytes", "7"),
        usage("EUC1-VendedLog-Bytes", "7"),
    ),
    "AWSLambda": offer(
        usage("EUC1-Request", "0.0000002", group="AWS-Lambda-Requests"),
        usage("EUC1-Request", "7", group="AWS-Lambda-Edge-Requests"),
        (
            {"usagetype": "EUC1-Lambda-GB-Second", "group": "AWS-Lambda-Duration"},
            term(("6000000000", "0.000015"), ("0", "0.0000166667")),
        ),
    ),
    "AmazonS3": offer(
        usage("EUC1-TimedStorage-ByteHrs", "0.0245", volumeType="Standard"),
        usage("EUC1-TimedStorage-ByteHrs", "7", volumeType="Tags"),
        usage("EUC1-Requests-Tier1", "0.0000054"),
        usage("EUC1-Requests-Tier2", "0.00000043"),
        usage("EUC1-Requests-INT-Tier1", "7"),
    ),
}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of the served price list, with the offers in eu-central-1."""
    root = tmp_path / "server"
    for name, content in OFFERS.items():
        current = root / "offers/v1.0/aws" / name / "current"
        current.mkdir(parents=True)
        version = f"/offers/v1.0/aws/{name}/20261102/eu-central-1/index.json"
        index = {"regions": {"eu-central-1": {"regionCode": "eu-central-1", "currentVersionUrl": version}}}
        (current / "region_index.json").write_text(json.dumps(index))
        write(root, name, content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setattr(renew_prices, "SERVER", f"http://127.0.0.1:{server.server_port}")
    yield root
    server.shutdown()
    server.server_close()
    thread.join()


def write(root: Path, name: str, content: str) -> None:
    path = root / f"offers/v1.0/aws/{name}/20261102/eu-central-1/index.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table that has eu-central-1 only, with a price that AWS no longer lists."""
    path = tmp_path / "prices.json"
    old = {"usd": 1.0, "date": "2020-01-01", "source": "AWS price list"}
    path.write_text(json.dumps({"about": "a", "regions": {"eu-central-1": {"training": {"ml.m4.xlarge": old}}}}))
    return path


def renew(table: Path, *words: str) -> int:
    return renew_prices.main(["--table", str(table), *words])


def test_a_region_gets_the_prices_that_aws_lists_and_no_others(files: Path, table: Path) -> None:
    assert renew(table) == 0
    content = json.loads(table.read_text())
    assert content["about"] == "a"
    region = content["regions"]["eu-central-1"]
    usd = {kind: {name: entry["usd"] for name, entry in entries.items()} for kind, entries in region.items()}
    assert usd == {
        "hosting": {"ml.m5.large": 0.139},
        "training": {"ml.m5.large": 0.138},
        "services": {
            prices.TRANSITION: 0.000025,
            prices.EXPRESS_REQUEST: 0.000001,
            prices.EXPRESS_GB_SECOND: 0.0000166667,
            prices.LOG_GB: 0.63,
            prices.LAMBDA_REQUEST: 0.0000002,
            prices.LAMBDA_GB_SECOND: 0.0000166667,
            prices.S3_GB_MONTH: 0.0245,
            prices.S3_PUT: 0.0000054,
            prices.S3_GET: 0.00000043,
        },
    }
    assert region["training"]["ml.m5.large"] == {
        "usd": 0.138,
        "date": "2026-11-02",
        "source": "AWS price list, AmazonSageMaker, SKU SKU0",
    }


def test_the_table_that_is_renewed_is_one_that_the_estimate_reads(
    files: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew(table)
    monkeypatch.setattr(prices, "TABLE", table)
    prices.table.cache_clear()
    try:
        assert prices.price_per_hour("eu-central-1", "hosting", "ml.m5.large") == 0.139
    finally:
        prices.table.cache_clear()


def test_a_region_without_prices_changes_nothing(files: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = table.read_text()
    assert renew(table, "eu-west-9") == 1
    assert table.read_text() == before
    assert "AWS's price list has no prices for eu-west-9: the table is left as it was." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "ends too early"),
        ("<html>", "has '<' in place of '{'"),
        (OFFERS["AmazonS3"][:-400], "is no JSON"),
        ('{"products": {"S": {"attributes": 1}}}', "is not what AWS documents"),
        ('{"products": 7}', "has '7' in place of '{'"),
    ],
)
def test_a_damaged_file_is_named_and_changes_nothing(
    files: Path, table: Path, content: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(files, "AmazonS3", content)
    before = table.read_text()
    assert renew(table) == 1
    assert table.read_text() == before
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: The price list of AmazonS3 for eu-central-1 ") and reason in error


def test_a_server_without_the_files_is_one_sentence(
    files: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(files / "offers/v1.0/aws/AWSLambda")
    assert renew(table) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "The price list of AWSLambda for eu-central-1 cannot be fetched (404" in error


def test_a_large_file_is_read_in_little_memory(files: Path) -> None:
    product, conditions = usage("EUC1-Host:ml.p5.48xlarge", "7", description="x" * 1000)
    write(files, "AmazonSageMaker", offer(*[(product, conditions)] * 3_000))
    tracemalloc.start()
    try:
        assert renew_prices.fetch_offer("AmazonSageMaker", "eu-central-1") == {}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2e6  # of a file of 5 MB
