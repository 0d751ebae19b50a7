"""Sends each photo at its moment, whatever became of those before it, and hears of their outcomes meanwhile."""

import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Protocol

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from training.preflight.check import words_of
from training.traffic.records import NOT_SENT, UNANSWERED, Record

SENDERS = 64  # requests at once; a request that finds none free is late, and its lag says so
LOOK_SECONDS = 0.5  # between two looks for outcomes
READERS = 8


def client_config() -> Config:
    """Return the configuration of a client with as many attempts as the SDKs of other senders make."""
    return Config(max_pool_connections=SENDERS + READERS, retries={"mode": "standard", "total_max_attempts": 3})


class Route(Protocol):
    """A way through the stack."""

    def send(self, record: Record) -> None:
        """Send a photo.

        Raises:
            ClientError, BotoCoreError: It was not taken.
        """

    def look(self) -> Iterable[Record]:
        """Look for outcomes, and return the photos that have one now."""

    def has_news(self) -> bool:
        """Tell whether something is still to be read of photos that have an outcome."""


class Show(Protocol):
    """Whoever shows how it goes."""

    def sent(self, record: Record) -> None: ...
    def done(self, record: Record) -> None: ...
    def update(self) -> None: ...


@dataclass(frozen=True)
class Ended:
    """How the sending ended."""

    seconds: float  # between the first moment and the last look
    interrupted: bool
    unreadable: str = ""  # why the last look did not succeed


class Sender:
    """Sends photos from a thread of its own, so that looking for outcomes never delays one."""

    def __init__(self, route: Route, records: Sequence[Record]) -> None:
        self._route = route
        self._records = records
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self.news: SimpleQueue[tuple[str, Record]] = SimpleQueue()  # sent, or failed before that
        self.began = time.monotonic()

    def start(self) -> None:
        self.began = time.monotonic()
        self._thread.start()

    def is_sending(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Send no more photos, and wait for the requests that are under way."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pool = ThreadPoolExecutor(SENDERS)
        for record in self._records:
            if self._stop.wait(max(0.0, self.began + record.item.due - time.monotonic())):
                break
            pool.submit(self._send, record)
        pool.shutdown(wait=True, cancel_futures=self._stop.is_set())

    def _send(self, record: Record) -> None:
        if self._stop.is_set():
            return
        late = time.monotonic() - self.began - record.item.due
        record.sent_at, record.lag = datetime.now(UTC), max(0.0, late)
        record.outcome = UNANSWERED
        self.news.put(("sent", record))
        try:
            self._route.send(record)
        except (ClientError, BotoCoreError) as err:
            name = err.response["Error"]["Code"] if isinstance(err, ClientError) else type(err).__name__
            record.fail(name, words_of(err))
            self.news.put(("done", record))


def run(route: Route, records: Sequence[Record], wait: float, show: Show) -> Ended:
    """Send all photos at their moments, and return when all have an outcome, or some seconds after the last one.

    A Ctrl-C ends it too: nothing more is sent, what has an outcome by then is kept.

    Args:
        wait: Seconds after the last photo.
    """
    sender = Sender(route, records)
    unreadable, interrupted, last_sent = "", False, 0.0
    sender.start()
    try:
        while True:
            sending = sender.is_sending()
            unreadable = look(route, sender, show)
            last_sent = time.monotonic() if sending else last_sent
            if not sending and (is_done(route, records) or time.monotonic() - last_sent >= wait):
                break
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        interrupted = True
        sender.stop()
        unreadable = look(route, sender, show)
    finally:
        sender.stop()
    return Ended(time.monotonic() - sender.began, interrupted, unreadable)


def is_done(route: Route, records: Iterable[Record]) -> bool:
    return not route.has_news() and all(one.outcome not in (UNANSWERED, NOT_SENT) for one in records)


def look(route: Route, sender: Sender, show: Show) -> str:
    """Look for outcomes once, and show them; returns why that is not possible, "" where it is.

    An AWS that does not answer may be the very incident: the next look tries again.
    """
    unreadable = ""
    try:
        for record in route.look():
            show.done(record)
    except (ClientError, BotoCoreError) as err:
        unreadable = words_of(err)
    for kind, record in drained(sender.news):
        if kind == "sent":
            show.sent(record)
        else:
            show.done(record)
    show.update()
    return unreadable


def drained(queue: "SimpleQueue[tuple[str, Record]]") -> Iterable[tuple[str, Record]]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return
