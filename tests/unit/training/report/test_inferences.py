"""Scope: how captured inferences are joined to their images."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from training.captures.frames import frame
from training.captures.records import CapturedInference
from training.config import inference_id
from training.errors import CaptureError
from training.report.inferences import join, known_images, why_unlabelled

NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
CLASSES = ("bicycle", "motorcycle")


def images(*keys: str, class_name: str = "bicycle") -> pd.DataFrame:
    rows = [{"s3_key": key, "filename": key.rpartition("/")[2], "class_name": class_name} for key in keys]
    return known_images(pd.DataFrame(rows))


def inference(name: str | None, *values: float) -> CapturedInference:
    return CapturedInference(NOON, name, values, f"event-{name}")


@pytest.mark.parametrize(
    "s3_key", ["images/test/a b%ü.png", f"images/test/{'long' * 30}é.png", "images/test/plain.png"]
)
def test_an_inference_is_joined_to_its_image(s3_key: str) -> None:
    name = inference_id(s3_key)
    assert len(name) <= 64 and name.isascii()
    row = join(frame([inference(name, 0.25, 0.75)]), images(s3_key, "images/test/other.png"), CLASSES, 0.5).iloc[0]
    assert (row["s3_key"], row["true_class"], row["predicted_class"]) == (s3_key, "bicycle", "motorcycle")
    assert (row["confidence"], row["p_bicycle"], row["p_motorcycle"]) == (0.75, 0.25, 0.75)
    assert row["time"] == pd.Timestamp(NOON)


def test_what_cannot_be_joined_is_kept_without_a_label() -> None:
    table = join(frame([inference(None, 0.9, 0.1), inference("unheard-of", 0.2, 0.8)]), images("a.png"), CLASSES, 0.5)
    assert table["true_class"].isna().all() and table["s3_key"].isna().all()
    assert table["predicted_class"].tolist() == ["bicycle", "motorcycle"]


def test_an_id_that_two_images_share_labels_neither() -> None:
    tail = "x" * 64
    known = images(f"images/train/{tail}", f"images/test/{tail}", "images/test/alone.png")
    assert known["s3_key"].tolist() == ["images/test/alone.png"]
    assert join(frame([inference(tail, 0.9, 0.1)]), known, CLASSES, 0.5)["true_class"].isna().all()


def test_a_confidence_equal_to_the_threshold_is_accepted() -> None:
    below = 0.9299999999999999
    table = join(frame([inference(None, 0.93, 0.07), inference(None, below, 0.07)]), images("a.png"), CLASSES, 0.93)
    assert table["below_threshold"].tolist() == [False, True]


def test_an_image_that_was_asked_for_twice_has_two_rows() -> None:
    known = images("a.png")
    assert len(join(frame([inference("a.png", 0.9, 0.1)] * 2), known, CLASSES, 0.5)) == 2


def test_a_hundred_classes_have_a_column_each() -> None:
    classes = tuple(f"class {label}" for label in range(100))
    values = [0.0] * 99 + [1.0]
    table = join(frame([inference(None, *values)]), images("a.png"), classes, 0.5)
    assert table.loc[0, "predicted_class"] == "class 99"
    assert [name for name in map(str, table) if name.startswith("p_")] == [f"p_{name}" for name in classes]


def test_a_model_of_other_classes_is_refused() -> None:
    with pytest.raises(CaptureError, match="has 3 probabilities for the 2 classes bicycle, motorcycle"):
        join(frame([inference(None, 0.5, 0.3, 0.2)]), images("a.png"), CLASSES, 0.5)


def test_the_reasons_for_missing_labels_are_counted() -> None:
    tail = "x" * 64
    index = pd.DataFrame({"s3_key": ["a.png", f"images/train/{tail}", f"images/test/{tail}"]})
    found = frame([inference(name, 0.5, 0.5) for name in ("a.png", None, tail, tail, "other", None, None)])
    assert why_unlabelled(found, index) == (
        "3 without an inference id, 2 with an id that several staged photos share, "
        "1 with an id of no staged photo, so made by another caller"
    )
    assert why_unlabelled(found[:1], index) == ""
