"""Step `review`: people say what photos show, in a local page or by files, and the accuracy on real traffic follows."""

import threading
import webbrowser
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from training.context import Context
from training.errors import MissingEndpointError, ReviewError, StepNotRunError
from training.options import ReviewOptions
from training.provenance import check_served_dataset
from training.results import Dataset, Executions, load
from training.review import answers, exchange, page, traffic, truth
from training.review.answers import NONE_OF_THESE, UNUSABLE, Journal
from training.review.estimate import ReviewedAccuracy, estimate, estimate_accepted
from training.review.photos import Photos
from training.review.selection import Sizes, select
from training.review.server import MOST_PHOTO_BYTES, Review, Server
from training.review.session import Session, answer_to
from training.review.tries import Tries

POLL_SECONDS = 0.1  # of the server, for its end
WITHOUT_TEST = timedelta(days=30)  # so long captured inferences are kept unless the stack says otherwise


@dataclass(frozen=True)
class Subject:
    """What is reviewed."""

    dataset: Dataset
    tested_at: datetime | None  # when the last test began

    @property
    def choices(self) -> tuple[str, ...]:
        return (*self.dataset.classes, NONE_OF_THESE, UNUSABLE)


@dataclass(frozen=True)
class Selected:
    """All captured inferences, and those to review."""

    traffic: pd.DataFrame
    chosen: pd.DataFrame
    photos: Photos


def subject(context: Context) -> Subject:
    """Return what is reviewed, from the results of earlier steps.

    Raises:
        StepNotRunError: No dataset was staged: its classes are the answers.
        EndpointError: The endpoint's model was trained on another dataset.
        ReviewError: A class has the name of an answer that is no class.
    """
    dataset = load(context.directory, "stage", Dataset)
    with suppress(MissingEndpointError):  # what was captured outlives the endpoint
        check_served_dataset(context, dataset)
    if taken := {NONE_OF_THESE, UNUSABLE} & {*dataset.classes}:
        raise ReviewError(f"A class is called {taken.pop()!r}, which is an answer of its own: rename its folder.")
    with suppress(StepNotRunError):
        return Subject(dataset, datetime.fromisoformat(load(context.directory, "test", Executions).started_at))
    return Subject(dataset, None)


def review(context: Context, about: Subject, options: ReviewOptions) -> dict[str, Any]:
    """Let photos be answered, or hand them or their answers over; returns what follows from all answers.

    Raises:
        ReviewError: A file of answers cannot be read, or another process reviews this run.
        CaptureError: The captured inferences cannot be read.
    """
    since = datetime.now(UTC) - options.since if options.since else about.tested_at
    inferences = traffic.read(context, about.dataset, since or datetime.now(UTC) - WITHOUT_TEST)
    chosen = select(inferences, Sizes(options.refused, options.mistakes, options.accepted), options.seed)
    photos = Photos(context, about.dataset.directory, set(chosen["event_id"]))
    selected = Selected(inferences, chosen, photos)
    with answers.opened(context.directory) as journal:
        if options.import_answers:
            take(context, about, journal, Path(options.import_answers))
        elif options.export or options.export_label_studio:
            return export(context, about, selected, options)
        else:
            serve(context, about, selected, journal, options.browser)
        return finish(context, about, selected, journal)


# By files ----------------------------------------------------------------------------------------------------------


