"""The prices of AWS that the project knows: `prices.json`, which `make prices` renews from AWS's price list.

A price that is not in the table is unknown: nothing here guesses it from another region or another instance type.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

TABLE = Path(__file__).with_name("prices.json")
PRICING_PAGE = "https://aws.amazon.com/sagemaker-ai/pricing/"
HOURS_A_MONTH = 730  # AWS's own calculator's: 365 days a year

Kind = Literal["training", "hosting", "services"]

# The names of the table's `services`, each with what one unit of it is.
TRANSITION = "step functions transition"
EXPRESS_REQUEST = "step functions express request"
EXPRESS_GB_SECOND = "step functions express gb-second"  # first tier
LAMBDA_REQUEST = "lambda request"
LAMBDA_GB_SECOND = "lambda gb-second"  # on x86_64, first tier
S3_GB_MONTH = "s3 gb-month"  # class Standard, first tier
S3_PUT = "s3 put"  # also POST, COPY and LIST
S3_GET = "s3 get"
LOG_GB = "cloudwatch logs gb"  # taken in, class Standard
SERVICES = (
    TRANSITION,
    EXPRESS_REQUEST,
    EXPRESS_GB_SECOND,
    LAMBDA_REQUEST,
    LAMBDA_GB_SECOND,
    S3_GB_MONTH,
    S3_PUT,
    S3_GET,
    LOG_GB,
)


@dataclass(frozen=True)
class Price:
    """A published price without tax, free tier and discounts."""

    usd: float  # an instance-hour, or one unit of a service
    date: str  # of the price list or bill, YYYY-MM-DD; of the entry here when the price is not verified
    source: str
    verified: bool = True  # False: quoted at second hand, and not compared with the price list


@cache
def table() -> dict[str, Any]:
    """Return the content of `prices.json`: region, then kind, then instance type or service."""
    regions: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))["regions"]
    return regions


def price(region: str, kind: Kind, name: str) -> Price | None:
    """Return the price of an instance type or service in a region, None when the table has none."""
    entry = table().get(region, {}).get(kind, {}).get(name)
    return None if entry is None else Price(**entry)


def price_per_hour(region: str, kind: Literal["training", "hosting"], instance_type: str) -> float | None:
    """Return the price of an instance in USD an hour, None when the table has none."""
    found = price(region, kind, instance_type)
    return None if found is None else found.usd


def unknown(region: str, name: str) -> str:
    """Return the sentence for a price that the table does not have."""
    return f"no price known for {name} in {region}: see {PRICING_PAGE}, or renew the table with `make prices`"
