"""Looks at new captures: the table, the drift that goes on where the last run ended, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd

from training import sent_photos
from training.captures.frames import frame
from training.captures.order import shuffled_within_hours
from training.captures.source import SLACK, Source
from training.checks.verdict import Verdict, judge
from training.config import is_traffic
from training.context import Context
from training.dataset.index import read_index
from training.profiles import profile_of
from training.report import evidence, inferences, reviewed
from training.report.page import Subject
from training.results import Executions
from training.statistics.martingale import Martingales
from training.statistics.profile import Profile, ProfileError, names
from training.statistics.watch import Watched, watch
from training.watch.settings import Settings
from training.watch.state import State, moment

LATE = timedelta(hours=1)  # a file may appear in the folder of an hour until so long after its end
EXECUTIONS = Executions(0, 0, 0, 0, "")  # a run knows the captures only


@dataclass(frozen=True)
class Captures:
    """What was captured since the last run."""

    inferences: pd.DataFrame  # as `frames.frame` has them, in chronological order
    state: State  # that remembers that they were looked at


@dataclass(frozen=True)
class Look:
    """What they show."""

    subject: Subject
    state: State  # with the martingales after them

    @property
    def verdict(self) -> Verdict:
        return self.subject.verdict


def new_captures(context: Context, settings: Settings, state: State, now: datetime) -> Captures:
    """Return what was captured and not looked at yet.

    Raises:
        CaptureError: A file cannot be read.
    """
    stack, since, until = settings.stack, moment(state, settings.since), now + SLACK
    source = Source(context.clients.s3, stack.bucket, stack.endpoint_name, settings.results.dataset.image_shape)
    listed = source.keys(since, until)
    seen, first = set(state.seen), since.replace(microsecond=0)  # records have whole seconds
    read = source.read([key for key in listed if key not in seen])
    new = [one for _, records in read for one in records if one.time >= first and is_traffic(one.inference_id)]
    if not new:
        return Captures(frame([]), state)
    found = frame(sorted(new, key=lambda one: (one.time, one.event_id)))
    after = max(since, max(one.time for one in new) - LATE)
    kept = set(listed) & set(source.keys(after, until))  # what appeared meanwhile was not read
    total = state.captured + len(found)
    return Captures(found, replace(state, since=after.isoformat(), seen=tuple(sorted(kept)), captured=total))


def look(context: Context, settings: Settings, captures: Captures) -> Look:
    """Judge what was captured.

    Raises:
        CaptureError: The inferences are those of other classes.
        ReviewError: The answers of a review are damaged.
    """
    results, stack = settings.results, settings.stack
    dataset, state = results.dataset, captures.state
    index, sent = read_index(dataset.directory), sent_photos.read(context.directory, dataset.classes)
    images = pd.concat([inferences.known_images(index), inferences.known_images(sent)], ignore_index=True)
    table = inferences.join(captures.inferences, images, dataset.classes, stack.confidence_threshold)
    in_order = table.iloc[shuffled_within_hours(captures.inferences)]
    watched, state = watch_drift(profile_of(context, results.model, dataset), in_order, dataset.classes, state)
    found = replace(
        evidence.of_inferences(table, dataset.classes, None),
        test=evidence.tested(results.deployment),
        drift=watched.drifts if watched else None,
    )
    people = reviewed.of_captured(captures.inferences, table, context.directory)  # until the schedule was put
    verdict = judge(replace(found, reviewed=people.found if people else None), settings.limits)
    period = replace(
        results, executions=replace(EXECUTIONS, started_at=captures.inferences["time"].iloc[0].isoformat())
    )
    reasons = inferences.why_unlabelled(captures.inferences, pd.concat([index, sent], ignore_index=True))
    metrics = evidence.metrics(context.directory / "metrics.csv")
    subject = Subject(
        stack, period, table, 0, reasons, verdict=verdict, metrics=metrics, watched=watched, reviewed=people
    )
    return Look(subject, state)


def watch_drift(
    profile: Profile | None, table: pd.DataFrame, classes: Sequence[str], state: State
) -> tuple[Watched | None, State]:
    """Compare the photos with the profile; another profile than before, or none, lets the martingales begin anew."""
    forgotten = replace(state, profile="", martingales=None)
    if profile is None:
        return None, forgotten
    saved = state.martingales if state.profile == profile.digest else None
    columns = {name: table[name].to_numpy(float) for name in names(classes)}
    try:
        martingales = Martingales(profile.values(classes), state=saved)
        watched = watch(profile, columns, classes, martingales=martingales)
    except ProfileError:  # of another model: nothing can be compared
        return None, forgotten
    return watched, replace(state, profile=profile.digest, martingales=martingales.state())
