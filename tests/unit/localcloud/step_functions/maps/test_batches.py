import contextlib
import json
from collections.abc import Iterator

import pytest

from localcloud.step_functions.maps.batches import Batching, batched, single
from localcloud.step_functions.maps.formats import ItemReaderError
from localcloud.step_functions.maps.spool import Spool, SpooledItem


def text_of(item: SpooledItem) -> str:
    return item.text


def spool(*values: object) -> Iterator[SpooledItem]:
    with contextlib.closing(Spool((value, None, "STATE_DATA") for value in values)) as items:
        yield from items


def test_a_spool_gives_each_item_once_with_its_source() -> None:
    given = [({"é": "a\tb\n"}, "key", "s3://b/k"), (None, None, "STATE_DATA")]
    with contextlib.closing(Spool(iter(given))) as items:
        assert items.count == 2
        assert list(items) == [
            SpooledItem(0, '{"é":"a\\tb\\n"}', "key", "s3://b/k"),
            SpooledItem(1, "null", None, "STATE_DATA"),
        ]


def test_each_item_is_an_input() -> None:
    assert [(one.text, one.items) for one in single(spool(1, "b"), text_of)] == [("1", 1), ('"b"', 1)]


def test_batches_have_no_more_items_than_they_may() -> None:
    inputs = list(batched(spool(*range(5)), text_of, Batching(most_items=2)))
    assert [json.loads(one.text) for one in inputs] == [{"Items": [0, 1]}, {"Items": [2, 3]}, {"Items": [4]}]
    assert [one.items for one in inputs] == [2, 2, 1]


def test_batches_have_no_more_bytes_than_they_may() -> None:
    batching = Batching(most_bytes=len('{"BatchInput":{"é":1},"Items":["xx","xx"]}'.encode()), batch_input='{"é":1}')
    inputs = list(batched(spool("xx", "xx", "é", "xx"), text_of, batching))
    assert [json.loads(one.text)["Items"] for one in inputs] == [["xx", "xx"], ["é", "xx"]]
    assert json.loads(inputs[0].text)["BatchInput"] == {"é": 1}
    assert len(inputs[0].text.encode()) == batching.most_bytes


def test_batches_fit_into_the_input_of_an_execution() -> None:
    inputs = list(batched(spool(*["x" * 100_000] * 5), text_of, Batching(most_items=40)))
    assert [one.items for one in inputs] == [2, 2, 1]


def test_an_item_that_fits_nowhere_is_named() -> None:
    with pytest.raises(ItemReaderError, match="at index 1 has 262146 bytes"):
        list(single(spool("", "x" * 262_144), text_of))
    with pytest.raises(ItemReaderError, match="at index 0 has 16 bytes, over the limit of 12"):
        list(batched(spool("xx"), text_of, Batching(most_bytes=12)))
