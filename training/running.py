"""The endpoint that a stack has in service: what it costs an hour, and when it ends."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from training import expiry
from training.context import Context, of_candidate
from training.costs.prices import HOURS_A_MONTH, price_per_hour
from training.refusals import is_missing

FREE = ("Failed", "Deleting")  # statuses of an endpoint that costs nothing


@dataclass(frozen=True)
class RunningEndpoint:
    """An endpoint, what it costs, and its end."""

    name: str
    status: str
    instances: dict[str, int]  # by type
    since: datetime  # its creation
    usd_per_hour: float | None  # None where a price is not in the table
    expires_at: datetime | None  # None for never
    unreadable: str = ""  # why nobody knows the expiry


def find_all(context: Context) -> list[RunningEndpoint]:
    """Return the stack's endpoint, and the candidate that a killed run may have left.

    Raises:
        ClientError: The caller may not read them. An expiry that the caller may not read is only `unreadable`.
    """
    found = [find(context), find(of_candidate(context))]
    return [endpoint for endpoint in found if endpoint]


def find(context: Context) -> RunningEndpoint | None:
    """Return the endpoint of a context, None when there is none, or it is another stack's."""
    try:
        endpoint: Any = context.clients.sagemaker.describe_endpoint(EndpointName=context.stack.endpoint_name)
    except ClientError as err:
        if not is_missing(err):
            raise
        return None
    if not context.owns(endpoint["EndpointArn"]):
        return None
    instances = {} if endpoint["EndpointStatus"] in FREE else instances_of(context, endpoint)
    expires_at, unreadable = read_expiry(context)
    return RunningEndpoint(
        name=endpoint["EndpointName"],
        status=endpoint["EndpointStatus"],
        instances=instances,
        since=endpoint["CreationTime"],
        usd_per_hour=usd_per_hour(context.stack.region, instances),
        expires_at=expires_at,
        unreadable=unreadable,
    )


def instances_of(context: Context, endpoint: dict[str, Any]) -> dict[str, int]:
    """Return how many instances of each type serve, or are about to when it is being created."""
    serving = {one["VariantName"]: one.get("CurrentInstanceCount") for one in endpoint.get("ProductionVariants", [])}
    name = endpoint["EndpointConfigName"]
    config = context.clients.sagemaker.describe_endpoint_config(EndpointConfigName=name)
    found: Counter[str] = Counter()
    for variant in config["ProductionVariants"]:
        found[variant["InstanceType"]] += serving.get(variant["VariantName"]) or variant["InitialInstanceCount"]
    return dict(found)


def read_expiry(context: Context) -> tuple[datetime | None, str]:
    """Return when an endpoint is deleted, and why that cannot be read, "" when it can."""
    try:
        return expiry.find(context), ""
    except (ClientError, BotoCoreError) as err:
        return None, one_line(err)


def usd_per_hour(region: str, instances: dict[str, int]) -> float | None:
    """Return what instances of an endpoint cost an hour, None when a price is not in the table."""
    prices = {kind: price_per_hour(region, "hosting", kind) for kind in instances}
    known = [price * instances[kind] for kind, price in prices.items() if price is not None]
    return sum(known) if len(known) == len(prices) else None


def one_line(err: Exception) -> str:
    return " ".join(str(err).split())


# Sentences ---------------------------------------------------------------------------------------------------


def notices(endpoints: list[RunningEndpoint], cleanup: str) -> list[str]:
    """Return what a run ends with when it leaves endpoints: cost and end of each, and the command that deletes them."""
    told = [
        f"Endpoint {one.name} ({machines(one.instances)}) costs {cost(one)} on AWS and {end(one)}." for one in endpoints
    ]
    return [*told, f"To delete it now: {cleanup}"] if told else []


def machines(instances: dict[str, int]) -> str:
    """Return instances by type in words."""
    return ", ".join(f"{number} x {kind}" for kind, number in instances.items()) or "no instance"


def cost(endpoint: RunningEndpoint) -> str:
    """Return what the endpoint costs an hour, and a month when it never ends."""
    hourly = endpoint.usd_per_hour
    if hourly is None:
        return "an unknown amount"
    monthly = f", {hourly * HOURS_A_MONTH:,.0f} USD a month," if is_endless(endpoint) else ""
    return f"{hourly:.3g} USD an hour{monthly}"


def is_endless(endpoint: RunningEndpoint) -> bool:
    return endpoint.expires_at is None and not endpoint.unreadable


def end(endpoint: RunningEndpoint) -> str:
    """Return when the endpoint ends, after which its name could stand."""
    if endpoint.unreadable:
        return f"ends nobody knows when, because its expiry is not readable: {endpoint.unreadable}"
    if endpoint.expires_at is None:
        return "never ends by itself"
    if endpoint.expires_at < datetime.now(endpoint.expires_at.tzinfo):
        return f"was to be deleted at {local_time(endpoint.expires_at)}, but is still there"
    return f"is deleted at {local_time(endpoint.expires_at)}"


def local_time(moment: datetime) -> str:
    """Return a time of this machine's zone, to the minute, with the zone's name."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M %Z}"
