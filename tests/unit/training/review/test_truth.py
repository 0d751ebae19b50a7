"""Answers are kept in the bucket as SageMaker's ground truth and as an augmented manifest."""

import json
from dataclasses import replace
from pathlib import Path

from tests.unit.training.fakes import Bucket, make_context
from tests.unit.training.review.scenes import ANSWER, CLASSES, photo
from training.context import Context
from training.review import truth
from training.review.answers import NONE_OF_THESE, UNUSABLE, photo_path

HOUR = "review/truth/s/AllTraffic/2026/01/01/23/answers.jsonl"


def kept(tmp_path: Path, *events: str) -> tuple[Context, Bucket]:
    """Return a context with the photos of some events on disk, and its bucket."""
    bucket = Bucket()
    for event_id in events:
        path = photo_path(tmp_path, event_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo())
    return make_context(tmp_path, s3=bucket), bucket


def test_a_line_of_truth_is_sagemakers(tmp_path: Path) -> None:
    context, bucket = kept(tmp_path)
    truth.keep(context, [replace(ANSWER, answer="motorcycle")], CLASSES)
    assert json.loads(bucket.objects[HOUR]) == {
        "groundTruthData": {"data": "1", "encoding": "CSV"},
        "eventMetadata": {"eventId": "images/test/a.png"},
        "eventVersion": "0",
    }


def test_truth_is_in_the_folder_of_the_inferences_hour_and_variant(tmp_path: Path) -> None:
    context, bucket = kept(tmp_path)
    later = replace(ANSWER, event_id="e2", inference_id="", inference_time="2026-01-02T00:10:00+00:00")
    truth.keep(context, [ANSWER, later, replace(ANSWER, event_id="e3", answer=UNUSABLE)], CLASSES)
    found = {key for key in bucket.objects if "/truth/" in key}
    assert found == {HOUR, "review/truth/s/AllTraffic/2026/01/02/00/answers.jsonl"}
    assert json.loads(bucket.objects[max(found)])["eventMetadata"] == {"eventId": "e2"}


def test_a_photo_of_no_class_has_that_as_its_truth_and_is_not_for_training(tmp_path: Path) -> None:
    context, bucket = kept(tmp_path, "e1")
    truth.keep(context, [replace(ANSWER, answer=NONE_OF_THESE)], CLASSES)
    assert json.loads(bucket.objects[HOUR])["groundTruthData"]["data"] == NONE_OF_THESE
    assert bucket.objects["review/augmented.manifest"] == b""


def test_the_manifest_names_a_copy_of_each_photo(tmp_path: Path) -> None:
    context, bucket = kept(tmp_path, "e1")
    truth.keep(context, [ANSWER, replace(ANSWER, event_id="gone")], CLASSES)
    line = json.loads(bucket.objects["review/augmented.manifest"])
    key = line["source-ref"].removeprefix("s3://photos/")
    assert bucket.objects[key] == photo()
    assert line["class"] == 0
    assert line["class-metadata"] == {
        "class-name": "bicycle",
        "confidence": 1.0,
        "type": "groundtruth/image-classification",
        "human-annotated": "yes",
        "creation-date": "2026-01-02T10:00:00.000000",
        "job-name": "review/s",
    }


def test_an_hour_without_answers_any_more_is_emptied(tmp_path: Path) -> None:
    context, bucket = kept(tmp_path)
    truth.keep(context, [ANSWER], CLASSES)
    truth.keep(context, [], CLASSES)
    assert bucket.objects[HOUR] == b""


def test_a_second_time_changes_nothing_and_uploads_no_photo_again(tmp_path: Path) -> None:
    context, bucket = kept(tmp_path, "e1")
    truth.keep(context, [ANSWER], CLASSES)
    before = dict(bucket.objects)
    photo_path(tmp_path, "e1").write_bytes(b"other")
    truth.keep(context, [ANSWER], CLASSES)
    assert bucket.objects == before