def export(context: Context, about: Subject, selected: Selected, options: ReviewOptions) -> dict[str, Any]:
    """Write the photos that have no answer yet; returns how many, and where."""
    known = set(answers.read(context.directory)["event_id"])
    rows = [row for row in selected.chosen.to_dict("records") if row["event_id"] not in known]
    by_event = {row["event_id"]: row for row in rows}
    threshold = context.stack.confidence_threshold
    blank = [answer_to({str(name): value for name, value in row.items()}, "", threshold) for row in rows]
    found = list(exchange.tasks(blank, lambda event_id: selected.photos.find(by_event[event_id])))
    if missing := len(rows) - len(found):
        context.console.print(f"{missing} photos are gone, or cannot be shown: they are left out.")
    path = Path(options.export or options.export_label_studio or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    if options.export:
        exchange.write_page(path, found, settings(context, about))
        told = f"{path} shows {len(found)} photos. Take its answers with --import."
    else:
        interface = exchange.write_label_studio(path, found, about.choices)
        told = f"{path} has {len(found)} tasks for Label Studio, with the labeling interface of {interface}."
    context.console.print(told, highlight=False, soft_wrap=True)
    return {"exported": len(found), "file": str(path)}


def take(context: Context, about: Subject, journal: Journal, path: Path) -> None:
    """Take the answers of a file, all or none.

    Raises:
        ReviewError: It has an entry that is no answer.
    """
    counts = exchange.take(journal, exchange.read(path, about.choices))
    told = f"{counts['new']} new, {counts['replaced']} newer than those there were, {counts['known']} known already"
    context.console.print(f"Answers of {path}: {told}.", highlight=False, soft_wrap=True)


# By the page -------------------------------------------------------------------------------------------------------


def settings(context: Context, about: Subject) -> dict[str, Any]:
    """Return what the page needs besides photos; the model's answers are not among it."""
    return {
        "mode": "server",
        "title": context.stack.name,
        "classes": list(about.dataset.classes),
        "choices": list(about.choices),
        "most_bytes": MOST_PHOTO_BYTES,
    }


def serve(context: Context, about: Subject, selected: Selected, journal: Journal, browser: bool) -> None:
    """Serve the page until the person ends it, there or with Ctrl-C."""
    session = Session(selected.chosen, about.dataset.classes, context.stack.confidence_threshold, journal)
    ended = threading.Event()
    shown = settings(context, about)
    tries = Tries(context, about.dataset.classes)
    with Server(Review(session, selected.photos, tries, partial(page.render, settings=shown), ended.set)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="review", daemon=True)
        thread.start()
        announce(context, server.address, browser)
        try:
            wait(ended, server)
        except KeyboardInterrupt:
            context.console.print()
        finally:
            server.shutdown()
            thread.join()
    state = session.state()
    saved = f"{session.answered_here} answers saved now, {state['answered']} of {state['total']} photos answered"
    context.console.print(f"{saved}: {answers.path_of(context.directory)}", highlight=False, soft_wrap=True)


def announce(context: Context, address: str, browser: bool) -> None:
    opened = browser and webbrowser.open(address)
    how = "The page is open in your browser" if opened else "Open the page"
    context.console.print(f"{how}: {address}", highlight=False, soft_wrap=True)
    context.console.print("Each answer is saved at once. Ctrl-C, or the page's own button, ends the review.")


def wait(ended: threading.Event, server: Server) -> None:
    """Return when the person has ended the review; waiting in parts lets a signal be handled at once."""
    while not ended.wait(0.5):
        pass


# What follows ------------------------------------------------------------------------------------------------------


def finish(context: Context, about: Subject, selected: Selected, journal: Journal) -> dict[str, Any]:
    """Keep all answers in the bucket and return what follows from them."""
    given = [one for one in journal.latest() if one.answer in about.choices]  # others: of an earlier dataset
    if given:
        truth.keep(context, given, about.dataset.classes)
    table = answers.table(given)
    found = {"accuracy": estimate(selected.traffic, table), "accepted": estimate_accepted(selected.traffic, table)}
    tell(context, found)
    return {
        "answers": len(given),
        "unusable": sum(one.answer == UNUSABLE for one in given),
        "file": str(answers.path_of(context.directory)),
        **{name: asdict(one) for name, one in found.items()},
    }


def tell(context: Context, found: dict[str, ReviewedAccuracy]) -> None:
    """Print the accuracies on real traffic."""
    names = {"accuracy": "inferences", "accepted": "accepted inferences"}
    for name, one in found.items():
        if one.n:
            value = (
                "unknown, because a part of the traffic has no reviewed photo"
                if one.value is None
                else f"{one.value:.1%}"
            )
            told = f"Accuracy on {one.traffic:,} {names[name]}: {value}"
            interval = f"95 % interval {one.low:.1%} to {one.high:.1%}, from {one.n} reviewed photos"
            context.console.print(f"{told} ({interval}).", highlight=False, soft_wrap=True)
