"""What a stack costs a day and has cost so far, by AWS's list prices."""

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
    hourly = hourly_cost(status.endpoint)
    age = 0.0
    if isinstance(status.endpoint, RunningEndpoint):
        age = (status.now - status.endpoint.since).total_seconds() / SECONDS_AN_HOUR
    return Costs(
        endpoint_per_day=None if hourly is None else hourly * 24,
        storage_per_day=storage_per_day(status),
        endpoint_so_far=None if hourly is None else hourly * age,
        training_so_far=None if isinstance(status.jobs, Unreadable) else total(*(job.usd for job in status.jobs)),
        prices_of=min(price_dates(status), default=None),
    )


def hourly_cost(endpoint: RunningEndpoint | Unreadable | None) -> float | None:
    if isinstance(endpoint, Unreadable):
        return None
    return endpoint.usd_per_hour if endpoint else 0.0


def storage_per_day(status: Status) -> float | None:
    monthly = price(status.stack.region, "services", S3_GB_MONTH)
    if monthly is None or isinstance(status.stored, Unreadable):
        return None
    return monthly.usd * sum(one.bytes for one in status.stored.values()) / GB / DAYS_A_MONTH


def price_dates(status: Status) -> list[str]:
    """Return the dates of the prices that the costs were made of."""
    region = status.stack.region
    found = [price(region, "services", S3_GB_MONTH)]
    if isinstance(status.endpoint, RunningEndpoint):
        found += [price(region, "hosting", kind) for kind in status.endpoint.instances]
    if not isinstance(status.jobs, Unreadable):
        found += [price(region, "training", job.instance_type) for job in status.jobs]
    return [one.date for one in found if one is not None]
