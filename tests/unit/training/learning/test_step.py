"""Reviewed photos become training photos of the staged dataset, and never its test photos."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.unit.training.dataset.scenes import scene, write_folders
from tests.unit.training.fakes import STACK, client_error, make_context, printed, refuse
from training.config import local_path
from training.context import Context
from training.dataset.index import read_index
from training.errors import DatasetError, StepNotRunError
from training.learning.step import add_reviewed
from training.options import StageOptions
from training.provenance import held_out_fingerprint
from training.results import Dataset
from training.review.answers import Answer, opened, photo_path
from training.stage import stage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Review = Callable[..., None]


@pytest.fixture
def context(bucket: str, s3: "S3Client", tmp_path: Path) -> Context:
    return make_context(tmp_path / "runs", replace(STACK, bucket=bucket), s3=s3)


@pytest.fixture
def dataset(context: Context, tmp_path: Path) -> Dataset:
    """Twelve photos of each class, staged."""
    images = write_folders(tmp_path / "photos", {"bicycle": 12, "motorcycle": 12})
    return stage(context, StageOptions(images=str(images)))


@pytest.fixture
def review(context: Context) -> Review:
    def add(number: int, answer: str, s3_key: str = "", photo: int | bytes | None = -1) -> None:
        """Keep an answer; its photo is a scene of the same number, or another one, or bytes, or None to keep none."""
        event = f"e{number}"
        if photo is not None:
            path = photo_path(context.directory, event)
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(photo, bytes):
                path.write_bytes(photo)
            else:
                scene(number if photo == -1 else photo).save(path, format="PNG")
        now = "2026-05-04T12:00:00+00:00"
        with opened(context.directory) as journal:
            journal.add(Answer(event, "", s3_key, "", answer, now, "refused", 1.0, now, "bicycle", 0.6, 0.93))

    return add


def outcomes(context: Context) -> dict[str, str]:
    table = pd.read_csv(context.directory / "learn" / "reviewed.csv", keep_default_na=False)
    return dict(zip(table["photo"], table["reason"], strict=True))


def test_reviewed_photos_are_trained_on_under_their_answers(context: Context, dataset: Dataset, review: Review) -> None:
    review(100, "motorcycle")
    review(101, "bicycle")
    learned = add_reviewed(context, dataset)
    assert (learned.train, learned.reviewed) == (dataset.train + 2, 2)
    assert learned.fingerprint != dataset.fingerprint
    index = read_index(learned.directory)
    added = index[index["filename"].str.startswith("reviewed_")]
    assert sorted(added["class_name"]) == ["bicycle", "motorcycle"]
    assert set(added["split"]) == {"train"}
    assert index["row"].is_unique
    listed = (Path(learned.directory) / "lists" / "train.lst").read_text().splitlines()
    assert len(listed) == learned.train
    assert f"{added['row'].iloc[0]}\t{added['label'].iloc[0]}\t{added['filename'].iloc[0]}" in listed
    for key in added["s3_key"]:
        stored = context.clients.s3.get_object(Bucket=context.stack.bucket, Key=key)["Body"].read()
        assert stored == local_path(learned.directory, key).read_bytes()
    assert "Reviewed photos in the training split: 2 (bicycle 1, motorcycle 1); left out: none." in printed(context)


def test_models_are_compared_on_the_same_test_photos(context: Context, dataset: Dataset, review: Review) -> None:
    before = held_out_fingerprint(dataset)
    review(100, "motorcycle")
    learned = add_reviewed(context, dataset)
    assert held_out_fingerprint(learned) == before
    assert (learned.validation, learned.test) == (dataset.validation, dataset.test)


def test_a_test_photo_is_never_trained_on(context: Context, dataset: Dataset, review: Review) -> None:
    """Neither under its own key, nor when it was uploaded again under another one."""
    index = read_index(dataset.directory)
    test = index[index["split"] == "test"].iloc[0]
    known = index[index["split"] == "train"].iloc[0]
    review(100, test["class_name"], test["s3_key"])
    review(101, test["class_name"], "incoming/a.png", local_path(dataset.directory, test["s3_key"]).read_bytes())
    review(102, known["class_name"], "incoming/b.png", local_path(dataset.directory, known["s3_key"]).read_bytes())
    review(103, "bicycle", "incoming/c.png")
    assert add_reviewed(context, dataset).reviewed == 1
    assert outcomes(context) == {
        test["s3_key"]: "test photo",
        "incoming/a.png": "test photo",
        "incoming/b.png": "in the dataset",
        "incoming/c.png": "",
    }


def test_what_no_class_can_be_learned_from_is_left_out(context: Context, dataset: Dataset, review: Review) -> None:
    review(100, "none of these")
    review(101, "unusable")
    review(102, "bicycle", photo=b"no photo")
    review(103, "bicycle")
    review(104, "bicycle", photo=103)
    review(105, "bicycle", photo=200)
    review(106, "motorcycle", photo=200)
    assert add_reviewed(context, dataset).reviewed == 1
    assert outcomes(context) == {
        "e100": "no class of the dataset",
        "e101": "no class of the dataset",
        "e102": "not a photo",
        "e103": "",
        "e104": "duplicate",
        "e105": "in two classes",
        "e106": "in two classes",
    }


def test_a_photo_that_was_not_kept_comes_from_the_bucket(context: Context, dataset: Dataset, review: Review) -> None:
    review(100, "bicycle", "incoming/a.png", None)
    review(101, "bicycle", "incoming/gone.png", None)
    review(102, "bicycle", "", None)
    path = context.directory / "a.png"
    scene(100).save(path)
    context.clients.s3.upload_file(str(path), context.stack.bucket, "incoming/a.png")
    assert add_reviewed(context, dataset).reviewed == 1
    gone = "cannot be fetched"
    assert outcomes(context) == {"incoming/a.png": "", "incoming/gone.png": gone, "e102": gone}


def test_the_same_answers_make_the_same_dataset_without_writing_it_again(
    context: Context, dataset: Dataset, review: Review
) -> None:
    review(100, "motorcycle")
    learned = add_reviewed(context, dataset)
    stamp = (Path(learned.directory) / "fingerprint.txt").stat().st_mtime_ns
    assert add_reviewed(context, learned) == learned
    assert (Path(learned.directory) / "fingerprint.txt").stat().st_mtime_ns == stamp


def test_further_answers_and_corrections_replace_earlier_ones(
    context: Context, dataset: Dataset, review: Review
) -> None:
    review(100, "motorcycle")
    learned = add_reviewed(context, dataset)
    review(100, "bicycle")
    review(101, "bicycle")
    again = add_reviewed(context, learned)
    assert (again.reviewed, again.train) == (2, dataset.train + 2)
    index = read_index(again.directory)
    assert set(index.loc[index["filename"].str.startswith("reviewed_"), "class_name"]) == {"bicycle"}


def test_staging_again_takes_reviewed_photos_away(
    context: Context, dataset: Dataset, review: Review, tmp_path: Path
) -> None:
    review(100, "motorcycle")
    learned = add_reviewed(context, dataset)
    assert stage(context, StageOptions(images=str(tmp_path / "photos"))) == dataset
    found = context.clients.s3.list_objects_v2(Bucket=context.stack.bucket, Prefix="images/train/reviewed_")
    assert "Contents" not in found
    assert add_reviewed(context, dataset) == learned


def test_an_interrupted_addition_passes_for_no_dataset(
    context: Context, dataset: Dataset, review: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    review(100, "motorcycle")
    monkeypatch.setattr("training.learning.step.shutil.copyfile", break_off)
    with pytest.raises(KeyboardInterrupt):
        add_reviewed(context, dataset)
    with pytest.raises(StepNotRunError, match=r"run `python training/run.py stage` again"):
        add_reviewed(context, dataset)


def test_an_interrupted_upload_is_made_up_for(
    context: Context, dataset: Dataset, review: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result of stage still says the earlier dataset: the next run must not take the new one for damaged."""
    review(100, "motorcycle")
    refuse(context.clients.s3, "delete_objects", client_error("AccessDenied"))
    learned = add_reviewed(context, dataset)
    assert add_reviewed(context, dataset) == learned


def test_without_an_answer_the_sentence_says_what_to_do(context: Context, dataset: Dataset, review: Review) -> None:
    with pytest.raises(DatasetError, match=r"There are no reviewed photos to train with: run `python training/run.py"):
        add_reviewed(context, dataset)
    review(100, "none of these")
    with pytest.raises(DatasetError, match=r"None of the 1 reviewed photos can be trained with \(1 no class of the"):
        add_reviewed(context, dataset)


def test_a_damaged_memory_of_the_staged_dataset_is_no_crash(context: Context, dataset: Dataset, review: Review) -> None:
    (Path(dataset.directory) / "reviewed.json").write_text(json.dumps([1]))
    review(100, "motorcycle")
    assert add_reviewed(context, dataset).reviewed == 1
