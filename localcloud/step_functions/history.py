"""What happened in an execution, event by event, as GetExecutionHistory answers it."""

import json
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any

# Of a Standard execution (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
EVENT_LIMIT = 25_000
DATA_LIMIT = 64 * 1024 * 1024  # characters of inputs, outputs and causes; later ones are left out, as `truncated` says
LAST_EVENTS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
DATA_FIELDS = ("input", "output", "parameters", "cause")

Event = tuple[float, str, int, dict[str, Any]]  # seconds since the epoch, type, previousEventId, details


Follow = Callable[[int, Event], None]


class HistoryFullError(Exception):
    """When an execution has as many events as an execution may have."""


class History:
    """The events of one execution."""

    def __init__(self, limit: int | None = EVENT_LIMIT) -> None:
        """Keep up to `limit` events; None counts the events of an Express execution, and keeps none."""
        self.limit = limit
        self.last = 0  # the id of the newest event
        self._events: list[Event] | bytes = []  # packed when the execution has ended
        self._data: set[int] = set()  # ids of the texts that events share
        self._size = 0  # characters of these texts
        self._ended = False
        self.follow: Follow | None = None  # is given each event that is added, with its id
        self._adding = threading.Lock()  # StopExecution adds the last event while the execution runs

    def add(self, kind: str, details: Mapping[str, Any] | None = None, previous: int | None = None) -> int:
        """Add an event and return its id; nothing is added to the history of an execution that has ended.

        Args:
            kind: The event's type.
            details: What the field of this type holds, such as `stateEnteredEventDetails`.
            previous: The id of the event before it in its branch; by default that of the newest event.

        Raises:
            HistoryFullError: Only the event that ends the execution still has a place.
        """
        with self._adding:
            if self._ended:
                return self.last
            self._ended = kind in LAST_EVENTS
            pointed_at = self.last if previous is None else previous
            if self.limit is not None:
                self._keep(kind, pointed_at, details or {})
            self.last += 1
            if self.follow:
                self.follow(self.last, (time.time(), kind, pointed_at, dict(details or {})))
            return self.last

    def go_on(self, kind: str, details: Mapping[str, Any]) -> int:
        """Add an event to the history of an execution that had ended and goes on; returns the event's id."""
        with self._adding:
            self._take(self.events())
            self._ended = False
        return self.add(kind, details)

    def events(self) -> list[dict[str, Any]]:
        """Return the events in the API's shape, oldest first."""
        events = self._events  # read once: another thread may pack them
        if isinstance(events, bytes):
            unpacked: list[dict[str, Any]] = json.loads(zlib.decompress(events))
            return unpacked
        return [event_of(number, event) for number, event in enumerate(events, 1)]

    def pack(self) -> bytes | None:
        """Keep the events in a tenth of the memory, and return them as `of_packed` takes them; None before the last."""
        with self._adding:
            if self._ended and not isinstance(self._events, bytes):
                self._events, self._data = zlib.compress(json.dumps(self.events()).encode(), 1), set()
            return self._events if isinstance(self._events, bytes) else None

    @classmethod
    def of_packed(cls, packed: bytes, number: int, limit: int | None = EVENT_LIMIT) -> "History":
        """Return the history of so many events that `pack` has returned before."""
        history = cls(limit)
        history._events, history.last, history._ended = packed, number, True
        return history

    @classmethod
    def of_events(cls, events: list[dict[str, Any]], limit: int | None = EVENT_LIMIT) -> "History":
        """Return a history that `events` has returned before: that of a saved execution."""
        history = cls(limit)
        history._take(events)
        return history

    def _take(self, events: list[dict[str, Any]]) -> None:
        self._events = [
            (event["timestamp"], event["type"], event["previousEventId"], event.get(details_field(event["type"]), {}))
            for event in events
        ]
        self.last = len(events)
        self._ended = bool(events) and events[-1]["type"] in LAST_EVENTS

    def _keep(self, kind: str, previous: int, details: Mapping[str, Any]) -> None:
        assert self.limit is not None
        if self.last >= self.limit - 1 and not self._ended:
            raise HistoryFullError
        assert isinstance(self._events, list)  # those of an execution that has ended are packed
        self._events.append((time.time(), kind, previous, self._bounded(details)))

    def _bounded(self, details: Mapping[str, Any]) -> dict[str, Any]:
        """Return the details, without data when the history holds too much of it already.

        A text that several events share counts once: each is kept by an event, so its `id` stays its own.
        """
        kept = dict(details)
        for field in DATA_FIELDS:
            text = kept.get(field)
            if text is None or id(text) in self._data:
                continue
            if self._size + len(text) > DATA_LIMIT:
                kept[field] = ""
                if f"{field}Details" in kept:
                    kept[f"{field}Details"] = {"truncated": True}
            else:
                self._size += len(text)
                self._data.add(id(text))
        return kept


def event_of(number: int, event: Event) -> dict[str, Any]:
    """Return an event in the API's shape."""
    timestamp, kind, previous, details = event
    shown: dict[str, Any] = {"timestamp": timestamp, "type": kind, "id": number, "previousEventId": previous}
    if details:
        shown[details_field(kind)] = details
    return shown


def details_field(kind: str) -> str:
    """Return the name of the field that holds the details of a type of event."""
    for ending in ("Entered", "Exited"):
        if kind.endswith(f"State{ending}"):
            return f"state{ending}EventDetails"
    return f"{kind[0].lower()}{kind[1:]}EventDetails"
