"""Log events on disk: of each stream only the newest are in memory, where MiniStack keeps all that were ever written.

The events of a stream are a sequence: blocks in a store of segments (`localcloud.store`), and a list of the newest. A
block is stored before its events leave memory, so a crash loses none; what a saved state has of a stream are its newest
events, and those that a block has too are left out when the state is loaded. Late events take their place: mostly among
the newest, otherwise the blocks behind them are stored again.
"""

import functools
import heapq
import json
import logging
import threading
import time
import uuid
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from ministack.core import persistence
from ministack.services import cloudwatch_logs

from localcloud.segments import Content
from localcloud.store import Store

Event = dict[str, Any]
Stream = dict[str, Any]  # as MiniStack keeps it
Append = Callable[[Stream, list[Event]], None]

DIRECTORY = "logs"  # beside MiniStack's saved state
BLOCK = 25  # events; a stream has up to twice as many in memory
IDLE_SECONDS = 10  # a stream that has no new event for so long has none in memory
CACHED = 512  # blocks that were read last
ID = "id"  # the member of a stream that names its blocks

store = Store()
logger = logging.getLogger(__name__)


def time_of(event: Event) -> int:
    """Return an event's timestamp, in milliseconds since 1970."""
    timestamp: int = event["timestamp"]
    return timestamp


@functools.lru_cache(CACHED)
def read_block(name: str) -> list[Event]:
    """Return the events of a block; none when they are lost."""
    try:
        events: list[Event] = json.loads(zlib.decompress(store.body(name)))
    except OSError as err:
        logger.error("Log events are lost: %s", err)
        return []
    return events


