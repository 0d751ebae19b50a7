"""A file of records, each with a header, a name, a note and a body, that only grows: see `localcloud.store`."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAGIC = b"LCS1"
LIVE, DEAD = b"L", b"D"
HEADER = struct.Struct("<4scIIQII")  # magic, state, bytes of name, note and body, CRC-32 of name and note, of the body
CHECK = struct.Struct("<I")  # CRC-32 of the header but for its state, which changes
HEADER_BYTES = HEADER.size + CHECK.size
STATE = len(MAGIC)  # where a record has its state
ENDING = ".segment"
UNFINISHED = (1 << 62, 0, 0, 0, 0)  # what `unpack` would return of a record that is longer than any file


class DamagedError(Exception):
    """When a segment has bytes that are no record."""


class Content(NamedTuple):
    """What a name stands for."""

    note: bytes = b""  # read at the start
    body: bytes = b""  # read on demand


class Place(NamedTuple):
    """Where a record is."""

    segment: int
    offset: int
    size: int  # bytes
    body: int  # bytes of the body, at the record's end

    @property
    def end(self) -> int:
        return self.offset + self.size


class Segment:
    """A file of records."""

    def __init__(self, path: Path) -> None:
        self.path, self.number = path, int(path.stem)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.end = os.fstat(self._file).st_size
        self.live = 0  # bytes of live records

    def append(self, content: bytes) -> int:
        """Write behind the last record and return the offset.

        Raises:
            OSError: The disk takes less; nothing was written.
        """
        offset, left = self.end, memoryview(content)
        try:
            while left:
                written = os.pwrite(self._file, left, self.end + len(content) - len(left))
                left = left[written:]
        except OSError:
            os.ftruncate(self._file, offset)
            raise
        self.end += len(content)
        return offset

    def read(self, offset: int, end: int) -> bytes:
        """Return these bytes, fewer at the end of the file."""
        chunks = []
        while offset < end and (chunk := os.pread(self._file, end - offset, offset)):
            chunks.append(chunk)
            offset += len(chunk)
        return b"".join(chunks)

    def bury(self, place: Place) -> None:
        os.pwrite(self._file, DEAD, place.offset + STATE)
        self.live -= place.size

    def cut(self, end: int) -> None:
        os.ftruncate(self._file, end)
        self.end = end

    def delete(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._file)

    def records(self) -> Iterator[tuple[str, bytes, Place]]:
        """Yield name, note and place of the live records, and cut off a last record that was not written whole.

        Raises:
            DamagedError: There are bytes that are no record.
        """
        offset = 0
        with self.path.open("rb", buffering=1 << 16) as file:
            while offset < self.end:
                file.seek(offset)
                header = file.read(HEADER_BYTES)
                name, note, body, text_check, _ = unpack(header) if len(header) == HEADER_BYTES else UNFINISHED
                place = Place(self.number, offset, HEADER_BYTES + name + note + body, body)
                if place.end > self.end:
                    self.cut(offset)
                    return
                text = file.read(name + note)
                if zlib.crc32(text) != text_check:
                    raise DamagedError
                if header[STATE : STATE + 1] == LIVE:
                    yield text[:name].decode("utf-8", "surrogatepass"), text[name:], place
                offset = place.end


def unpack(header: bytes) -> tuple[int, int, int, int, int]:
    """Return the bytes of name, note and body, and the two CRC-32s, of a header.

    Raises:
        DamagedError: It is none.
    """
    magic, state, *sizes = HEADER.unpack_from(header)
    (check,) = CHECK.unpack_from(header, HEADER.size)
    if magic != MAGIC or state not in (LIVE, DEAD) or check != zlib.crc32(header[STATE + 1 : HEADER.size]):
        raise DamagedError
    name, note, body, text_check, body_check = sizes
    return name, note, body, text_check, body_check


def pack(name: str, content: Content) -> bytes:
    """Return a record up to its body."""
    encoded = name.encode("utf-8", "surrogatepass")
    text = encoded + content.note
    sizes = (len(encoded), len(content.note), len(content.body), zlib.crc32(text), zlib.crc32(content.body))
    header = HEADER.pack(MAGIC, LIVE, *sizes)
    return header + CHECK.pack(zlib.crc32(header[STATE + 1 :])) + text
