"""What a stack costs a day and has cost so far, by AWS's list prices."""

from collections.abc import Callable
from dataclasses import dataclass

from training.costs.prices import HOURS_A_MONTH, S3_GB_MONTH, price
from training.running import RunningEndpoint
from training.status.parts import SECONDS_AN_HOUR, Status, Unreadable

GB = 2**30  # bytes, S3's
DAYS_A_MONTH = HOURS_A_MONTH / 24


@dataclass(frozen=True)
class Costs:
    """What AWS's price list asks, in USD; None where a price or a part is not known."""

    endpoint_per_day: float | None
    storage_per_day: float | None
    endpoint_so_far: float | None  # by today's instances, since the endpoint was created
    training_so_far: float | None  # of the newest jobs
    prices_of: str | None  # the oldest date of the prices used, None when none was

    @property
    def per_day(self) -> float | None:
        return total(self.endpoint_per_day, self.storage_per_day)

    @property
    def so_far(self) -> float | None:
        return total(self.endpoint_so_far, self.training_so_far)


def total(*amounts: float | None) -> float | None:
    """Return the sum of amounts, None when one is not known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def costs(status: Status) -> Costs:
    """Return what the stack costs a day, and what it has cost."""
    return Costs(
        endpoint_per_day=endpoint_cost(status, lambda _: 24),
        storage_per_day=storage_per_day(status),
        endpoint_so_far=endpoint_cost(status, lambda one: (status.now - one.since).total_seconds() / SECONDS_AN_HOUR),
        training_so_far=None if isinstance(status.jobs, Unreadable) else total(*(job.usd for job in status.jobs)),
        prices_of=min(price_dates(status), default=None),
    )


def endpoint_cost(status: Status, hours: Callable[[RunningEndpoint], float]) -> float | None:
    """Return what the endpoints cost in USD, each for its number of hours; None when that is not known."""
    if isinstance(status.endpoints, Unreadable):
        return None
    return total(*(None if one.usd_per_hour is None else one.usd_per_hour * hours(one) for one in status.endpoints))


def storage_per_day(status: Status) -> float | None:
    monthly = price(status.stack.region, "services", S3_GB_MONTH)
    if monthly is None or isinstance(status.stored, Unreadable):
        return None
    return monthly.usd * sum(one.bytes for one in status.stored.values()) / GB / DAYS_A_MONTH


def price_dates(status: Status) -> list[str]:
    """Return the dates of the prices that the costs were made of."""
    region = status.stack.region
    found = [price(region, "services", S3_GB_MONTH)]
    if not isinstance(status.endpoints, Unreadable):
        found += [price(region, "hosting", kind) for one in status.endpoints for kind in one.instances]
    if not isinstance(status.jobs, Unreadable):
        found += [price(region, "training", job.instance_type) for job in status.jobs]
    return [one.date for one in found if one is not None]
