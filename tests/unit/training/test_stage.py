"""The stage step: from an archive to the bucket, and nothing done twice."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tests.unit.training.dataset.scenes import write_folders
from tests.unit.training.fakes import STACK, make_context, printed
from training import stage as stage_module
from training.algorithm.images import decode
from training.config import PUBLIC_ARCHIVE_MD5, PUBLIC_ARCHIVE_URL
from training.context import Context
from training.dataset import archive, download, files, sample
from training.dataset.upload import Upload
from training.errors import ArchiveError, ArchiveUnavailableError, DatasetError
from training.options import StageOptions
from training.results import Dataset
from training.stage import find_archive, stage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLASSES = ("motorcycle", "bicycle")


@pytest.fixture
def context(bucket: str, s3: "S3Client", tmp_path: Path) -> Context:
    return make_context(tmp_path / "runs", replace(STACK, bucket=bucket), s3=s3)


def options(path: Path, classes: tuple[str, ...] = CLASSES) -> StageOptions:
    return StageOptions(archive=str(path), classes=classes)


def keys(context: Context) -> set[str]:
    listed = context.clients.s3.list_objects_v2(Bucket=context.stack.bucket)
    return {item["Key"] for item in listed.get("Contents", [])}


def test_the_result_counts_what_was_staged(context: Context, write_archive: Any) -> None:
    dataset = stage(context, options(write_archive()))
    directory = context.directory / "dataset"
    fingerprint = (directory / "fingerprint.txt").read_text()
    assert dataset == Dataset(str(directory), context.stack.bucket, CLASSES, (3, 32, 32), 36, 4, 10, fingerprint)


def test_the_bucket_holds_what_the_index_names(context: Context, write_archive: Any) -> None:
    stage(context, options(write_archive()))
    lists = {f"lists/{split}.lst" for split in ("train", "validation", "test")}
    index = pd.read_csv(context.directory / "dataset" / "images.csv")
    assert keys(context) == lists | set(index["s3_key"])


def test_photos_are_sent_while_others_are_not_yet_written(
    context: Context, write_archive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, missing = context.directory / "dataset", list[int]()

    class Watched(Upload):
        def send(self, keys: Sequence[str]) -> None:
            missing.append(53 - len([path for path in directory.rglob("*.*") if path.suffix in (".png", ".lst")]))
            super().send(keys)

    monkeypatch.setattr(files, "BATCH", 7)
    monkeypatch.setattr(files, "WRITERS", 1)
    monkeypatch.setattr(stage_module, "Upload", Watched)
    stage(context, options(write_archive()))
    assert missing[0] == 53 - 7
    assert missing[-1] == 0
    assert len(keys(context)) == 53


def test_stale_photos_are_deleted_before_others_are_written(
    context: Context, write_archive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(context, options(write_archive()))
    monkeypatch.setattr(files, "pixels_of", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        stage(context, options(write_archive(), ("apple", "bicycle")))
    assert not [key for key in keys(context) if "motorcycle" in key]


def test_other_classes_leave_no_stale_photo_anywhere(context: Context, write_archive: Any) -> None:
    stage(context, options(write_archive()))
    stage(context, options(write_archive(), ("apple", "bicycle")))
    assert not [key for key in keys(context) if "motorcycle" in key]
    assert not list(context.directory.rglob("motorcycle*"))


def test_the_same_again_reads_no_archive_and_sends_nothing(
    context: Context, write_archive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_archive()
    first = stage(context, options(path))
    monkeypatch.delattr(archive, "read")
    assert stage(context, options(path)) == first
    assert "0 files sent (0.0 MB), 53 unchanged, 0 stale ones deleted" in printed(context)


def test_the_console_shows_the_counts_and_where_the_samples_are(context: Context, write_archive: Any) -> None:
    stage(context, options(write_archive()))
    sheet = context.directory / "dataset" / "samples.png"
    assert "50 images of shape 3x32x32" in printed(context)
    assert str(sheet) in printed(context)
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_classes_with_few_training_photos_are_named_with_their_counts(
    context: Context, write_archive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(context, options(write_archive(), ("bicycle", "apple")))
    assert "fewer than 50 training photos of bicycle 18, apple 2: add photos" in printed(context)
    monkeypatch.setattr(stage_module, "FEW_PHOTOS", 18)
    before = printed(context)
    stage(context, options(write_archive()))
    assert "Warning" not in printed(context).removeprefix(before)


def test_a_bad_request_touches_neither_disk_nor_bucket(context: Context, write_archive: Any) -> None:
    with pytest.raises(DatasetError, match="no class 'car'"):
        stage(context, options(write_archive(), ("bicycle", "car")))
    assert not (context.directory / "dataset").exists()
    assert keys(context) == set()


# Photos of one's own ------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> StageOptions:
    return StageOptions(images=str(write_folders(tmp_path / "photos", {"ant": 12, "bee": 15, "cat": 20})))


def test_a_directory_of_photos_is_staged_with_64_pixels(context: Context, own: StageOptions) -> None:
    dataset = stage(context, own)
    directory = context.directory / "dataset"
    fingerprint = (directory / "fingerprint.txt").read_text()
    expected = Dataset(str(directory), context.stack.bucket, ("ant", "bee", "cat"), (3, 64, 64), 34, 4, 9, fingerprint)
    assert dataset == expected
    assert "47 images of shape 3x64x64" in printed(context)
    index = pd.read_csv(directory / "images.csv")
    assert keys(context) == {f"lists/{split}.lst" for split in ("train", "validation", "test")} | set(index["s3_key"])


def test_size_and_classes_of_a_directory_can_be_chosen(context: Context, own: StageOptions) -> None:
    dataset = stage(context, replace(own, image_size=96, classes=("cat", "ant")))
    assert (dataset.classes, dataset.image_shape) == (("cat", "ant"), (3, 96, 96))


def test_the_console_says_what_was_left_out_and_where_every_file_s_outcome_is(
    context: Context, own: StageOptions
) -> None:
    (Path(str(own.images)) / "ant" / "notes.txt").write_text("[bold]not a photo")
    for _ in range(2):  # the second time nothing is decoded
        before = printed(context)
        stage(context, own)
        told = printed(context).removeprefix(before)
        assert "Files left out: 1" in told and "ant/notes.txt" in told and "not a photo" in told
        assert f"Outcome of every file: {context.directory / 'photos.csv'}" in told


def test_without_anything_left_out_no_table_is_shown(context: Context, own: StageOptions) -> None:
    stage(context, own)
    assert "Files left out" not in printed(context)


def test_an_archive_after_a_directory_leaves_nothing_of_it(
    context: Context, own: StageOptions, write_archive: Any
) -> None:
    stage(context, own)
    dataset = stage(context, options(write_archive()))
    assert (dataset.classes, dataset.image_shape) == (CLASSES, (3, 32, 32))
    assert not (context.directory / "photos.csv").exists()
    assert not [key for key in keys(context) if "ant" in key]


def test_an_archive_s_photos_can_be_enlarged(context: Context, write_archive: Any) -> None:
    small = stage(context, options(write_archive()))
    name = next((context.directory / "dataset" / "images" / "test").iterdir()).name
    before = (context.directory / "dataset" / "images" / "test" / name).read_bytes()
    large = stage(context, replace(options(write_archive()), image_size=64))
    assert (large.image_shape, large.train) == ((3, 64, 64), small.train)
    assert large.fingerprint != small.fingerprint
    enlarged = (context.directory / "dataset" / "images" / "test" / name).read_bytes()
    # A client that sends the photo in the archive's size gets the same answer.
    assert (decode(before, (64, 64, 3)) == decode(enlarged, (64, 64, 3))).all()


@pytest.mark.parametrize(
    ("mixture", "sentence"),
    [
        (StageOptions(images="d", archive_checksum="md5:0"), "--archive-checksum is about an archive"),
        (StageOptions(test_share=0.2), "--test-share and --keep-duplicates are about a directory"),
        (StageOptions(keep_duplicates=True), "all of its photos are used"),
    ],
)
def test_an_option_that_would_have_no_effect_is_refused(context: Context, mixture: StageOptions, sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence):
        stage(context, mixture)


# Which archive -----------------------------------------------------------------------------------------------


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the sample, which is not drawn."""
    path = Path("runs/archives/sample.tar.gz")
    monkeypatch.setattr(sample, "write", lambda cache: cache / path.name)
    return path


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: Any) -> Path:
        raise ArchiveUnavailableError("The archive could not be fetched.")

    monkeypatch.setattr(download, "fetch", fetch)


