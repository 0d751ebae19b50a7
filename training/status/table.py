"""Shows the status of a stack in 80 columns."""

from collections.abc import Iterator
from datetime import timedelta

from rich.table import Table

from training.costs.prices import PRICING_PAGE
from training.running import RunningEndpoint, local_time, machines
from training.status.costs import Costs, costs
from training.status.parts import UNDER_WAY, Job, Status, Unreadable

CENT = 0.01
KB = 1024  # bytes
UNKNOWN = "unknown"


def table(status: Status, cleanup: str) -> Table:
    """Return the status as a table of two columns; `cleanup` is the command that deletes the endpoint now."""
    stack = status.stack
    grid = Table(
        show_header=False,
        box=None,
        title=f"{stack.name} in {stack.region}",
        title_justify="left",
        title_style="bold",
        padding=(0, 2, 0, 0),
    )
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, lines in rows(status, cleanup):
        grid.add_row(name, "\n".join(lines))
    return grid


def rows(status: Status, cleanup: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each part's name and lines."""
    known = costs(status)
    yield "endpoints", [*endpoint_lines(status, cleanup)]
    yield "schedules", [*schedule_lines(status)]
    yield "monitor", [monitoring_line(status)]
    yield "training", [*job_lines(status)]
    yield "bucket", [status.stack.bucket, *bucket_lines(status)]
    yield "a day", [day(known)]
    yield "so far", [so_far(known, status)]
    yield "prices", [f"AWS's list of {known.prices_of}" if known.prices_of else f"none known: see {PRICING_PAGE}"]


def endpoint_lines(status: Status, cleanup: str) -> Iterator[str]:
    """Yield each endpoint with its end, and the command that deletes it now."""
    if isinstance(status.endpoints, Unreadable):
        yield not_readable(status.endpoints)
        return
    for endpoint in status.endpoints:
        yield f"{endpoint.name}, {endpoint.status}"
        yield f"{machines(endpoint.instances)}, since {local_time(endpoint.since)}"
        yield end_of(endpoint, status)
    yield f"to delete now: {cleanup}" if status.endpoints else f"none: {status.stack.endpoint_name} does not exist"


def end_of(endpoint: RunningEndpoint, status: Status) -> str:
    if endpoint.unreadable:
        return f"its end is not readable: {endpoint.unreadable}"
    if endpoint.expires_at is None:
        return "never ends by itself"
    ahead = endpoint.expires_at - status.now
    when = f"in {duration(ahead)}" if ahead > timedelta() else f"overdue for {duration(-ahead)}"
    return f"deleted at {local_time(endpoint.expires_at)}, {when}"


def schedule_lines(status: Status) -> Iterator[str]:
    if isinstance(status.schedules, Unreadable):
        yield not_readable(status.schedules)
        return
    for name, moment in status.schedules.items():
        yield f"{name}, due at {local_time(moment)}"
    if not status.schedules:
        yield "none"


def monitoring_line(status: Status) -> str:
    if isinstance(status.monitoring, Unreadable):
        return not_readable(status.monitoring)
    return f"by a schedule, {status.monitoring}" if status.monitoring else "not scheduled"


def job_lines(status: Status) -> Iterator[str]:
    """Yield the jobs that are under way."""
    if isinstance(status.jobs, Unreadable):
        yield not_readable(status.jobs)
        return
    under_way = [job for job in status.jobs if job.status in UNDER_WAY]
    yield from (job_line(job) for job in under_way)
    ended = len(status.jobs) - len(under_way)
    if not under_way:
        yield f"no job is under way; {ended} ended" if ended else "no job"


def job_line(job: Job) -> str:
    machines = f"{job.instances} x {job.instance_type}"
    return f"{job.name}, {job.status}, {machines}, since {local_time(job.since)}, so far {total(job.usd)}"


def bucket_lines(status: Status) -> Iterator[str]:
    if isinstance(status.stored, Unreadable):
        yield not_readable(status.stored)
        return
    longest = max(map(len, status.stored), default=0)
    for prefix, one in status.stored.items():
        noun = "version" if one.versions == 1 else "versions"
        yield f"{prefix:{min(longest, 30)}}  {one.versions:>7,} {noun:8}  {size(one.bytes):>9}"
    if not status.stored:
        yield "empty"


def day(known: Costs) -> str:
    parts = f"endpoint {money(known.endpoint_per_day)}, storage {money(known.storage_per_day)}"
    return f"{total(known.per_day)}: {parts}"


def so_far(known: Costs, status: Status) -> str:
    """Return what this endpoint and the training jobs have cost; what was deleted is not known any more."""
    number = 0 if isinstance(status.jobs, Unreadable) else len(status.jobs)
    training = f"training {money(known.training_so_far)} (jobs: {number})"
    return f"{total(known.so_far)}: endpoint {money(known.endpoint_so_far)}, {training}"


def not_readable(part: Unreadable) -> str:
    return f"not readable: {part.reason}"


def total(usd: float | None) -> str:
    return UNKNOWN if usd is None else f"{money(usd)} USD"


def money(usd: float | None) -> str:
    """Return an amount in dollars and cents."""
    if usd is None:
        return UNKNOWN
    return "< 0.01" if 0 < usd < CENT else f"{usd:,.2f}"


def duration(length: timedelta) -> str:
    """Return a time span in its two largest units."""
    minutes = int(length.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def size(number: int) -> str:
    """Return a number of bytes in its largest unit."""
    value, units = float(number), ["B", "kB", "MB", "GB", "TB"]
    while value >= KB and len(units) > 1:
        value, units = value / KB, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