class Events(Sequence[Event]):
    """The events of a stream, oldest first."""

    def __init__(self, stream_id: str, blocks: Iterable[tuple[str, int]] = ()) -> None:
        """Take up the blocks of a stream: name and number of events of each."""
        self._id = stream_id
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._starts: list[int] = []  # the position of the first event of each block
        self._newest_start = 0  # and of the first in memory
        self._newest: list[Event] = []
        self._taken: list[str] = []  # names of blocks whose events are in memory again, until they are stored again
        self._changed = time.monotonic()
        for name, count in blocks:
            self._note_block(name, count)

    def __len__(self) -> int:
        return self._newest_start + len(self._newest)

    @overload
    def __getitem__(self, position: int) -> Event: ...
    @overload
    def __getitem__(self, position: slice) -> list[Event]: ...
    def __getitem__(self, position: int | slice) -> Event | list[Event]:
        with self._lock:
            length = len(self)
            if isinstance(position, slice):
                return [self._at(one) for one in range(*position.indices(length))]
            if not -length <= position < length:
                raise IndexError(position)
            return self._at(position % length)

    def __iter__(self) -> Iterator[Event]:
        with self._lock:
            names, newest = list(self._names), list(self._newest)
        for name in names:
            yield from read_block(name)
        yield from newest

    def __deepcopy__(self, memo: Any) -> list[Event]:
        """Return what a saved state has of the stream: its newest events, none of one that is idle."""
        with self._lock:
            if time.monotonic() - self._changed > IDLE_SECONDS:
                self._store(len(self._newest))
            return list(self._newest)

    def add(self, events: Sequence[Event]) -> None:
        """Add events, oldest first; those that come late take their place."""
        if not events:
            return
        with self._lock:
            self._changed = time.monotonic()
            self._take_back(time_of(events[0]))
            self._newest = list(heapq.merge(self._newest, events, key=time_of))
            self._store(len(self._newest) if self._taken else len(self._newest) // BLOCK * BLOCK - BLOCK)

    def _at(self, position: int) -> Event:
        if position >= self._newest_start:
            return self._newest[position - self._newest_start]
        block = bisect_right(self._starts, position) - 1
        events = read_block(self._names[block])
        return events[position - self._starts[block]] if events else LOST

    def _take_back(self, timestamp: int) -> None:
        """Take the blocks with later events than a timestamp into memory."""
        while self._names and not (self._newest and time_of(self._newest[0]) <= timestamp):
            events = read_block(self._names[-1])
            if events and time_of(events[-1]) <= timestamp:
                return
            self._newest[:0] = events
            self._newest_start = self._starts.pop()
            self._taken.append(self._names.pop())

    def _store(self, count: int) -> None:
        """Move the first events in memory to blocks, at once; those that the disk does not take stay."""
        if count <= 0:
            return
        first = len(self._names)
        blocks = {
            f"{self._id}/{first + number:08}": self._newest[start : min(start + BLOCK, count)]
            for number, start in enumerate(range(0, count, BLOCK))
        }
        contents = {
            name: Content(str(len(events)).encode(), zlib.compress(json.dumps(events).encode(), 1))
            for name, events in blocks.items()
        }
        try:
            store.write({**dict.fromkeys(self._taken), **contents})
        except OSError as err:
            logger.error("Log events stay in memory: %s", err)
            return
        if self._taken:
            read_block.cache_clear()
            self._taken = []
        for name, events in blocks.items():
            self._note_block(name, len(events))
        del self._newest[:count]

    def _note_block(self, name: str, count: int) -> None:
        self._names.append(name)
        self._starts.append(self._newest_start)
        self._newest_start += count

    def take_up(self, saved: list[Event]) -> None:
        """Add the events of a saved state, except for those that a block has too."""
        known: set[str] = set()
        for name in reversed(self._names if saved else []):
            events = read_block(name)
            if events and events[-1]["timestamp"] < saved[0]["timestamp"]:
                break
            known |= {str(event.get("eventId")) for event in events}
        self.add([event for event in saved if event.get("eventId") not in known])


LOST: Event = {"timestamp": 0, "ingestionTime": 0, "message": "", "eventId": ""}


def keep_in_blocks(original: Append) -> Append:
    """Add events to a stream; MiniStack's second copy of them, for Logs Insights, is made when a query finds them."""

    def append_log_events(stream: Stream, events: list[Event]) -> None:
        if not events:
            return
        ordered = sorted(events, key=time_of)
        with cloudwatch_logs._log_events_lock:
            keep_on_disk(stream)
            stream["events"].add(ordered)
            before = (stream["firstEventTimestamp"], stream["lastEventTimestamp"])
            times = [*(one for one in before if one is not None), time_of(ordered[0]), time_of(ordered[-1])]
            stream |= {"firstEventTimestamp": min(times), "lastEventTimestamp": max(times)}
            stream["lastIngestionTime"] = events[-1]["ingestionTime"]
        for event in events:
            cloudwatch_logs._log_records.pop(event.get("eventId"), None)

    return append_log_events


def stream_of(data: dict[str, Any]) -> Stream | None:
    """Return the stream that a request names, None when there is none."""
    group = cloudwatch_logs._log_groups.get(data.get("logGroupName"), {})
    stream: Stream | None = group.get("streams", {}).get(data.get("logStreamName"))
    return stream


def keep_on_disk(stream: Stream) -> None:
    """Let a stream keep its events in blocks from now on."""
    events = stream["events"]
    if not isinstance(events, Events):
        stream_id = uuid.uuid4().hex
        kept = Events(stream_id)
        kept.add(events)
        stream |= {"events": kept, ID: stream_id}


def open_store() -> None:
    """Read which blocks there are.

    Raises:
        OSError: The disk does not let it.
    """
    counts.clear()
    counts.update(store.open(Path(persistence.STATE_DIR).parent / DIRECTORY))


counts: dict[str, bytes] = {}  # of events, by the name of the block; only while the state is loaded


def take_up_blocks() -> None:
    """Join what MiniStack has loaded and the blocks, and delete the blocks of streams that are gone."""
    blocks: dict[str, list[tuple[str, int]]] = {}
    for name, count in sorted(counts.items()):
        blocks.setdefault(name.partition("/")[0], []).append((name, int(count)))
    counts.clear()
    for _, group in cloudwatch_logs._log_groups.all_items():
        for stream in group.get("streams", {}).values():
            if ID in stream:
                events = Events(stream[ID], blocks.pop(stream[ID], ()))
                events.take_up(stream["events"])
                stream["events"] = events
            keep_on_disk(stream)
    store.write({name: None for left in blocks.values() for name, _ in left})