def test_the_sample_can_be_asked_for(context: Context, drawn: Path, offline: None) -> None:
    assert find_archive(StageOptions(archive="sample"), context.console) == drawn


def test_the_sample_is_used_when_the_archive_cannot_be_fetched(context: Context, drawn: Path, offline: None) -> None:
    assert find_archive(StageOptions(sample_if_unavailable=True), context.console) == drawn
    assert "The archive could not be fetched." in printed(context)
    assert "The built-in sample is used instead: drawings, not photos." in printed(context)


def test_an_address_with_the_console_s_markup_is_printed_as_it_is(
    context: Context, drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*_: Any) -> Path:
        raise ArchiveUnavailableError("http://[/]/ does not answer.")

    monkeypatch.setattr(download, "fetch", fetch)
    find_archive(StageOptions(sample_if_unavailable=True), context.console)
    assert "http://[/]/ does not answer." in printed(context)


def test_without_leave_an_archive_that_cannot_be_fetched_is_an_error(
    context: Context, drawn: Path, offline: None
) -> None:
    with pytest.raises(ArchiveUnavailableError):
        find_archive(StageOptions(), context.console)


def test_a_damaged_archive_is_not_replaced_by_the_sample(context: Context, drawn: Path, tmp_path: Path) -> None:
    wrong = StageOptions(archive=str(tmp_path / "none.tar.gz"), sample_if_unavailable=True)
    with pytest.raises(ArchiveError, match="no archive at"):
        find_archive(wrong, context.console)


def test_a_download_that_cannot_be_read_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "cached.tar.gz"
    for source, kept in (("http://127.0.0.1/photos.tar.gz", False), (str(path), True)):
        path.write_bytes(b"a proxy's idea of an archive")
        with pytest.raises(ArchiveError, match=r"not a tar\.gz file"):
            stage_module.read_archive(path, StageOptions(archive=source))
        assert path.exists() is kept


@pytest.mark.parametrize(
    ("given", "checksum"),
    [
        (StageOptions(), f"md5:{PUBLIC_ARCHIVE_MD5}"),
        (StageOptions(archive_checksum="sha256:0"), "sha256:0"),
        (StageOptions(archive=f"{PUBLIC_ARCHIVE_URL}.copy"), None),
        (StageOptions(archive="mine.tar.gz", archive_checksum="md5:0"), "md5:0"),
    ],
)
def test_the_public_archive_has_a_known_checksum(
    context: Context, monkeypatch: pytest.MonkeyPatch, given: StageOptions, checksum: str | None
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(download, "fetch", lambda *arguments: asked.extend(arguments))
    find_archive(given, context.console)
    assert asked[:2] == [given.archive, checksum]
