"""Follows a batch to its end: how many of its photos are done, by the counts of its Map Run."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from training.batch.start import Batch
from training.context import Context
from training.errors import BatchError
from training.refusals import is_missing, is_throttled

POLL_SECONDS = 2.0  # two requests each time; AWS refills the quota of DescribeMapRun by 1 to 2 a second
LATE_SECONDS = 30.0  # after its start an execution may not be described yet
RUNNING = "RUNNING"
DONE = ("succeeded", "failed", "timedOut", "aborted")  # counts of a Map Run


@dataclass(frozen=True)
class Progressed:
    """What is known of a batch."""

    status: str = RUNNING  # of the execution
    done: int = 0  # photos
    total: int = 0  # photos that Step Functions has found so far
    map_run_arn: str = ""
    error: str = ""
    cause: str = ""
    started: datetime | None = None
    stopped: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """How long the execution took, None while it runs."""
        return (self.stopped - self.started).total_seconds() if self.started and self.stopped else None


def follow(context: Context, batch: Batch) -> Iterator[Progressed]:
    """Yield what is known of a batch, each time that it is asked for, until its end.

    Raises:
        BatchError: There is no such execution.
    """
    found, began = Progressed(), time.monotonic()
    while found.status == RUNNING:
        try:
            found = read_counts(context, batch, read_execution(context, batch, found))
        except ClientError as err:
            late = time.monotonic() - began > LATE_SECONDS
            if is_missing(err) and (late or not batch.photos):
                raise BatchError(f"There is no batch {batch.name}: `batch --join NAME` takes the name of one.") from err
            if not (is_missing(err) or is_throttled(err)):
                raise
        yield found
        if found.status == RUNNING:
            time.sleep(POLL_SECONDS)


def read_execution(context: Context, batch: Batch, found: Progressed) -> Progressed:
    reply: Any = context.clients.stepfunctions.describe_execution(executionArn=batch.execution_arn)
    return replace(
        found,
        status=reply["status"],
        error=reply.get("error") or "",
        cause=reply.get("cause") or "",
        started=reply["startDate"],
        stopped=reply.get("stopDate"),
    )


def read_counts(context: Context, batch: Batch, found: Progressed) -> Progressed:
    """Return the counts of the execution's only Map Run, which begins a little after the execution."""
    client = context.clients.stepfunctions
    arn = found.map_run_arn
    if not arn:
        runs = client.list_map_runs(executionArn=batch.execution_arn)["mapRuns"]
        arn = runs[0]["mapRunArn"] if runs else ""
    if not arn:
        return found
    counts: Any = client.describe_map_run(mapRunArn=arn)["itemCounts"]
    return replace(found, map_run_arn=arn, done=sum(counts[name] for name in DONE), total=counts["total"])


def show(context: Context, batch: Batch) -> Progressed:
    """Show a batch's progress until its end; returns what is known then."""
    found = Progressed()
    with progress_bar(context.console) as bar:
        task = bar.add_task(f"Batch {batch.name}", total=batch.photos or None)
        for found in follow(context, batch):
            bar.update(task, completed=found.done, total=max(found.total, batch.photos) or None)
    return found


class SpeedColumn(ProgressColumn):
    """Photos a second, of the last half minute."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f} a second")


def progress_bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        SpeedColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, refresh_per_second=2)
