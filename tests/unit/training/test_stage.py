"""The stage step: from an archive to the bucket, and nothing done twice."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from rich.console import Console

from training.config import Stack
from training.dataset import archive
from training.errors import DatasetError
from training.results import Dataset
from training.stage import stage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLASSES = ("motorcycle", "bicycle")


@pytest.fixture
def stack(bucket: str) -> Stack:
    return Stack("stack", "us-east-1", bucket, "role", "endpoint", "state-machine", 0.9)


def keys(s3: "S3Client", bucket: str) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def test_the_result_counts_what_was_staged(
    stack: Stack, s3: "S3Client", write_archive: Any, tmp_path: Path, console: Console
) -> None:
    directory = tmp_path / "dataset"
    dataset = stage(stack, write_archive(), CLASSES, 0.1, 0, directory, s3, console)
    fingerprint = (directory / "fingerprint.txt").read_text()
    assert dataset == Dataset(str(directory), stack.bucket, CLASSES, (3, 32, 32), 36, 4, 10, fingerprint)


def test_the_bucket_holds_what_the_index_names(
    stack: Stack, s3: "S3Client", write_archive: Any, tmp_path: Path, console: Console
) -> None:
    stage(stack, write_archive(), CLASSES, 0.1, 0, tmp_path, s3, console)
    lists = {f"lists/{split}.lst" for split in ("train", "validation", "test")}
    assert keys(s3, stack.bucket) == lists | set(pd.read_csv(tmp_path / "images.csv")["s3_key"])


def test_other_classes_leave_no_stale_photo_anywhere(
    stack: Stack, s3: "S3Client", write_archive: Any, tmp_path: Path, console: Console
) -> None:
    stage(stack, write_archive(), CLASSES, 0.1, 0, tmp_path, s3, console)
    stage(stack, write_archive(), ("apple", "bicycle"), 0.1, 0, tmp_path, s3, console)
    assert not [key for key in keys(s3, stack.bucket) if "motorcycle" in key]
    assert not list(tmp_path.rglob("motorcycle*"))


def test_the_same_again_reads_no_archive_and_sends_nothing(
    stack: Stack, s3: "S3Client", write_archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_archive()
    first = stage(stack, path, CLASSES, 0.1, 0, tmp_path, s3, Console(file=io.StringIO()))
    monkeypatch.delattr(archive, "read")
    output = io.StringIO()
    assert stage(stack, path, CLASSES, 0.1, 0, tmp_path, s3, Console(file=output, width=200)) == first
    assert "0 files sent (0.0 MB), 53 unchanged, 0 stale ones deleted" in output.getvalue()


def test_the_console_shows_the_counts_and_where_the_samples_are(
    stack: Stack, s3: "S3Client", write_archive: Any, tmp_path: Path
) -> None:
    output = io.StringIO()
    stage(stack, write_archive(), CLASSES, 0.1, 0, tmp_path, s3, Console(file=output, width=200))
    assert "50 images of shape 3x32x32" in output.getvalue()
    assert str(tmp_path / "samples.png") in output.getvalue()
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")


def test_a_bad_request_touches_neither_disk_nor_bucket(
    stack: Stack, s3: "S3Client", write_archive: Any, tmp_path: Path, console: Console
) -> None:
    with pytest.raises(DatasetError, match="no class 'car'"):
        stage(stack, write_archive(), ("bicycle", "car"), 0.1, 0, tmp_path / "dataset", s3, console)
    assert not (tmp_path / "dataset").exists()
    assert keys(s3, stack.bucket) == set()
