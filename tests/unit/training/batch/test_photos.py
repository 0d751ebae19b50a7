"""Which photos a batch is about."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.batch import photos
from training.context import Context
from training.errors import BatchError


def put(context: Context, *keys: str) -> None:
    for key in keys:
        context.clients.s3.put_object(Bucket="photos", Key=key, Body=b"x")


def entries(source: photos.Source) -> list[dict[str, Any]]:
    return [json.loads(line) for line in source.manifest.splitlines()]


@pytest.mark.parametrize("name", ["images/test/", "s3://photos/images/test/"])
def test_a_prefix_s_photos_are_counted_page_by_page(context: Context, small_pages: int, name: str) -> None:
    put(context, *(f"images/test/{number}.png" for number in range(2 * small_pages + 1)), "images/train/a.png")
    found = photos.find(context, name)
    assert (found.photos, found.prefix, found.manifest) == (2 * small_pages + 1, "images/test/", b"")


@pytest.mark.parametrize("name", ["models/", "", "image", "images", "photos", "s3://photos/models/", "~/photos"])
def test_a_prefix_that_is_not_one_of_photos_is_refused(context: Context, name: str) -> None:
    with pytest.raises(BatchError, match=r"is neither a manifest \(\.jsonl or \.csv\) nor a prefix below images/"):
        photos.find(context, name)


def test_a_prefix_of_another_bucket_is_refused(context: Context) -> None:
    with pytest.raises(BatchError, match="is not in the stack's bucket photos"):
        photos.find(context, "s3://other/images/")


def test_a_prefix_without_photos_is_refused(context: Context) -> None:
    with pytest.raises(BatchError, match=r"There is no photo below s3://photos/images/none/"):
        photos.find(context, "images/none/")


JSON_LINES = """{"s3_key": "images/a.png"}

{"s3_key": "images/é,b.png", "version": "v1", "label": 3}
{"s3_key": "images/a.png"}"""
CSV = 's3_key,label,version\r\nimages/a.png,1,\r\n"images/é,b.png",2,v1\r\nimages/a.png,1,\r\n'


@pytest.mark.parametrize(("suffix", "text"), [(".jsonl", JSON_LINES), (".csv", CSV), (".CSV", "\ufeff" + CSV)])
@pytest.mark.parametrize("place", ["here", "there"])
def test_a_manifest_s_photos_are_taken_once_each(
    context: Context, tmp_path: Path, suffix: str, text: str, place: str
) -> None:
    path = tmp_path / f"list{suffix}"
    path.write_bytes(text.encode())
    context.clients.s3.put_object(Bucket="photos", Key=f"lists of mine/list{suffix}", Body=text.encode())
    found = photos.find(context, str(path) if place == "here" else f"s3://photos/lists of mine/list{suffix}")
    assert (found.photos, found.prefix) == (2, "")
    assert entries(found) == [{"s3_key": "images/a.png"}, {"s3_key": "images/é,b.png", "version": "v1"}]


def test_versions_of_one_photo_are_different_photos(context: Context, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("s3_key,version\na,v1\na,v2\na,\n")
    assert photos.find(context, str(tmp_path / "list.csv")).photos == 3


@pytest.mark.parametrize(
    ("filename", "text", "number"),
    [
        ("list.jsonl", '{"s3_key": "a"}\nno json\n', 2),
        ("list.jsonl", '{"key": "a"}\n', 1),
        ("list.jsonl", '"a"\n', 1),
        ("list.jsonl", '{"s3_key": 3}\n', 1),
        ("list.jsonl", '{"s3_key": ""}\n', 1),
        ("list.jsonl", json.dumps({"s3_key": "é" * 513}), 1),
        ("list.jsonl", '{"s3_key": "a", "version": 3}\n', 1),
        ("list.csv", "key\na\n", 1),
        ("list.csv", "s3_key,version\na,\n,v\n", 2),
    ],
)
def test_a_mistake_in_a_manifest_is_told_with_its_place(
    context: Context, tmp_path: Path, filename: str, text: str, number: int
) -> None:
    (tmp_path / filename).write_text(text)
    with pytest.raises(BatchError, match=rf"^Photo {number} of the manifest .*{filename} cannot be read"):
        photos.find(context, str(tmp_path / filename))


def test_a_manifest_that_is_no_text_is_refused(context: Context, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"s3_key\n\xff\xfe\n")
    with pytest.raises(BatchError, match="cannot be read"):
        photos.find(context, str(tmp_path / "list.csv"))


def test_a_manifest_without_photos_is_refused(context: Context, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("s3_key\n")
    with pytest.raises(BatchError, match="names no photo"):
        photos.find(context, str(tmp_path / "list.csv"))


@pytest.mark.parametrize("name", ["missing.csv", "s3://photos/missing.jsonl", "s3://other/missing.jsonl"])
def test_a_missing_manifest_is_refused(context: Context, name: str) -> None:
    with pytest.raises(BatchError, match=r"missing\."):
        photos.find(context, name)
