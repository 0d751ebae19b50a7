"""Renew `training/costs/prices.json` from AWS's public price list, which needs no credentials.

    make prices                          # the regions that the table has
    make prices ARGS="eu-central-1"      # and further ones

AWS publishes one file for each offer and region, with `products` by SKU and then `terms` with the prices:
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html. The files can be large, so they are
read as they arrive, one product or term at a time. PRICE_LIST_URL names another server.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from training import atomic
from training.costs import prices

SERVER = os.environ.get("PRICE_LIST_URL", "https://pricing.us-east-1.amazonaws.com")
TIMEOUT = (10.0, 60.0)  # seconds to connect, and of silence
CHUNK = 1 << 14  # bytes read at once
LONGEST = 1 << 22  # characters of one product or term: hundreds of times the longest seen
UNCHANGED = "the table is left as it was"
FAMILIES = ("m5", "m6i", "m7i", "c5", "c6i", "c7i", "g4dn", "g5", "g6", "t2")  # instance types that may suit a run

# Usage types begin with the region's short name, except some in us-east-1: EU-Train:ml.m5.large, TimedStorage-ByteHrs.
PREFIX = r"(?:[A-Z0-9]+-)?"
INSTANCE = re.compile(PREFIX + rf"(Train|Host):(ml\.(?:{'|'.join(FAMILIES)})\.[a-z0-9]+)")
KINDS: Mapping[str, prices.Kind] = {"Train": "training", "Host": "hosting"}


@dataclass(frozen=True)
class Service:
    """A product whose price the estimate uses, and how the price list marks it."""

    offer: str
    usage_type: str  # a pattern, without the region's prefix
    attributes: Mapping[str, str] = field(default_factory=dict)  # that it also has


SERVICES = {
    prices.TRANSITION: Service("AmazonStates", "StateTransition"),
    prices.EXPRESS_REQUEST: Service("AmazonStates", "StepFunctions-Request"),
    prices.EXPRESS_GB_SECOND: Service("AmazonStates", "StepFunctions-GB-Second"),
    prices.LAMBDA_REQUEST: Service("AWSLambda", "Request", {"group": "AWS-Lambda-Requests"}),
    prices.LAMBDA_GB_SECOND: Service("AWSLambda", "Lambda-GB-Second", {"group": "AWS-Lambda-Duration"}),
    prices.S3_GB_MONTH: Service("AmazonS3", "TimedStorage-ByteHrs", {"volumeType": "Standard"}),
    prices.S3_PUT: Service("AmazonS3", "Requests-Tier1"),
    prices.S3_GET: Service("AmazonS3", "Requests-Tier2"),
    prices.LOG_GB: Service("AmazonCloudWatch", "DataProcessing-Bytes"),
}
OFFERS = ("AmazonSageMaker", *sorted({service.offer for service in SERVICES.values()}))

Name = tuple[prices.Kind, str]  # of a price in the table
Found = dict[Name, dict[str, Any]]


class PriceListError(Exception):
    """When a file of the price list is missing or is not what AWS documents."""


# Reading a file ----------------------------------------------------------------------------------------------


class Members:
    """Reads the members of JSON objects from pieces of text, one at a time, in bounded memory."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._text = ""

    def objects(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Yield path and value of each member of the object that comes next.

        Objects on the way to products and terms are not yielded but entered: `("products", sku)` and
        `("terms", "OnDemand", sku)` are paths.
        """
        self._skip("{")
        while self._peek() != "}":
            key = (*path, str(self._value()))
            self._skip(":")
            if key in (("products",), ("terms",)) or key[:-1] == ("terms",):
                yield from self.objects(key)
            else:
                yield key, self._value()
            if self._peek() == ",":
                self._skip(",")
        self._skip("}")

    def _value(self) -> Any:
        while True:
            self._text = self._text.lstrip()
            try:
                value, end = json.JSONDecoder().raw_decode(self._text)
            except json.JSONDecodeError as err:
                self._more(f"is no JSON ({err})")
                continue
            if end == len(self._text):  # a number may go on
                self._more("ends within a value")
                continue
            self._text = self._text[end:]
            return value

    def _peek(self) -> str:
        while not (text := self._text.lstrip()):
            self._more("ends too early")
        self._text = text
        return text[0]

    def _skip(self, character: str) -> None:
        if self._peek() != character:
            raise PriceListError(f"has {self._text[0]!r} in place of {character!r}")
        self._text = self._text[1:]

    def _more(self, otherwise: str) -> None:
        added = next(self._pieces, "") if len(self._text) < LONGEST else ""
        if not added:
            raise PriceListError(otherwise)
        self._text += added


def name_of(offer: str, attributes: Mapping[str, str]) -> Name | None:
    """Return the table's name of a product, None when the table does not have it."""
    usage_type = attributes.get("usagetype", "")
    if offer == "AmazonSageMaker":
        instance = INSTANCE.fullmatch(usage_type)
        return (KINDS[instance[1]], instance[2]) if instance else None
    for name, service in SERVICES.items():
        if (
            service.offer == offer
            and re.fullmatch(PREFIX + service.usage_type, usage_type)
            and service.attributes.items() <= attributes.items()
        ):
            return "services", name
    return None


def first_tier(term: Mapping[str, Any]) -> float | None:
    """Return the price of the first units that cost something, in USD; None when none does."""
    tiers = [
        (float(dimension.get("beginRange", 0)), float(dimension["pricePerUnit"].get("USD", 0)))
        for offer in term.values()
        for dimension in offer["priceDimensions"].values()
    ]
    return next((usd for _, usd in sorted(tiers) if usd > 0), None)


def read_offer(offer: str, pieces: Iterator[str]) -> Found:
    """Return the prices that the table takes from a file; of two products with one name, the dearer one.

    Raises:
        PriceListError: The file is not what AWS documents.
    """
    names: dict[str, Name] = {}
    found: Found = {}
    published = ""
    for path, value in Members(pieces).objects():
        if path == ("publicationDate",):
            published = str(value)[:10]
        elif path[0] == "products" and (name := name_of(offer, value.get("attributes", {}))):
            names[path[1]] = name
        elif path[:2] == ("terms", "OnDemand") and (name := names.get(path[2])):
            usd = first_tier(value)
            if usd is not None and usd > found.get(name, {"usd": 0.0})["usd"]:
                found[name] = {"usd": usd, "date": published, "source": f"AWS price list, {offer}, SKU {path[2]}"}
    return found


# Fetching ----------------------------------------------------------------------------------------------------


def fetch(url: str) -> requests.Response:
    """Return the answer to a GET, whose body has not been read."""
    answer = requests.get(url, stream=True, timeout=TIMEOUT)
    answer.raise_for_status()
    return answer


def region_url(offer: str, region: str) -> str | None:
    """Return the URL of an offer's file for a region, None when AWS does not offer it there."""
    index = fetch(f"{SERVER}/offers/v1.0/aws/{offer}/current/region_index.json").json()
    entry = index["regions"].get(region)
    return None if entry is None else SERVER + entry["currentVersionUrl"]


def fetch_offer(offer: str, region: str) -> Found:
    """Return the prices of an offer in a region, none when AWS does not offer it there.

    Raises:
        PriceListError: A file is missing or is not what AWS documents.
    """
    subject = f"The price list of {offer} for {region}"
    try:
        url = region_url(offer, region)
        if url is None:
            return {}
        print(f"{region}: {url}", file=sys.stderr)
        with fetch(url) as answer:
            answer.encoding = "utf-8"
            return read_offer(offer, answer.iter_content(CHUNK, decode_unicode=True))
    except PriceListError as err:
        raise PriceListError(f"{subject} {err}: {UNCHANGED}.") from err
    except requests.RequestException as err:
        raise PriceListError(f"{subject} cannot be fetched ({err}): {UNCHANGED}.") from err
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise PriceListError(f"{subject} is not what AWS documents ({err!r}): {UNCHANGED}.") from err


def read_region(region: str) -> Found:
    """Return the prices of a region.

    Raises:
        PriceListError: There is no such region, or a file of it is missing or is not what AWS documents.
    """
    found = {name: entry for offer in OFFERS for name, entry in fetch_offer(offer, region).items()}
    if not found:
        raise PriceListError(f"AWS's price list has no prices for {region}: {UNCHANGED}.")
    return found


# The table ---------------------------------------------------------------------------------------------------


def as_region(found: Found) -> dict[str, dict[str, Any]]:
    """Return a region of the table, in an order that makes changes easy to see."""
    kinds: dict[str, dict[str, Any]] = {"hosting": {}, "services": {}, "training": {}}
    for (kind, name), entry in sorted(found.items()):
        kinds[kind][name] = entry
    return kinds


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Renew the table of prices from AWS's public price list.")
    parser.add_argument("regions", nargs="*", metavar="REGION", help="to add; those of the table are always renewed")
    parser.add_argument("--table", type=Path, default=prices.TABLE, help="the file to renew (default: %(default)s)")
    options = parser.parse_args(words)
    content = json.loads(options.table.read_text(encoding="utf-8"))
    try:
        for region in sorted({*content["regions"], *options.regions}):
            content["regions"][region] = as_region(read_region(region))
    except PriceListError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    content["regions"] = dict(sorted(content["regions"].items()))
    atomic.write_text(options.table, json.dumps(content, indent=2) + "\n")
    print(f"{options.table} has the prices of {', '.join(content['regions'])}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
