"""Step `test`: run the workflow on random test images and count how the executions end."""

import json
import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from training.config import image_prefix
from training.context import Context
from training.csv_files import write_csv
from training.errors import DatasetError, ExecutionsError
from training.options import ExecutionsOptions
from training.results import Executions

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType

POLL_SECONDS = 0.5
STALL_SECONDS = 900  # without any execution ending
WORKERS = 8  # concurrent API requests
BELOW_THRESHOLD = "ThresholdConfidenceNotMetError"  # what filterInferences raises

Events: TypeAlias = Mapping[str, dict[str, Any]]  # by the execution's name


def run_executions(context: Context, options: ExecutionsOptions) -> Executions:
    """Start executions on random test images, wait for all of them and count their outcomes.

    The events are written to `<directory>/events/`, the outcomes to `<directory>/executions.csv`.
    """
    time.sleep(1 - datetime.now(UTC).microsecond / 1e6)  # captured records have whole seconds: begin in a new one
    started_at = datetime.now(UTC)
    keys = choose(list_test_images(context.clients.s3, context.stack.bucket), options.executions, options.seed)
    run = f"{started_at:%Y%m%d-%H%M%S}"
    events = {f"{run}-{number:05d}": event_for(context.stack.bucket, key) for number, key in enumerate(keys, start=1)}
    write_events(events, context.directory / "events")
    run_all(context, events, min(options.concurrency, account_concurrency(context.clients.lambda_)))
    outcomes = read_outcomes(context, events)
    write_csv(outcomes, context.directory / "executions.csv")
    context.console.print(outcome_table(outcomes))
    counts = outcomes["outcome"].value_counts()
    return Executions(
        started=len(events),
        succeeded=int(counts.get("succeeded", 0)),
        below_threshold=int(counts.get("below threshold", 0)),
        failed=int(counts.get("failed", 0)),
        started_at=started_at.isoformat(timespec="seconds"),
    )


# Events ------------------------------------------------------------------------------------------------------


def list_test_images(s3: "S3Client", bucket: str) -> list[str]:
    """Return the keys of all test images.

    Raises:
        DatasetError: There are none.
    """
    prefix = image_prefix("test")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    if not keys:
        raise DatasetError(f"s3://{bucket}/{prefix} has no images: run `python training/run.py stage` first.")
    return keys


def choose(keys: list[str], number: int, seed: int) -> list[str]:
    """Return `number` keys in random order; each is used once before any is used again."""
    generator = random.Random(seed)
    chosen: list[str] = []
    while len(chosen) < number:
        chosen += generator.sample(keys, min(len(keys), number - len(chosen)))
    return chosen


def event_for(bucket: str, key: str) -> dict[str, Any]:
    """Return the input of an execution, as the functions read it."""
    return {"s3_bucket": bucket, "s3_key": key, "image_data": "", "inferences": []}


def write_events(events: Events, directory: Path) -> None:
    """Write one file per event, for `sam local invoke` and `sam remote invoke`, in place of an earlier run's."""
    directory.mkdir(parents=True, exist_ok=True)
    for stale in directory.glob("*.json"):
        stale.unlink()
    for name, event in events.items():
        (directory / f"{name}.json").write_text(json.dumps(event, indent=2) + "\n")


# Executions --------------------------------------------------------------------------------------------------


def account_concurrency(lambda_: "LambdaClient") -> int:
    """Return how many functions the account lets run at once; each execution runs one at a time."""
    limit: int = lambda_.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    return max(1, limit)


def run_all(context: Context, events: Events, limit: int) -> None:
    """Start all executions, at most `limit` under way at once, and return when all have ended.

    Raises:
        ExecutionsError: No execution has ended for `STALL_SECONDS`.
    """
    waiting = list(events.items())
    ended, last_end = -1, time.monotonic()

    def start(item: tuple[str, dict[str, Any]]) -> None:
        name, event = item
        arn = context.stack.state_machine_arn
        context.clients.stepfunctions.start_execution(stateMachineArn=arn, name=name, input=json.dumps(event))

    with progress_bar(context.console) as progress, ThreadPoolExecutor(WORKERS) as pool:
        task = progress.add_task("Executions", total=len(events))
        while ended < len(events):
            # Listing all that run costs one request; describing each would cost more than the work.
            running = sum(one["name"] in events for one in list_executions(context, "RUNNING"))
            now_ended = len(events) - len(waiting) - running
            if now_ended > ended:
                ended, last_end = now_ended, time.monotonic()
                progress.update(task, completed=ended)
            if time.monotonic() - last_end > STALL_SECONDS:
                raise ExecutionsError(f"{running} executions are running, but none has ended for {STALL_SECONDS} s.")
            free = max(0, limit - running)
            batch, waiting = waiting[:free], waiting[free:]
            list(pool.map(start, batch))
            time.sleep(POLL_SECONDS)


def list_executions(context: Context, status: "ExecutionStatusType") -> Iterator[Any]:
    """Yield the executions of the stack's workflow that have this status."""
    paginator = context.clients.stepfunctions.get_paginator("list_executions")
    for page in paginator.paginate(stateMachineArn=context.stack.state_machine_arn, statusFilter=status):
        yield from page["executions"]


def read_outcomes(context: Context, events: Events) -> pd.DataFrame:
    """Return one row per ended execution: name, s3_key, outcome, error, cause and seconds."""
    statuses: tuple[ExecutionStatusType, ...] = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
    ended = [one for status in statuses for one in list_executions(context, status) if one["name"] in events]

    def row(execution: Any) -> dict[str, Any]:
        described: Any = {}
        if execution["status"] != "SUCCEEDED":  # the list does not say why an execution failed
            described = context.clients.stepfunctions.describe_execution(executionArn=execution["executionArn"])
        return {
            "name": execution["name"],
            "s3_key": events[execution["name"]]["s3_key"],
            "outcome": outcome_of(execution["status"], described.get("error")),
            "error": described.get("error", ""),
            "cause": described.get("cause", ""),
            "seconds": (execution["stopDate"] - execution["startDate"]).total_seconds(),
        }

    with ThreadPoolExecutor(WORKERS) as pool:
        return pd.DataFrame(pool.map(row, ended)).sort_values("name")


def outcome_of(status: str, error: str | None) -> str:
    """Return what an execution's end means to the user."""
    if error == BELOW_THRESHOLD:
        return "below threshold"
    return "succeeded" if status == "SUCCEEDED" else "failed"


def progress_bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def outcome_table(outcomes: pd.DataFrame) -> Table:
    """Return a table of outcomes, and of the errors behind the failed executions."""
    error_column = Column("Error", overflow="fold")
    table = Table("Outcome", error_column, "Executions", "Median seconds", title="Executions", title_justify="left")
    for (outcome, error), rows in outcomes.groupby(["outcome", "error"]):
        table.add_row(str(outcome), str(error), str(len(rows)), f"{rows['seconds'].median():.2f}")
    return table
