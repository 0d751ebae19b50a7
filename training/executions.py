"""Step `test`: run the workflow on random test images and count how the executions end."""

import json
import random
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from training.concurrency import account_concurrency
from training.config import image_prefix
from training.context import Context
from training.csv_files import write_csv
from training.errors import DatasetError
from training.options import ExecutionsOptions
from training.provenance import check_served_dataset
from training.results import Dataset, Executions
from training.workflow import FAILED, RUNNING, Events, Workflow

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BELOW_THRESHOLD = "ThresholdConfidenceNotMetError"  # what filterInferences raises


def run_executions(context: Context, dataset: Dataset, options: ExecutionsOptions) -> Executions:
    """Start executions on random test images, wait for all of them and count their outcomes.

    The events are written to `<directory>/events/`, the outcomes to `<directory>/executions.csv`.

    Raises:
        EndpointError: There is no endpoint, or its model was trained on another dataset.
        ExecutionsError: No execution has ended for a long time.
    """
    check_served_dataset(context, dataset)
    time.sleep(1 - datetime.now(UTC).microsecond / 1e6)  # captured records have whole seconds: begin in a new one
    started_at = datetime.now(UTC)
    keys = choose(list_test_images(context.clients.s3, context.stack.bucket), options.executions, options.seed)
    # Without the token, two runs of one second would share executions: AWS answers a repeated start as the first one.
    run = f"{started_at:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    events = {f"{run}-{number:05d}": event_for(context.stack.bucket, key) for number, key in enumerate(keys, start=1)}
    write_events(events, context.directory / "events")
    workflow = run_all(context, events, min(options.concurrency, account_concurrency(context.clients.lambda_)))
    outcomes = read_outcomes(workflow)
    write_csv(outcomes, context.directory / "executions.csv")
    context.console.print(outcome_table(outcomes))
    counts = outcomes["outcome"].value_counts()
    succeeded, below_threshold = int(counts.get("succeeded", 0)), int(counts.get("below threshold", 0))
    return Executions(
        started=len(events),
        succeeded=succeeded,
        below_threshold=below_threshold,
        failed=len(events) - succeeded - below_threshold,  # also those that timed out or were aborted
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


def run_all(context: Context, events: Events, limit: int) -> Workflow:
    """Start all executions, at most `limit` under way at once, and return when all have ended.

    Raises:
        ExecutionsError: No execution has ended for a long time.
    """
    workflow = Workflow(context.clients.stepfunctions, context.stack.state_machine_arn, events)
    try:
        with progress_bar(context.console) as progress:
            task = progress.add_task("Executions", total=len(events))
            for ended in workflow.run(limit):
                progress.update(task, completed=ended)
    finally:
        if running := len(workflow.having(RUNNING)):
            context.console.print(f"{running} executions were still under way: they run to their end, uncounted.")
    return workflow


def read_outcomes(workflow: Workflow) -> pd.DataFrame:
    """Return one row per execution: name, s3_key, outcome, error, cause and seconds (NaN when it was not started)."""
    workflow.explain_failures()
    rows = [
        {
            "name": execution.name,
            "s3_key": execution.event["s3_key"],
            "outcome": outcome_of(execution.status, execution.error),
            "error": execution.error,
            "cause": execution.cause,
            "seconds": execution.seconds,
        }
        for execution in workflow.executions
    ]
    return pd.DataFrame(rows)


def outcome_of(status: str, error: str) -> str:
    """Return what an execution's end means to the user: succeeded, below threshold, failed, timed out or aborted."""
    if status == FAILED and error == BELOW_THRESHOLD:
        return "below threshold"
    return status.lower().replace("_", " ")


def progress_bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def outcome_table(outcomes: pd.DataFrame) -> Table:
    """Return a table of outcomes, and of the errors behind the failed executions."""
    error_column = Column("Error", overflow="fold")
    table = Table("Outcome", error_column, "Executions", "Median s", title="Executions", title_justify="left")
    for (outcome, error), rows in outcomes.groupby(["outcome", "error"]):
        seconds = rows["seconds"].dropna()  # NaN: not started
        table.add_row(str(outcome), str(error), str(len(rows)), f"{seconds.median():.2f}" if len(seconds) else "")
    return table
