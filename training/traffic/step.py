"""Step `traffic`: what is sent, its cost and checks before it, its results after it."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from training import atomic, sent_photos
from training.config import command
from training.context import Context
from training.costs import traffic as costs
from training.costs.batch import BatchSize, endpoint_line
from training.costs.estimate import Estimate
from training.options import UPLOADS, TrafficOptions
from training.preflight.check import Check, passed, problem
from training.preflight.serving import check_endpoint
from training.provenance import class_names
from training.running import find as find_endpoint
from training.traffic import executions, figures, live, photos, script, sending, uploads
from training.traffic.records import UNANSWERED, Record
from training.traffic.script import Item
from training.traffic.sending import Ended, Route


@dataclass(frozen=True)
class Prepared:
    """Traffic that can be sent."""

    options: TrafficOptions
    items: list[Item]
    estimate: Estimate
    checks: list[Check]


# Before it -----------------------------------------------------------------------------------------------------


def prepare(context: Context, options: TrafficOptions) -> Prepared:
    """Return what will be sent, what it costs and what would stop it; nothing is created.

    Raises:
        TrafficError: There are no such photos, or too many of them.
        StepNotRunError: Nothing was staged, and there is no directory of own photos.
    """
    items = script.write(options, photos.read(context, options.photos, np.random.default_rng(options.seed)))
    endpoint, region = find_endpoint(context), context.stack.region
    files = len({id(item.content) for item in items})
    if options.through == UPLOADS:
        lines = costs.upload_lines(region, len(items), options.duration)
    else:
        lines = costs.execution_lines(region, len(items), files)
    if endpoint and endpoint.instances:
        lines.append(endpoint_line(region, endpoint.instances, BatchSize(len(items), 1, options.duration)))
    checks = [check_endpoint(context, endpoint)]
    if options.through == UPLOADS:
        checks.append(check_uploads(context))
    return Prepared(options, items, Estimate(region, tuple(lines)), checks)


def check_uploads(context: Context) -> Check:
    subject = "photos that are uploaded"
    if context.stack.upload_machine_arn:
        return passed(subject, "are classified")
    remedy = "run `sam deploy --parameter-overrides ClassifyUploads=true`, or leave out --through uploads"
    return problem(subject, f"the stack {context.stack.name} does not classify them", remedy)


# Until its end -------------------------------------------------------------------------------------------------


def send(context: Context, prepared: Prepared) -> dict[str, Any]:
    """Send the photos, show how it goes, and write the results; returns their figures."""
    # The date makes names chronological; the token tells two of one second apart.
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    records, route = make_route(context, prepared, name)
    directory = sent_photos.directory_of(context.directory, name)
    directory.mkdir(parents=True)
    sent_photos.write(truth_of(records), directory)
    context.console.print(
        f"Traffic {name}: {len(records):,} photos in {prepared.options.duration:g} s. Ctrl-C ends it with its results.",
        highlight=False,
    )
    with live.shown(context.console, len(records)) as show:
        ended = sending.run(route, records, prepared.options.wait, show)
    figures.write_table(records, directory / "traffic.csv")
    tell(context, records, ended)
    found = summarize(prepared, records, ended) | {"name": name, "results": str(directory)}
    atomic.write_text(directory / "summary.json", json.dumps(found, indent=2) + "\n")
    return found


def make_route(context: Context, prepared: Prepared, name: str) -> tuple[list[Record], Route]:
    """Return the records of the photos and the way that they take; executions find their photos in the bucket."""
    classes = class_names(context)
    if prepared.options.through == UPLOADS:
        return uploads.records_of(prepared.items, name), uploads.Uploads(context, classes)
    records = executions.records_of(prepared.items, name)
    with context.console.status("Uploading the photos of the executions"):
        executions.upload(context, records)
    return records, executions.Executions(context, records, name, classes)


def truth_of(records: Sequence[Record]) -> dict[str, tuple[str, str]]:
    """Return name and true class of the photos that have one, by their keys."""
    contents = {record.key: record.item.content for record in records}
    return {key: (one.photo.name, one.class_name) for key, one in contents.items() if one.class_name}


def summarize(prepared: Prepared, records: Sequence[Record], ended: Ended) -> dict[str, Any]:
    options = prepared.options
    return {
        "through": options.through,
        "interrupted": ended.interrupted,
        **figures.summarize(records),
        "rate": options.rate,
        "reached_rate": figures.reached_rate(records),
        "seconds": round(ended.seconds, 1),
        "estimated_usd": prepared.estimate.usd,
    }


def tell(context: Context, records: Sequence[Record], ended: Ended) -> None:
    """Print the tables, and what a reader must know of them."""
    console, found = context.console, figures.summarize(records)
    console.print(figures.outcome_table(records))
    console.print(figures.change_table(records))
    if ended.interrupted:
        console.print("Interrupted: photos that were under way are unanswered.", highlight=False)
    if found["late"]:
        console.print(
            f"{found['late']:,} of {found['sent']:,} photos were sent more than {figures.LATE:g} s late, the latest by "
            f"{found['lag']['max']:.2f} s: this machine did not keep the schedule.",
            style="yellow",
            highlight=False,
        )
    if found["unexpected"]:
        console.print(
            f"{found['unexpected']:,} photos had an outcome that they should not have: a sound photo failed, or a "
            "corrupt one did not fail by its name. traffic.csv has them.",
            style="yellow",
            highlight=False,
        )
    if found[UNANSWERED] and ended.unreadable:
        console.print(f"Outcomes could not be read at the end: {ended.unreadable}", style="yellow", highlight=False)
    console.print(f"To delete the photos: {command('cleanup', context.stack.name)}", highlight=False, soft_wrap=True)
