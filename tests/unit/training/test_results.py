import errno
import json
import math
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from training.config import STEPS
from training.errors import StepNotRunError
from training.results import (
    Comparison,
    Dataset,
    Deployment,
    Executions,
    Monitoring,
    TrainedModel,
    load,
    save,
    seconds_of,
)

DATASET = Dataset("runs/s/dataset", "photos", ("bicycle", "motorcycle"), (3, 32, 32), 90, 10, 20, "f")


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    save(tmp_path, "stage", DATASET, 1.26)
    assert load(tmp_path, "stage", Dataset) == DATASET
    assert seconds_of(tmp_path, "stage") == 1.3


def test_a_later_run_replaces_an_earlier_one(tmp_path: Path) -> None:
    for accuracy in (0.8, 0.9):
        save(tmp_path, "train", TrainedModel("job", "s3://b/m", "image", accuracy, 60.0), 70.0)
    assert load(tmp_path, "train", TrainedModel).validation_accuracy == 0.9


def test_a_step_that_was_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepNotRunError, match=r"run `python training/run\.py stage` first"):
        load(tmp_path, "stage", Dataset)
    assert seconds_of(tmp_path, "stage") is None


MODEL = TrainedModel("job", "s3://b/m", "image", 0.9, 60.0)
RESULTS: dict[str, Any] = {
    "stage": DATASET,
    "train": MODEL,
    "deploy": Deployment("s", "config", 0.9, 20, 100),
    "test": Executions(5, 4, 1, 0, "2026-01-01T00:00:00+00:00"),
    "monitor": Monitoring("report.html"),
}


@pytest.mark.parametrize(
    ("step", "changed"),
    [
        ("stage", replace(DATASET, fingerprint="of other classes")),
        ("train", replace(MODEL, training_job_name="another job")),
        ("deploy", replace(RESULTS["deploy"], endpoint_config_name="another")),
        ("test", replace(RESULTS["test"], started=6)),
        ("monitor", Monitoring("elsewhere.html")),
    ],
)
def test_a_changed_result_voids_those_of_all_later_steps(tmp_path: Path, step: str, changed: Any) -> None:
    for name, result in RESULTS.items():
        save(tmp_path, name, result, 1)
    save(tmp_path, step, changed, 1)
    kept = [name for name in STEPS if seconds_of(tmp_path, name) is not None]
    assert kept == list(STEPS[: STEPS.index(step) + 1])
    assert load(tmp_path, step, type(changed)) == changed


def test_the_same_dataset_again_leaves_its_model(tmp_path: Path) -> None:
    for _ in range(2):
        save(tmp_path, "stage", DATASET, 1)
        save(tmp_path, "train", MODEL, 60)
    assert load(tmp_path, "train", TrainedModel) == MODEL
    assert load(tmp_path, "stage", Dataset) == DATASET


def test_a_result_of_another_version_is_not_read(tmp_path: Path) -> None:
    save(tmp_path, "stage", DATASET, 1)
    path = tmp_path / "results" / "stage.json"
    path.write_text(path.read_text().replace('"fingerprint"', '"digest"'))
    with pytest.raises(StepNotRunError, match=r"another version: run `python training/run\.py stage`"):
        load(tmp_path, "stage", Dataset)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"\0" * 64,
        b"\xff",
        b'{"seconds": 1}',
        b'{"result": 1, "seconds": 1}',
        b"[" * 99999,
    ],
)
def test_an_empty_or_damaged_result_is_treated_as_missing(tmp_path: Path, content: bytes) -> None:
    save(tmp_path, "stage", DATASET, 1)
    path = tmp_path / "results" / "stage.json"
    path.write_bytes(content)
    with pytest.raises(
        StepNotRunError, match=r"stage\.json, .* is empty or damaged: run `python training/run\.py stage`"
    ):
        load(tmp_path, "stage", Dataset)
    assert seconds_of(tmp_path, "stage") is None
    save(tmp_path, "stage", DATASET, 1)
    assert load(tmp_path, "stage", Dataset) == DATASET


@pytest.mark.parametrize(
    ("field", "value"), [("train", "90"), ("train", True), ("classes", "ab"), ("classes", [1]), ("bucket", None)]
)
def test_a_result_with_a_value_of_another_type_is_not_read(tmp_path: Path, field: str, value: object) -> None:
    save(tmp_path, "stage", DATASET, 1)
    path = tmp_path / "results" / "stage.json"
    saved = json.loads(path.read_text())
    saved["result"][field] = value
    path.write_text(json.dumps(saved))
    with pytest.raises(StepNotRunError, match=rf"has no usable {field}: run `python training/run\.py stage` again"):
        load(tmp_path, "stage", Dataset)


def test_a_result_in_place_of_a_damaged_one_voids_those_of_later_steps(tmp_path: Path) -> None:
    for name, result in RESULTS.items():
        save(tmp_path, name, result, 1)
    (tmp_path / "results" / "stage.json").write_bytes(b"")
    save(tmp_path, "stage", DATASET, 1)
    assert [name for name in STEPS if seconds_of(tmp_path, name) is not None] == ["stage"]


def test_a_full_disk_leaves_the_earlier_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, "train", MODEL, 1)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path, "train", replace(MODEL, seconds=1.0), 1)
    assert load(tmp_path, "train", TrainedModel) == MODEL


COMPARISON = Comparison("old", 0.9, 0.8, 20, -0.1, -0.3, 0.1, 0.5)


@pytest.mark.parametrize("comparison", [COMPARISON, None])
def test_a_result_within_a_result_comes_back(tmp_path: Path, comparison: Comparison | None) -> None:
    deployment = replace(RESULTS["deploy"], comparison=comparison)
    save(tmp_path, "deploy", deployment, 1)
    assert load(tmp_path, "deploy", Deployment) == deployment


@pytest.mark.parametrize(
    "damaged", [{}, {**asdict(COMPARISON), "images": "20"}, {**asdict(COMPARISON), "new": 1}, [], "none", 1]
)
def test_a_damaged_result_within_a_result_is_not_read(tmp_path: Path, damaged: object) -> None:
    save(tmp_path, "deploy", replace(RESULTS["deploy"], comparison=COMPARISON), 1)
    path = tmp_path / "results" / "deploy.json"
    saved = json.loads(path.read_text())
    saved["result"]["comparison"] = damaged
    path.write_text(json.dumps(saved))
    with pytest.raises(StepNotRunError, match="has no usable comparison"):
        load(tmp_path, "deploy", Deployment)


def test_an_accuracy_that_nobody_knows_comes_back(tmp_path: Path) -> None:
    save(tmp_path, "train", replace(MODEL, validation_accuracy=math.nan), 1)
    assert math.isnan(load(tmp_path, "train", TrainedModel).validation_accuracy)
