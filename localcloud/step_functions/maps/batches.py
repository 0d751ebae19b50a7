"""The inputs of child executions: an item each, or a batch of items."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from localcloud.step_functions.interpreter.documents import DATA_LIMIT
from localcloud.step_functions.maps.formats import ItemReaderError
from localcloud.step_functions.maps.spool import SpooledItem


@dataclass(frozen=True)
class ChildInput:
    """What one child execution starts with."""

    text: str  # JSON
    items: int  # how many items are in it
    number: int  # counts the inputs of a Map Run


@dataclass(frozen=True)
class Batching:
    """How items are put together."""

    most_items: int | None = None
    most_bytes: int = DATA_LIMIT
    batch_input: str | None = None  # JSON

    @property
    def head(self) -> str:
        """What a batch begins with."""
        given = "" if self.batch_input is None else f'"BatchInput":{self.batch_input},'
        return f'{{{given}"Items":['


Select = Callable[[SpooledItem], str]  # gives what a child gets of an item, as JSON


class Inputs(Iterator[ChildInput]):
    """Inputs of children that have not started; tells whether there are more without taking one."""

    def __init__(self, inputs: Iterator[ChildInput]) -> None:
        self._inputs = inputs
        self._following: ChildInput | None = None

    @property
    def has_more(self) -> bool:
        self._following = self._following or next(self._inputs, None)
        return self._following is not None

    def __next__(self) -> ChildInput:
        if not self.has_more or self._following is None:
            raise StopIteration
        following, self._following = self._following, None
        return following


def single(items: Iterable[SpooledItem], select: Select) -> Iterator[ChildInput]:
    """Yield each item as an input of its own.

    Raises:
        ItemReaderError: An item is larger than the input of an execution may be.
    """
    for item in items:
        text = select(item)
        check_size(item, len(text.encode(errors="surrogatepass")), DATA_LIMIT)
        yield ChildInput(text, 1, item.index)


def batched(items: Iterable[SpooledItem], select: Select, batching: Batching) -> Iterator[ChildInput]:
    """Yield batches; each is full when one more item would exceed its number or its bytes.

    Raises:
        ItemReaderError: An item does not fit into a batch.
    """
    empty = len(batching.head.encode()) + len("]}")
    texts: list[str] = []
    size, number = empty, 0
    for item in items:
        text = select(item)
        length = len(text.encode(errors="surrogatepass"))
        check_size(item, empty + length, batching.most_bytes)
        if texts and (len(texts) == batching.most_items or size + length + 1 > batching.most_bytes):
            yield batch_of(texts, batching, number)
            texts, size, number = [], empty, number + 1
        size += length + (1 if texts else 0)  # with its comma
        texts.append(text)
    if texts:
        yield batch_of(texts, batching, number)


def batch_of(texts: list[str], batching: Batching, number: int) -> ChildInput:
    return ChildInput(f"{batching.head}{','.join(texts)}]}}", len(texts), number)


def check_size(item: SpooledItem, size: int, most: int) -> None:
    if size > most:
        sentence = f"The input with the item at index {item.index} has {size} bytes, over the limit of {most} bytes."
        raise ItemReaderError(sentence)
