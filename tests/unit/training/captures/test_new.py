"""Scope: a job reads the files that no earlier one has seen."""

from datetime import timedelta
from pathlib import Path

from pandas.testing import assert_frame_equal

from tests.unit.training.captures.records import BUCKET, ENDPOINT, NOON, FolderS3, ids, key, put, reader_of, record
from training.captures.new import read_new
from training.captures.source import Source
from training.config import COMPARISON_ID

LATER = NOON + timedelta(hours=3)


def test_files_that_were_seen_are_not_read_again(tmp_path: Path) -> None:
    bucket = FolderS3(tmp_path)
    source = Source(bucket, BUCKET, ENDPOINT)  # type: ignore[arg-type]
    put(bucket, key(NOON), record(NOON, "one"), record(NOON, COMPARISON_ID), record(LATER + timedelta(1), "future"))
    found, seen = read_new(source, NOON, LATER, ())
    assert ids(found) == ["one"] and seen == {key(NOON)}
    put(bucket, key(NOON, "late"), record(NOON, "two"))
    found, seen = read_new(source, NOON, LATER, seen)
    assert ids(found) == ["two"] and seen == {key(NOON), key(NOON, "late")}
    found, again = read_new(source, NOON, LATER, seen)
    assert found.empty and again == seen
    assert len(bucket.opened) == 2


def test_the_table_is_that_of_the_reader(tmp_path: Path) -> None:
    bucket = FolderS3(tmp_path / "bucket")
    for second in (2, 0, 1):
        when = NOON + timedelta(seconds=second)
        put(bucket, key(when), record(when, None if second else "b"), record(NOON, "a"))
    expected = reader_of(bucket, tmp_path / "run").read(NOON, LATER)
    found, _ = read_new(Source(bucket, BUCKET, ENDPOINT), NOON, LATER, ())  # type: ignore[arg-type]
    assert_frame_equal(found, expected)
    assert len(found) == 6
