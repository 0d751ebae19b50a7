"""The inputs of children that have not succeeded, on disk: what a redrive runs."""

import atexit
import tempfile
from collections import deque
from collections.abc import Iterator

from localcloud.step_functions.maps.batches import ChildInput

KEPT = 20  # Map Runs whose leftovers are kept

_kept: deque["Leftovers"] = deque()


class Leftovers:
    """Inputs in the order in which they came."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass", newline="\n")

    def keep(self) -> None:
        """Keep them for a redrive; the oldest are closed when there are too many."""
        _kept.append(self)
        while len(_kept) > KEPT:
            _kept[0].close()

    def add(self, given: ChildInput) -> None:
        self._file.write(f"{given.number}\t{given.items}\t{given.text}\n")  # JSON has no line break outside of strings

    @property
    def are_kept(self) -> bool:
        return not self._file.closed

    def inputs(self) -> Iterator[ChildInput]:
        """Yield the inputs, and close the file."""
        self._file.seek(0)
        for line in self._file:
            number, items, text = line.rstrip("\n").split("\t", 2)
            yield ChildInput(text, int(items), int(number))
        self.close()

    def close(self) -> None:
        self._file.close()
        if self in _kept:
            _kept.remove(self)


@atexit.register
def close_all() -> None:
    for leftovers in list(_kept):
        leftovers.close()
