"""Step `test`: run the workflow on random test images and count how the executions end."""

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from training.config import IMAGE_PREFIX, Stack
from training.errors import DatasetError, ExecutionsError
from training.results import Executions

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

POLL_SECONDS = 0.5
STALL_SECONDS = 900  # without any execution ending
WORKERS = 8  # concurrent API requests
BELOW_THRESHOLD = "ThresholdConfidenceNotMetError"  # what filterInferences raises


@dataclass(frozen=True)
class Clients:
    """The services that this step talks to."""

    s3: "S3Client"
    lambda_: "LambdaClient"
    stepfunctions: "SFNClient"


def test(
    stack: Stack, executions: int, concurrency: int, seed: int, directory: Path, clients: Clients, console: Console
) -> Executions:
    """Start executions on random test images, wait for all of them and tell how they ended.

    The events are written to `<directory>/events/`, the outcomes to `<directory>/executions.csv`.

    Args:
        concurrency: Executions under way at once, at most; never more than the account's Lambda concurrency.
    """
    time.sleep(1 - datetime.now(UTC).microsecond / 1e6)  # captured records have whole seconds: begin in a new one
    started_at = datetime.now(UTC)
    run = f"{started_at:%Y%m%d-%H%M%S}"
    keys = choose(list_test_images(clients.s3, stack.bucket), executions, seed)
    events = {f"{run}-{number:05d}": event_for(stack.bucket, key) for number, key in enumerate(keys, start=1)}
    write_events(events, directory / "events")
    limit = min(concurrency, account_concurrency(clients.lambda_))
    with progress_bar(console) as progress:
        run_all(stack.state_machine_arn, events, limit, clients.stepfunctions, progress)
    outcomes = read_outcomes(stack.state_machine_arn, run, events, clients.stepfunctions)
    outcomes.to_csv(directory / "executions.csv", index=False)
    console.print(outcome_table(outcomes))
    counts = outcomes["outcome"].value_counts()
    return Executions(
        started=len(events),
        succeeded=int(counts.get("succeeded", 0)),
        below_threshold=int(counts.get("below threshold", 0)),
        failed=int(counts.get("failed", 0)),
        started_at=started_at.isoformat(timespec="seconds"),
    )


# Test cases --------------------------------------------------------------------------------------------------


def list_test_images(s3: "S3Client", bucket: str) -> list[str]:
    """Return the keys of all test images; the `/` keeps other prefixes out, the pages all beyond 1,000 in."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{IMAGE_PREFIX}/test/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    if not keys:
        uri = f"s3://{bucket}/{IMAGE_PREFIX}/test/"
        raise DatasetError(f"{uri} has no images: run `python training/run.py stage` first.")
    return keys


def choose(keys: list[str], number: int, seed: int) -> list[str]:
    """Return `number` keys in random order; each is used once before any is used again."""
    generator = random.Random(seed)
    chosen: list[str] = []
    while len(chosen) < number:
        chosen += generator.sample(keys, min(len(keys), number - len(chosen)))
    return chosen


def event_for(bucket: str, key: str) -> dict[str, Any]:
    return {"s3_bucket": bucket, "s3_key": key, "image_data": "", "inferences": []}


def write_events(events: dict[str, dict[str, Any]], directory: Path) -> None:
    """Write one file per event, for `sam local invoke` and `sam remote invoke`; those of an earlier run go."""
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


def run_all(
    state_machine_arn: str,
    events: dict[str, dict[str, Any]],
    limit: int,
    stepfunctions: "SFNClient",
    progress: Progress,
) -> None:
    """Start all executions, at most `limit` under way at once, and return when all have ended.

    Raises:
        ExecutionsError: None has ended for a long time.
    """
    task = progress.add_task("Executions", total=len(events))
    waiting = list(events.items())
    ended, last_end = -1, time.monotonic()

    def start(item: tuple[str, dict[str, Any]]) -> None:
        stepfunctions.start_execution(stateMachineArn=state_machine_arn, name=item[0], input=json.dumps(item[1]))

    with ThreadPoolExecutor(WORKERS) as pool:
        while ended < len(events):
            # Asking for all that run costs one request; describing each would cost more than the work.
            running = [
                one for one in list_executions(stepfunctions, state_machine_arn, "RUNNING") if one["name"] in events
            ]
            now_ended = len(events) - len(waiting) - len(running)
            if now_ended > ended:
                ended, last_end = now_ended, time.monotonic()
                progress.update(task, completed=ended)
            if time.monotonic() - last_end > STALL_SECONDS:
                raise ExecutionsError(f"{len(running)} executions run on, but none has ended for {STALL_SECONDS} s.")
            free = max(0, limit - len(running))
            batch, waiting = waiting[:free], waiting[free:]
            list(pool.map(start, batch))
            time.sleep(POLL_SECONDS)


def list_executions(stepfunctions: "SFNClient", state_machine_arn: str, status: Any) -> Iterator[Any]:
    paginator = stepfunctions.get_paginator("list_executions")
    for page in paginator.paginate(stateMachineArn=state_machine_arn, statusFilter=status):
        yield from page["executions"]


def read_outcomes(
    state_machine_arn: str, run: str, events: dict[str, dict[str, Any]], stepfunctions: "SFNClient"
) -> pd.DataFrame:
    """Return one row per execution: name, s3_key, outcome, error, cause and seconds."""
    ended = [
        execution
        for status in ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
        for execution in list_executions(stepfunctions, state_machine_arn, status)
        if execution["name"] in events
    ]

    def row(execution: Any) -> dict[str, Any]:
        described: Any = {}
        if execution["status"] != "SUCCEEDED":  # the list does not say why an execution failed
            described = stepfunctions.describe_execution(executionArn=execution["executionArn"])
        error = described.get("error", "")
        outcome = {"SUCCEEDED": "succeeded"}.get(execution["status"], "failed")
        return {
            "name": execution["name"],
            "s3_key": events[execution["name"]]["s3_key"],
            "outcome": "below threshold" if error == BELOW_THRESHOLD else outcome,
            "error": error,
            "cause": described.get("cause", ""),
            "seconds": (execution["stopDate"] - execution["startDate"]).total_seconds(),
        }

    with ThreadPoolExecutor(WORKERS) as pool:
        return pd.DataFrame(pool.map(row, ended)).sort_values("name")


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
