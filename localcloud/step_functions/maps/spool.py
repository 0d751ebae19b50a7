"""The items of a Map Run, on disk: how many there are is known before the first child starts."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from localcloud.step_functions.interpreter.documents import to_json
from localcloud.step_functions.maps.readers import SourcedItem


@dataclass(frozen=True)
class SpooledItem:
    """One item of a Map Run."""

    index: int
    text: str  # JSON
    key: str | None  # in the object that it is a member of
    source: str  # where it was read


class Spool:
    """Items in the order in which they were read; each is given once."""

    def __init__(self, items: Iterator[SourcedItem]) -> None:
        """Read all items.

        Raises:
            ItemReaderError: They cannot be read.
        """
        self.count = 0
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass", newline="\n")
        try:
            self._write(items)
        except BaseException:
            self.close()
            raise

    def _write(self, items: Iterator[SourcedItem]) -> None:
        for value, key, source in items:
            self._file.write(f"{to_json([key, source])}\t{to_json(value)}\n")
            self.count += 1
        self._file.seek(0)

    def __iter__(self) -> Iterator[SpooledItem]:
        for index, line in enumerate(self._file):
            head, _, text = line.partition("\t")  # JSON has no tab outside of its escapes
            key, source = json.loads(head)
            yield SpooledItem(index, text.rstrip("\n"), key, source)

    def close(self) -> None:
        self._file.close()
