import gzip
from typing import Any

import pytest

from localcloud.step_functions.maps.formats import ItemReaderError
from localcloud.step_functions.maps.readers import read_s3
from tests.unit.localcloud.step_functions.maps.buckets import Bucket

GET, LIST = "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2"
HEADER = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}


def values(content: Any, **config: Any) -> list[Any]:
    bucket = Bucket()
    bucket.put("k", content)
    return [value for value, _, _ in read_s3(bucket, GET, {"Bucket": "b", "Key": "k"}, config)]


def test_a_listing_is_read_page_by_page() -> None:
    bucket = Bucket(**{f"p/{number}": b"xy" for number in range(5)}, other=b"")
    items = list(read_s3(bucket, LIST, {"Bucket": "b", "Prefix": "p/"}, {}))
    assert [value["Key"] for value, _, _ in items] == [f"p/{number}" for number in range(5)]
    assert items[0] == (
        {
            "Etag": '"3e44107170a520582ade522fa73c1d15"',
            "Key": "p/0",
            "LastModified": 1767312000,
            "Size": 2,
            "StorageClass": "STANDARD",
        },
        None,
        "s3://b",
    )
    assert bucket.calls == ["list"] * 3


def test_no_more_is_read_than_needed() -> None:
    bucket = Bucket(**{f"p/{number}": b"" for number in range(50)})
    assert len(list(read_s3(bucket, LIST, {"Bucket": "b"}, {"MaxItems": 2}))) == 2
    assert bucket.calls == ["list"]


def test_listed_objects_are_loaded_and_flattened() -> None:
    bucket = Bucket(a=b'{"n":1}\n{"n":2}\n', b=b'{"n":3}\n', **{"folder/": b""})
    config = {"InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN"}
    items = list(read_s3(bucket, LIST, {"Bucket": "b"}, config))
    assert [(value["n"], source) for value, _, source in items] == [(1, "s3://b/a"), (2, "s3://b/a"), (3, "s3://b/b")]


@pytest.mark.parametrize(
    ("content", "config", "expected"),
    [
        (b"a,b\n1,2\n", HEADER, [{"a": "1", "b": "2"}]),
        (b"\xef\xbb\xbfa,b\r\n1\r\n\r\n1,2,3\r\n", HEADER, [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]),
        (b'a\n"x\ny"\n', HEADER, [{"a": "x\ny"}]),
        (
            b"1|2\n",
            {**HEADER, "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"], "CSVDelimiter": "PIPE"},
            [{"a": "1", "b": "2"}],
        ),
    ],
)
def test_rows_of_csv(content: bytes, config: dict[str, Any], expected: list[Any]) -> None:
    assert values(content, **config) == expected


def test_json_is_an_array_or_an_object() -> None:
    assert values([1, {"x": 2}], InputType="JSON") == [1, {"x": 2}]
    bucket = Bucket()
    bucket.put("k", {"of": {"a": 1, "b": 2}})
    config = {"InputType": "JSON", "ItemsPointer": "/of"}
    items = list(read_s3(bucket, GET, {"Bucket": "b", "Key": "k"}, config))
    assert items == [(1, "a", "s3://b/k"), (2, "b", "s3://b/k")]


def test_an_inventory_lists_objects() -> None:
    bucket = Bucket()
    files = [{"key": "data/1.csv.gz"}]
    bucket.put("manifest.json", {"fileFormat": "CSV", "fileSchema": "Bucket, Key, Size", "files": files})
    bucket.put("data/1.csv.gz", gzip.compress(b'"photos","a%20b.png","3"\n"photos","c.png","4"\n'))
    items = read_s3(bucket, GET, {"Bucket": "b", "Key": "manifest.json"}, {"InputType": "MANIFEST"})
    assert [value for value, _, _ in items] == [
        {"Bucket": "photos", "Key": "a%20b.png", "Size": "3"},
        {"Bucket": "photos", "Key": "c.png", "Size": "4"},
    ]


@pytest.mark.parametrize(
    ("content", "config", "sentence"),
    [
        (
            {"a": 1},
            {"InputType": "JSON", "ItemsPointer": "/b"},
            "The provided ReaderConfig.ItemsPointer does not match any valid path in the JSON structure.",
        ),
        ({"a": 1}, {"InputType": "JSON", "ItemsPointer": "/a"}, "Attempting to map over non-iterable node."),
        (b"{", {"InputType": "JSON"}, "is not JSON"),
        (b"{}\n{\n", {"InputType": "JSONL"}, "Line 2 is not JSON"),
        (b"a,a\n", HEADER, "CSV headers cannot contain duplicates."),
        (b"\xff\n", HEADER, "can't decode"),
        (b"", {"InputType": "PARQUET"}, "The local cloud does not emulate the InputType PARQUET"),
        ({}, {"InputType": "MANIFEST"}, "is no manifest of an S3 inventory"),
        ({"fileFormat": "ORC", "fileSchema": "", "files": []}, {"InputType": "MANIFEST"}, "the format ORC"),
        ({}, {"InputType": "MANIFEST", "ManifestType": "ATHENA_DATA"}, "the ManifestType ATHENA_DATA"),
    ],
)
def test_what_cannot_be_read_is_named(content: Any, config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ItemReaderError, match=sentence):
        values(content, **config)


def test_a_missing_object_is_told_as_s3_does() -> None:
    with pytest.raises(ItemReaderError) as caught:
        list(read_s3(Bucket(), GET, {"Bucket": "b", "Key": "none"}, {}))
    assert str(caught.value) == "The specified key does not exist. (Service: S3, Status Code: 404, Request ID: r)"
