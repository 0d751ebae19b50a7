"""Reads what a stack has running and stored. A part that the caller may not read does not hide the others."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from training import expiry, running
from training.config import Stack
from training.context import Context, of_candidate
from training.costs.prices import price_per_hour
from training.running import RunningEndpoint
from training.watch import schedule

JOBS = 20  # training jobs of the stack that are read, the newest
UNDER_WAY = ("InProgress", "Stopping")
SECONDS_AN_HOUR = 3600


@dataclass(frozen=True)
class Unreadable:
    """A part that the caller could not read."""

    reason: str


@dataclass(frozen=True)
class Job:
    """A training job of the stack."""

    name: str
    status: str
    instance_type: str
    instances: int
    since: datetime  # its creation
    seconds: float  # that are billed, so far
    usd: float | None  # None where the price is not in the table


@dataclass(frozen=True)
class Stored:
    """What the bucket holds under one prefix, replaced versions included."""

    versions: int
    bytes: int


@dataclass(frozen=True)
class Status:
    """What was found of a stack."""

    stack: Stack
    endpoints: list[RunningEndpoint] | Unreadable
    schedules: dict[str, datetime] | Unreadable  # when they delete an endpoint, by name
    monitoring: str | Unreadable | None  # how often monitor is run by a schedule; None for never
    jobs: list[Job] | Unreadable  # newest first
    stored: dict[str, Stored] | Unreadable  # by prefix
    now: datetime


Part = TypeVar("Part")


def read(context: Context) -> Status:
    """Return what can be read of the stack."""
    return Status(
        stack=context.stack,
        endpoints=part(running.find_all, context),
        schedules=part(read_schedules, context),
        monitoring=part(schedule.find, context),
        jobs=part(read_jobs, context),
        stored=part(read_bucket, context),
        now=datetime.now(UTC),
    )


def part(read_part: Callable[[Context], Part], context: Context) -> Part | Unreadable:
    try:
        return read_part(context)
    except (ClientError, BotoCoreError) as err:
        return Unreadable(running.one_line(err))


def read_schedules(context: Context) -> dict[str, datetime]:
    """Return the schedules that delete the stack's endpoints; one can be left without its endpoint."""
    contexts = (context, of_candidate(context))
    found = {expiry.schedule_name(one.stack.endpoint_name): expiry.find(one) for one in contexts}
    return {name: moment for name, moment in found.items() if moment}


def read_jobs(context: Context) -> list[Job]:
    """Return the newest training jobs of the stack."""
    found = context.clients.sagemaker.list_training_jobs(
        NameContains=context.stack.name, MaxResults=JOBS, SortBy="CreationTime", SortOrder="Descending"
    )
    names = [one["TrainingJobName"] for one in found["TrainingJobSummaries"] if context.owns(one["TrainingJobArn"])]
    return [read_job(context, name) for name in names]


def read_job(context: Context, name: str) -> Job:
    job: Any = context.clients.sagemaker.describe_training_job(TrainingJobName=name)
    kind, number = job["ResourceConfig"]["InstanceType"], job["ResourceConfig"]["InstanceCount"]
    started = job.get("TrainingStartTime") or datetime.now(UTC)
    seconds = job.get("BillableTimeInSeconds")
    if seconds is None:  # until the job has ended
        seconds = max(0.0, (datetime.now(UTC) - started).total_seconds())
    hourly = price_per_hour(context.stack.region, "training", kind)
    usd = None if hourly is None else hourly * number * seconds / SECONDS_AN_HOUR
    return Job(name, job["TrainingJobStatus"], kind, number, job["CreationTime"], float(seconds), usd)


def read_bucket(context: Context) -> dict[str, Stored]:
    """Return what each top-level prefix of the bucket holds, replaced versions and delete markers included."""
    sizes: dict[str, list[int]] = {}  # bytes of each version; a delete marker has none
    for page in context.clients.s3.get_paginator("list_object_versions").paginate(Bucket=context.stack.bucket):
        for version in page.get("Versions", []):
            sizes.setdefault(prefix_of(version["Key"]), []).append(version["Size"])
        for marker in page.get("DeleteMarkers", []):
            sizes.setdefault(prefix_of(marker["Key"]), []).append(0)
    return {prefix: Stored(len(sizes[prefix]), sum(sizes[prefix])) for prefix in sorted(sizes)}


def prefix_of(key: str) -> str:
    """Return the first part of a key with its slash, or the key of an object at the top."""
    first, slash, _ = key.partition("/")
    return first + slash
