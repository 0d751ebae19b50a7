"""Scope: captured files are downloaded once, whatever happens to the process, its files or the bucket."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.unit.training.captures.records import BUCKET, NOON, FolderS3, ids, key, put, reader_of, record
from training.captures import cache
from training.errors import CaptureError

ROOT = Path(__file__).parents[4]
LATER = NOON + timedelta(days=3)
KILLED = """
import os, signal, sys
from pathlib import Path
from records import NOON, FolderS3, reader_of  # of this directory
from training.captures import cache, reader
from datetime import timedelta

reader.KEEP_RECORDS = 3
written = []
real = cache.pq.write_table

def write(table, file, **options):
    real(table, file, **options)
    file.flush()
    written.append(1)
    if len(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

cache.pq.write_table = write
reader_of(FolderS3(Path(sys.argv[1])), Path(sys.argv[2])).read(NOON, NOON + timedelta(days=3))
"""


@pytest.fixture
def bucket(tmp_path: Path) -> FolderS3:
    return FolderS3(tmp_path / "bucket")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return the run's."""
    return tmp_path / "run"


def put_some(bucket: FolderS3, first: int, last: int, hours: int = 1) -> list[str]:
    """Put a file for each number, so many hours apart; returns the ids."""
    names = [f"{number:03}" for number in range(first, last)]
    for name in names:
        when = NOON + timedelta(hours=hours * int(name))
        put(bucket, key(when, name), record(when, name))
    return [*names]


def read(bucket: FolderS3, directory: Path, told: list[str] | None = None) -> list[str | None]:
    return ids(reader_of(bucket, directory, told).read(NOON, LATER))


def parts(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.parquet"))


def test_a_file_is_downloaded_once_and_new_ones_later(bucket: FolderS3, directory: Path) -> None:
    names = put_some(bucket, 0, 20)
    assert read(bucket, directory) == names
    names += put_some(bucket, 20, 30)
    assert read(bucket, directory) == names
    assert read(bucket, directory) == names
    assert len(bucket.opened) == len(set(bucket.opened)) == 30
    assert [path.name for path in parts(directory)] == [f"2026-05-0{day}-00001.parquet" for day in (4, 5)]


def test_one_reader_sees_what_comes_later(bucket: FolderS3, directory: Path) -> None:
    reader = reader_of(bucket, directory)
    assert reader.read(NOON, LATER).empty
    names = put_some(bucket, 0, 3)
    assert (reader.fetch(NOON, LATER), reader.fetch(NOON, LATER)) == (3, 0)
    assert ids(reader.read(NOON, LATER)) == names
    assert len(bucket.opened) == 3


def test_a_full_part_is_not_written_again(bucket: FolderS3, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "FULL", 2)
    names = put_some(bucket, 0, 2, hours=0)
    read(bucket, directory)
    first = parts(directory)[0].stat()
    for number in (2, 3, 4):
        names += put_some(bucket, number, number + 1, hours=0)
        assert read(bucket, directory) == names
    assert [path.name for path in parts(directory)] == [f"2026-05-04-0000{number}.parquet" for number in (1, 2, 3)]
    assert parts(directory)[0].stat() == first


def test_a_file_without_a_record_of_the_traffic_is_read_once(bucket: FolderS3, directory: Path) -> None:
    put(bucket, key(NOON), "")
    put(bucket, key(NOON, "b"), record(NOON, "model-comparison"))
    for _ in range(2):
        assert reader_of(bucket, directory).read(NOON, LATER).empty
    assert len(bucket.opened) == 2


def test_what_was_read_before_a_damaged_file_is_kept(bucket: FolderS3, directory: Path) -> None:
    put_some(bucket, 0, 3)
    put(bucket, key(LATER), "no record")
    with pytest.raises(CaptureError, match="remove that file"):
        read(bucket, directory)
    bucket.opened.clear()
    bucket.delete_object(Bucket=BUCKET, Key=key(LATER))
    assert len(read(bucket, directory)) == 3
    assert bucket.opened == []


def test_what_is_gone_from_the_bucket_is_not_returned(bucket: FolderS3, directory: Path) -> None:
    put_some(bucket, 0, 3)
    read(bucket, directory)
    bucket.delete_object(Bucket=BUCKET, Key=key(NOON + timedelta(hours=1), "001"))
    found = reader_of(bucket, directory).read(NOON, LATER)
    assert ids(found) == ["000", "002"] and found.index.tolist() == [0, 1]


@pytest.mark.parametrize("place", ["start", "middle", "end", "whole"])
def test_a_damaged_part_is_made_again_with_a_sentence(bucket: FolderS3, directory: Path, place: str) -> None:
    names = put_some(bucket, 0, 20)
    read(bucket, directory)
    bucket.opened.clear()
    damaged = parts(directory)[0]
    content = bytearray(damaged.read_bytes())
    where = {"start": 40, "middle": len(content) // 3, "end": len(content) - 30, "whole": 0}[place]
    content[where : where + 25] = bytes(25)
    damaged.write_bytes(b"" if place == "whole" else bytes(content))
    told: list[str] = []
    assert read(bucket, directory, told) == names
    assert len(told) == 1 and told[0].startswith(f"The cache {damaged} is damaged (")
    assert len(bucket.opened) == 12  # those of the first day
    assert read(bucket, directory) == names


def test_a_damaged_part_is_found_when_records_are_added(bucket: FolderS3, directory: Path) -> None:
    names = put_some(bucket, 0, 5)
    read(bucket, directory)
    part = parts(directory)[0]
    content = bytearray(part.read_bytes())
    content[40:65] = bytes(25)
    part.write_bytes(bytes(content))
    names += put_some(bucket, 5, 7)
    told: list[str] = []
    reader = reader_of(bucket, directory, told)
    assert reader.fetch(NOON, LATER)  # what waits for records reads them then
    assert ids(reader.read(NOON, LATER)) == names
    assert len(told) == 1


@pytest.mark.parametrize("changes", [{"bucket": "other"}, {"image_shape": (3, 32, 32)}])
def test_another_source_has_another_cache(bucket: FolderS3, directory: Path, changes: dict[str, Any]) -> None:
    put_some(bucket, 0, 3)
    read(bucket, directory)
    assert len(reader_of(bucket, directory, **changes).read(NOON, LATER)) == 3
    assert len(bucket.opened) == 6
    assert reader_of(bucket, directory, endpoint_name="other").read(NOON, LATER).empty


def test_two_at_once_download_each_file_once(bucket: FolderS3, directory: Path) -> None:
    names = put_some(bucket, 0, 40)
    found: list[list[str | None]] = []
    threads = [threading.Thread(target=lambda: found.append(read(bucket, directory, []))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [names, names]
    assert len(bucket.opened) == 40


def test_who_has_to_wait_is_told(bucket: FolderS3, directory: Path) -> None:
    names = put_some(bucket, 0, 3)
    assert read(bucket, directory) == names
    told: list[str] = []
    found: list[list[str | None]] = []
    with next(directory.rglob("lock")).open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        thread = threading.Thread(target=lambda: found.append(read(bucket, directory, told)))
        thread.start()
        while thread.is_alive() and not told:
            thread.join(0.01)
        assert (told, found) == (["Another process reads the same captures: waiting until it is done."], [])
    thread.join(30)
    assert found == [names]


def test_a_process_that_is_killed_leaves_a_cache_that_is_right(bucket: FolderS3, directory: Path) -> None:
    names = put_some(bucket, 0, 40)
    command = [sys.executable, "-c", KILLED, str(directory.parent / "bucket"), str(directory)]
    killed = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert list(directory.rglob(".*.part")) and len(parts(directory)) == 1
    assert read(bucket, directory) == names
    assert 30 < len(bucket.opened) < 40
    assert not list(directory.rglob(".*.part"))


def test_answers_of_other_numbers_of_classes_stand_side_by_side(bucket: FolderS3, directory: Path) -> None:
    for second, values in enumerate([(1.0,), (0.5, 0.25, 0.25), (0.75, 0.25)]):
        when = NOON + timedelta(seconds=second)
        put(bucket, key(when), record(when, "one", values))
        found = reader_of(bucket, directory).read(NOON, LATER)
    assert found[["p_0", "p_1", "p_2"]].isna().to_numpy().tolist() == [
        [False, True, True],
        [False, False, False],
        [False, False, True],
    ]


def test_records_of_one_second_are_in_the_order_of_their_event_ids(bucket: FolderS3, directory: Path) -> None:
    put(bucket, key(NOON, "a"), record(NOON, "c"), record(NOON, "a"))
    put(bucket, key(NOON, "b"), record(NOON, "b"), record(NOON, None))
    found = reader_of(bucket, directory).read(NOON, LATER)
    assert found["event_id"].tolist() == ["event-None", "event-a", "event-b", "event-c"]
    assert pd.isna(found["inference_id"].iloc[0])


def test_probabilities_keep_all_their_digits(bucket: FolderS3, directory: Path) -> None:
    values = (0.95, 0.05)  # with 32 bits 0.949999988, which a threshold of 0.95 would refuse
    put(bucket, key(NOON), record(NOON, "one", values))
    assert reader_of(bucket, directory).read(NOON, LATER)[["p_0", "p_1"]].to_numpy().tolist() == [[*values]]
