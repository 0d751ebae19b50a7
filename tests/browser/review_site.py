"""A review that is served to a browser, on a stack whose workflow refuses every photo."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.support.waiting import wait_for
from tests.unit.training.fakes import make_context
from tests.unit.training.review.scenes import CLASSES, THRESHOLD, keep_photos, selection
from training.review import answers, page
from training.review.answers import NONE_OF_THESE, UNUSABLE
from training.review.photos import Photos
from training.review.server import Review, Server
from training.review.session import Session
from training.review.tries import REFUSAL, Tries

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHOICES = (*CLASSES, NONE_OF_THESE, UNUSABLE)
SETTINGS: dict[str, Any] = {"title": "s", "classes": [*CLASSES], "choices": [*CHOICES], "most_bytes": 20_000}
NUMBER = 4  # of photos
SHOWN = "state !== null && document.getElementById('photo').naturalWidth === 16"  # true once the page has its photo


class Services:
    """S3 that takes photos, and executions that refuse them."""

    def __init__(self) -> None:
        self.photos: dict[str, bytes] = {}

    def put_object(self, Key: str, Body: bytes, **_: Any) -> None:
        self.photos[Key] = Body

    def start_execution(self, name: str, **_: Any) -> dict[str, Any]:
        return {"executionArn": f"arn:aws:states:us-east-1:1:execution:m:{name}"}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, executionArn: str) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        body = json.dumps({"s3_key": "k", "image_data": "a" * 5000, "inferences": [0.4, 0.6]})
        name = {"name": "FilterInferences", "input": body}
        return [
            {
                "events": [
                    {"type": "TaskStateEntered", "timestamp": now, "stateEnteredEventDetails": name},
                    {"type": "ExecutionFailed", "timestamp": now, "executionFailedEventDetails": {"error": REFUSAL}},
                ]
            }
        ]


@dataclass
class Site:
    """A served review."""

    address: str
    directory: Path
    services: Services
    ended: threading.Event

    def given(self) -> list[str]:
        return [str(answer) for answer in answers.read(self.directory)["answer"]]


@contextmanager
def served_review(directory: Path) -> Iterator[Site]:
    """Serve a review of `NUMBER` photos, which are in this directory."""
    keep_photos(directory, NUMBER)
    services, ended = Services(), threading.Event()
    context = make_context(directory, s3=services, stepfunctions=services)
    shown = partial(page.render, settings={**SETTINGS, "mode": "server"})
    with answers.opened(directory) as journal:
        session = Session(selection(NUMBER), CLASSES, THRESHOLD, journal)
        review = Review(session, Photos(context, "none", set()), Tries(context, CLASSES), shown, ended.set)
        with Server(review) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield Site(server.address, directory, services, ended)
            finally:
                server.shutdown()
                thread.join()


def until(page: "Page", expression: str) -> None:
    """Wait until an expression is true; the page's policy keeps Playwright's `wait_for_function` from evaluating it."""
    wait_for(lambda: page.evaluate(expression), seconds=60, pause=0.02)
