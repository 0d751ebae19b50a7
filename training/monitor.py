"""Step `monitor`: collect what the endpoint captured during the executions, and write the report."""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import pandas as pd

from training import sent_photos
from training.captures.order import shuffled_within_hours
from training.captures.progress import FILES, counting
from training.captures.reader import CaptureReader
from training.captures.source import Source
from training.captures.waiting import QUIET_SECONDS, Expected, wait_for
from training.checks import table as checks_table
from training.checks.verdict import Verdict, judge
from training.config import capture_prefix
from training.context import Context
from training.dataset.index import read_index
from training.errors import CaptureError, MissingEndpointError, ReviewError
from training.options import MonitorOptions
from training.profiles import profile_of
from training.provenance import check_served_dataset
from training.report import evidence, files, fonts, inferences, reviewed
from training.report.page import Subject
from training.report.reviewed import Reviewed
from training.results import Deployment, Executions, Monitoring, RunResults
from training.statistics.profile import ProfileError, names
from training.statistics.watch import Watched, martingale_sentence, watch


@dataclass(frozen=True)
class Seen:
    """What the captured photos show besides the answers to them; None: nothing is known."""

    watched: Watched | None = None  # their drift
    reviewed: Reviewed | None = None  # the accuracy, as people see it


def monitor(context: Context, results: RunResults, options: MonitorOptions) -> Monitoring:
    """Write `report.html`, its figures as PNG and `inferences.csv` to `<directory>/report`.

    When every execution failed and nothing was captured, the report has no figures and the verdict is stop.

    Raises:
        CaptureError: Nothing was captured of executions that came to an end, or it cannot be read.
        EndpointError: The endpoint's model was trained on another dataset.
    """
    refuse_without_capture(results.deployment)
    stack, dataset = context.stack, results.dataset
    with suppress(MissingEndpointError):  # what was captured outlives the endpoint
        check_served_dataset(context, dataset)
    index = read_index(dataset.directory)
    images = inferences.known_images(index)
    number = expected_records(results.executions, results.deployment.capture_percentage)
    since = datetime.fromisoformat(results.executions.started_at)
    expected = Expected(since, set(images["inference_id"]), number, patience(results.executions, options))
    captured = collect(context, expected, dataset.image_shape)
    if captured.empty and not all_failed(results.executions):
        raise nothing_captured(context, since)
    # Photos of traffic have ids of their own: they have labels in the report, and nobody waited for them above.
    sent = sent_photos.read(context.directory, dataset.classes)
    images = pd.concat([images, inferences.known_images(sent)], ignore_index=True)
    table = inferences.join(captured, images, dataset.classes, stack.confidence_threshold)
    reasons = inferences.why_unlabelled(captured, pd.concat([index, sent], ignore_index=True))
    if reasons:
        context.console.print(f"Captured, but unlabelled: {reasons}; they count neither as right nor as wrong.")
    if letters := fonts.missing_letters(dataset.classes):
        context.console.print(
            f"The figures show boxes for the letters {letters}, which no installed font has: install one that does, "
            "such as Noto Sans CJK, and run the step again."
        )
    seen = Seen(watch_photos(context, results, captured, table), review_of(context, captured, table))
    verdict = judge_run(context, results, table, options, seen)
    context.console.print(checks_table.table(verdict))
    metrics = evidence.metrics(context.directory / "metrics.csv")
    subject = Subject(
        stack,
        results,
        table,
        number,
        reasons,
        metrics=metrics,
        verdict=verdict,
        watched=seen.watched,
        reviewed=seen.reviewed,
    )
    path = files.write(subject, context.directory / "report")
    return Monitoring(report=str(path))


def judge_run(
    context: Context,
    results: RunResults,
    table: pd.DataFrame,
    options: MonitorOptions,
    seen: Seen = Seen(),
) -> Verdict:
    """Check the captured inferences and the executions that asked for them."""
    expected = expected_records(results.executions, results.deployment.capture_percentage)
    found = replace(
        evidence.of_inferences(table, results.dataset.classes, expected),
        test=evidence.tested(results.deployment),
        failed=evidence.failed(results.executions),
        error=evidence.commonest_error(context.directory / "executions.csv"),
        latency=evidence.latency(context.directory / "executions.csv"),
        drift=seen.watched.drifts if seen.watched else None,
        reviewed=seen.reviewed.found if seen.reviewed else None,
    )
    return judge(found, options.limits)


def review_of(context: Context, captured: pd.DataFrame, table: pd.DataFrame) -> Reviewed | None:
    """Return what people's answers say of the captured inferences; None: none of them is reviewed."""
    try:
        return reviewed.of_captured(captured, table, context.directory)
    except ReviewError as err:
        context.console.print(f"The reviewed photos are left out: {err}")
        return None


def watch_photos(context: Context, results: RunResults, captured: pd.DataFrame, table: pd.DataFrame) -> Watched | None:
    """Compare the captured photos with the model's profile, and print what alarms; None: there is no profile."""
    classes = results.dataset.classes
    profile = profile_of(context, results.model, results.dataset)
    if profile is None:
        return None
    order = shuffled_within_hours(captured)
    columns = {name: table[name].to_numpy(float)[order] for name in names(classes)}
    try:
        watched = watch(profile, columns, classes)
    except ProfileError as err:
        context.console.print(str(err))
        return None
    alarms = [one.sentence() for one in watched.windows[-1].alarms]
    if watched.alarm_at is not None:
        alarms.append(martingale_sentence(watched))
    for sentence in alarms:
        context.console.print(f"Drift of the captured photos: {sentence}.", markup=False)
    return watched


def refuse_without_capture(deployment: Deployment) -> None:
    """Say at once that there is nothing to wait for.

    Raises:
        CaptureError: The endpoint was deployed with `--capture-percentage 0`.
    """
    if deployment.capture_percentage == 0:
        raise CaptureError(
            f"The endpoint {deployment.endpoint_name} was deployed with --capture-percentage 0, so that nothing is "
            "captured: run the steps deploy (with 1 to 100), test and monitor again to get a report."
        )


def expected_records(executions: Executions, capture_percentage: int) -> int:
    """Return how many records to wait for: all, or of a sample the least that chance makes likely (3 sigma)."""
    inferences, captured = executions.started - executions.failed, capture_percentage / 100
    return max(1, math.floor(inferences * captured - 3 * math.sqrt(inferences * captured * (1 - captured))))


def collect(context: Context, expected: Expected, image_shape: tuple[int, int, int]) -> pd.DataFrame:
    """Return what the endpoint captured, as `CaptureReader.read` does.

    Args:
        image_shape: (channels, height, width) at which photos are measured.
    """
    stack = context.stack
    source = Source(context.clients.s3, stack.bucket, stack.endpoint_name, image_shape)
    show = partial(counting, context.console, FILES)
    return wait_for(CaptureReader(source, context.directory, context.console.print, show), expected, context.console)


def all_failed(executions: Executions) -> bool:
    return executions.failed == executions.started


def patience(executions: Executions, options: MonitorOptions) -> float:
    """Return how many seconds to wait: few for the answers of executions that failed, because most had none."""
    return min(options.capture_timeout, QUIET_SECONDS) if all_failed(executions) else options.capture_timeout


def nothing_captured(context: Context, since: datetime) -> CaptureError:
    stack = context.stack
    return CaptureError(
        f"Nothing was captured in s3://{stack.bucket}/{capture_prefix(stack.endpoint_name)} since "
        f"{since.isoformat()}: check that the endpoint's data capture is on and run the test step again."
    )
