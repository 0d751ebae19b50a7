"""A store of named contents in a few files that only grow: many small contents take no file of their own.

A segment is a file of records, each with a header, a name, a note and a body. A record is written behind the last one
before `Store.write` returns, so it outlives the process. Then the record that it replaces is marked as dead, in its
place; so is one that is deleted, which takes no room on the disk. Of live records with the same name, the last counts.
A segment of which less than half is alive is emptied into the last one.

Nothing is flushed: a power failure can lose the changes of the last seconds. What it leaves of a record is recognized.
"""

import errno
import logging
import struct
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path

from localcloud.files import set_aside
from localcloud.segments import ENDING, HEADER_BYTES, Content, DamagedError, Place, Segment, pack, unpack

SEGMENT_BYTES = 64 << 20  # a segment that has grown beyond takes no more records

logger = logging.getLogger(__name__)


class Store:
    """Contents by their names. Its methods may be called by any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._places: dict[str, Place] = {}
        self._segments: dict[int, Segment] = {}
        self._directory = Path()

    def open(self, directory: Path) -> dict[str, bytes]:
        """Read a directory's segments and return the notes by name. A damaged segment is set aside and cut.

        Raises:
            OSError: The directory cannot be read or written.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        notes: dict[str, bytes] = {}
        for path in sorted(directory.glob(f"*{ENDING}")):
            self._load(path, notes)
        self._add_segment()
        for segment in list(self._segments.values()):
            self._reclaim(segment)
        return notes

    def _load(self, path: Path, notes: dict[str, bytes]) -> None:
        segment = self._segments[int(path.stem)] = Segment(path)
        end = 0
        try:
            for name, note, place in segment.records():
                self._point(name, place)
                notes[name] = note
                end = place.end
        except DamagedError:
            aside = set_aside(path)
            logger.error("%s is damaged. It is now %s. What followed the damage is lost.", path, aside.name)
            path.write_bytes(segment.read(0, end))
            live, self._segments[segment.number] = segment.live, Segment(path)
            self._segments[segment.number].live = live

    def _add_segment(self) -> Segment:
        """Return the segment that new records go to."""
        last = max(self._segments, default=0)
        if not last or self._segments[last].end > SEGMENT_BYTES:
            self._segments[last + 1] = Segment(self._directory / f"{last + 1:08}{ENDING}")
            if last:
                self._reclaim(self._segments[last])
        return self._segments[max(self._segments)]

    def names(self) -> list[str]:
        with self._lock:
            return list(self._places)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def body(self, name: str) -> bytes:
        """Return a content's body.

        Raises:
            OSError: It is not there, or other bytes than were written.
        """
        lost = OSError(errno.EIO, "its bytes are lost", name)
        with self._lock:
            place = self._places.get(name)
            if place is None:
                raise lost
            segment = self._segments[place.segment]
            header = segment.read(place.offset, place.offset + HEADER_BYTES)
            body = segment.read(place.end - place.body, place.end)
        try:
            *_, check = unpack(header)
        except (DamagedError, struct.error) as err:
            raise lost from err
        if zlib.crc32(body) != check:
            raise lost
        return body

    def write(self, changes: Mapping[str, Content | None]) -> None:
        """Store contents, and delete those that are None; all of it outlives the process when this returns.

        Raises:
            OSError: The disk takes them not; no content was stored.
        """
        with self._lock:
            self._append({name: content for name, content in changes.items() if content is not None})
            for name in [name for name, content in changes.items() if content is None and name in self._places]:
                place = self._places[name]
                self._segments[place.segment].bury(place)
                del self._places[name]
                self._reclaim(self._segments[place.segment])

    def _append(self, contents: Mapping[str, Content]) -> None:
        if not contents:
            return
        heads = [pack(name, content) for name, content in contents.items()]
        pairs = zip(heads, contents.values(), strict=True)
        segment = self._add_segment()
        offset = segment.append(b"".join(part for head, content in pairs for part in (head, content.body)))
        replaced = set()
        for head, (name, content) in zip(heads, contents.items(), strict=True):
            place = Place(segment.number, offset, len(head) + len(content.body), len(content.body))
            replaced.add(self._point(name, place))
            offset = place.end
        for number in replaced & self._segments.keys():
            self._reclaim(self._segments[number])

    def _point(self, name: str, place: Place) -> int:
        """Let a name stand for a record, and return the segment of the one before, 0 for none."""
        before = self._places.get(name)
        self._places[name] = place
        self._segments[place.segment].live += place.size
        if before is None:
            return 0
        self._segments[before.segment].bury(before)
        return before.segment

    def _reclaim(self, segment: Segment) -> None:
        """Give the room of dead records back, unless that is too little for the work."""
        if segment.number not in self._segments or segment.live > segment.end // 2 or not segment.end:
            return
        if segment.number == max(self._segments):
            if not segment.live:
                segment.cut(0)
            return
        try:
            for name, _, place in segment.records():
                if self._places.get(name) != place:
                    continue
                last = self._add_segment()
                offset = last.append(segment.read(place.offset, place.end))
                self._point(name, place._replace(segment=last.number, offset=offset))
        except (OSError, DamagedError) as err:
            logger.warning("The room in %s cannot be reclaimed: %s", segment.path, err)
            return
        del self._segments[segment.number]
        segment.delete()
