"""A bound on the memory that threads and processes use together."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class Memory:
    """Bytes of which each thread reserves what it needs; a thread waits until enough of them are free."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._released = threading.Condition()
        self._lock: IO[bytes] | None = None  # its holder alone may exceed its process's share

    def share(self, processes: int, lock: IO[bytes]) -> None:
        """Take an equal share of the bytes; other processes take the others.

        What needs more than a share is done by one thread of all processes at a time, besides the shares.

        Args:
            lock: A file that all processes inherited.
        """
        self.size = self._free = self.size // processes
        self._lock = lock

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Hold `size` bytes, or all of them when there are fewer, for as long as the block runs."""
        if self._lock is not None and size > self.size:
            with alone(self._lock):
                yield
            return
        size = min(size, self.size)
        with self._released:
            self._released.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            with self._released:
                self._free += size
                self._released.notify_all()


@contextmanager
def alone(file: IO[bytes]) -> Iterator[None]:
    """Wait for the lock on a file and hold it; the system takes it from a process that dies."""
    with Path(f"/proc/self/fd/{file.fileno()}").open("rb") as own:  # a lock belongs to an opening of the file
        fcntl.flock(own, fcntl.LOCK_EX)
        yield
