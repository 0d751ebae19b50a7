"""A bound on the memory that threads use together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Memory:
    """Bytes of which each thread reserves what it needs; a thread waits until enough of them are free."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._released = threading.Condition()

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Hold `size` bytes, or all of them when there are fewer, for as long as the block runs."""
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
