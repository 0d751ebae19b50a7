"""Step `batch`: what is asked for, its cost and checks before it, its results after it."""

import json
from dataclasses import dataclass
from typing import Any

from rich.table import Column, Table

from training import atomic
from training.batch import figures, photos, progress, verdicts
from training.batch.progress import Progressed
from training.batch.start import Batch, directory_of, find
from training.batch.verdicts import Outcomes
from training.concurrency import account_concurrency
from training.config import command
from training.context import Context
from training.costs import batch as costs
from training.costs.batch import BatchSize
from training.costs.estimate import Estimate
from training.errors import BatchError, StackError
from training.options import LAST_BATCH, BatchOptions
from training.preflight.check import Check
from training.preflight.serving import check_endpoint
from training.provenance import class_names
from training.running import RunningEndpoint
from training.running import find as find_endpoint

PHOTOS_AN_INSTANCE = 32  # that one instance of the endpoint bears at once
SHARE_OF_ACCOUNT = 0.8  # of its Lambda concurrency, by default
SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True)
class Prepared:
    """A batch that can be started."""

    source: photos.Source
    settings: dict[str, Any]  # of the execution's input
    estimate: Estimate
    checks: list[Check]


# Before it -----------------------------------------------------------------------------------------------------


def prepare(context: Context, options: BatchOptions) -> Prepared:
    """Return what a batch is about, what it costs and what would stop it; nothing is created.

    Raises:
        BatchError: The photos cannot be found.
        StackError: The stack has no workflow for batches.
    """
    if not context.stack.batch_machine_arn:
        raise StackError(f"The stack {context.stack.name} has no workflow for batches: deploy this template.")
    source = photos.find(context, options.source) if options.source else failures(context, options.retry or LAST_BATCH)
    endpoint = find_endpoint(context)
    settings = settings_of(context, options, endpoint)
    size = BatchSize(source.photos, settings["concurrency"])
    lines = costs.lines(context.stack.region, size)
    if endpoint and endpoint.instances:
        lines.append(costs.endpoint_line(context.stack.region, endpoint.instances, size))
    return Prepared(source, settings, Estimate(context.stack.region, tuple(lines)), [check_endpoint(context, endpoint)])


def failures(context: Context, name: str) -> photos.Source:
    """Return the photos of an earlier batch that could not be classified."""
    name = find(context, name).name
    failed = (one for one in verdicts.read(context, name) if "error" in one and one["s3_key"])
    return photos.of_photos(
        f"The batch {name}, in what could not be classified,",
        (photos.Photo(one["s3_key"], one["version"] or "") for one in failed),
    )


def settings_of(context: Context, options: BatchOptions, endpoint: RunningEndpoint | None) -> dict[str, Any]:
    """Return the optional input of the execution."""
    instances = sum(endpoint.instances.values()) if endpoint else 1
    borne = min(PHOTOS_AN_INSTANCE * instances, int(SHARE_OF_ACCOUNT * account_concurrency(context.clients.lambda_)))
    shares = {"max_refused_share": options.max_refused_share, "max_failed_share": options.max_failed_share}
    given: dict[str, Any] = {name: value for name, value in shares.items() if value is not None}
    if classes := class_names(context):
        given["classes"] = list(classes)
    return {"concurrency": options.concurrency or max(1, borne), **given}


# Until its end -------------------------------------------------------------------------------------------------


def finish(context: Context, batch: Batch) -> dict[str, Any]:
    """Show a batch's progress to its end, and write its results; returns its figures.

    Raises:
        BatchError: It failed, or was stopped; what it has of results is written all the same.
        KeyboardInterrupt: With the command that joins the batch, which goes on.
    """
    join = f"{command('batch', context.stack.name)} --join {batch.name}"
    try:
        context.console.print(
            f"Batch {batch.name} goes on when this is interrupted. To join it: {join}", soft_wrap=True
        )
        ended = progress.show(context, batch)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Interrupted: the batch {batch.name} goes on. To join it: {join}") from None
    try:
        found = write_results(context, batch, ended)
    except BatchError as err:
        if ended.status == SUCCEEDED:
            raise
        raise failure(context, batch, ended, 0) from err  # it has ended before its first verdict
    if ended.status != SUCCEEDED:
        raise failure(context, batch, ended, found["failed"])
    return found


def failure(context: Context, batch: Batch, ended: Progressed, failed: int) -> BatchError:
    """Return the error for a batch that did not succeed.

    Args:
        failed: Photos that could not be classified: they can be tried again.
    """
    reason = f"{ended.error}: {ended.cause}" if ended.error else ended.status
    retry = f" To classify again what failed: {command('batch', context.stack.name)} --retry {batch.name}"
    return BatchError(f"The batch {batch.name} has not succeeded ({reason}).{retry if failed else ''}")


def write_results(context: Context, batch: Batch, ended: Progressed) -> dict[str, Any]:
    """Write verdicts.csv, summary.json and the figures of a batch; returns the summary."""
    directory = directory_of(context, batch.name)
    directory.mkdir(parents=True, exist_ok=True)
    outcomes = verdicts.write_table(verdicts.read(context, batch.name), directory / "verdicts.csv")
    figures.write(outcomes, context.stack.confidence_threshold, directory)
    context.console.print(outcome_table(outcomes))
    if missing := ended.total - outcomes.photos:
        context.console.print(f"{missing:,} photos have no verdict.", style="yellow")
    summary = summarize(context, batch, ended, outcomes) | {"results": str(directory)}
    atomic.write_text(directory / "summary.json", json.dumps(summary, indent=2) + "\n")
    return summary


def summarize(context: Context, batch: Batch, ended: Progressed, outcomes: Outcomes) -> dict[str, Any]:
    """Return the figures of a batch."""
    seconds = ended.seconds or 0.0
    size = BatchSize(outcomes.photos, batch.concurrency or 1, seconds)
    usd = Estimate(context.stack.region, tuple(costs.lines(context.stack.region, size))).usd
    return {
        "name": batch.name,
        "status": ended.status.lower(),
        "photos": outcomes.photos,
        "accepted": outcomes.accepted,
        "refused": outcomes.refused,
        "failed": outcomes.failed,
        "seconds": round(seconds, 1),
        "photos_a_second": round(outcomes.photos / seconds, 1) if seconds else None,
        "estimated_usd": usd,
    }


def outcome_table(outcomes: Outcomes) -> Table:
    """Return the table of what became of the photos."""
    table = Table("Verdict", Column("Error", overflow="fold"), "Photos", "Share", title="Batch", title_justify="left")
    rows = [("accepted", "", outcomes.accepted), ("refused", "", outcomes.refused)]
    rows += [("failed", error, number) for error, number in outcomes.errors.most_common()]
    for verdict, error, number in rows:
        table.add_row(verdict, error, f"{number:,}", f"{outcomes.share(number):.1%}")
    return table
