"""The train step: one job per dataset, never two at once, and its metrics."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fakes import (
    DATASET,
    OURS,
    STACK,
    THEIRS,
    Clock,
    Logs,
    SageMaker,
    client_error,
    make_context,
    printed,
    refuse,
    tags_of,
)
from training import train
from training.context import Context
from training.errors import EndpointError, TrainingJobError
from training.options import TrainOptions

IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1"
LINES = [
    "Start training",
    "Epoch[0] Train-accuracy=0.500000",
    "Epoch[0] Time cost=1.2",
    "Epoch[0] Validation-accuracy=0.900000",
    "Epoch[1] Train-accuracy=0.800000",
    "Epoch[1] Validation-accuracy=0.850000",
]


def reader(logs: Any) -> train.MetricReader:
    return train.MetricReader(logs, "job-1")


def test_required_hyperparameters_come_from_the_data() -> None:
    three = replace(DATASET, classes=("bicycle", "car", "motorcycle"))
    assert train.hyperparameters(three, TrainOptions(hyperparameters={"epochs": "3"})) == {
        "num_classes": "3",
        "num_training_samples": "90",
        "image_shape": "3,32,32",
        "epochs": "3",
    }


def test_channels_keep_images_and_lists_apart() -> None:
    uris = {c.channel_name: c.data_source.s3_data_source.s3_uri for c in train.channels("photos")}
    assert uris == {
        "train": "s3://photos/images/train/",
        "validation": "s3://photos/images/validation/",
        "train_lst": "s3://photos/lists/train.lst",
        "validation_lst": "s3://photos/lists/validation.lst",
    }


def test_metrics_are_read_from_every_page_once() -> None:
    metrics = reader(Logs(LINES))
    metrics.read()
    metrics.read()
    frame = metrics.frame()
    assert len(frame) == 4
    assert frame.loc[frame["metric"] == "validation:accuracy", "value"].tolist() == [0.9, 0.85]


def test_metrics_are_shown_as_they_come() -> None:
    logs = Logs(LINES[:4])
    metrics = reader(logs)
    metrics.read()
    assert metrics.latest() == "epoch 0: train accuracy 0.500, validation accuracy 0.900"
    logs.lines = LINES
    metrics.read()
    assert metrics.latest() == "epoch 1: train accuracy 0.800, validation accuracy 0.850"


def test_a_log_of_another_job_is_not_read() -> None:
    metrics = reader(Logs(LINES, stream="job-10/algo-1-1"))
    metrics.read()
    assert metrics.latest() == ""


def test_a_log_that_may_not_be_read_is_no_failure() -> None:
    class Forbidden:
        def describe_log_streams(self, **_: Any) -> None:
            raise client_error("AccessDeniedException")

    metrics = reader(Forbidden())
    metrics.read()
    assert metrics.frame().empty


def test_a_log_that_is_throttled_does_not_count_as_empty() -> None:
    logs = Logs(LINES)
    refuse(logs, "get_log_events", client_error("ThrottlingException"))
    metrics = reader(logs)
    with pytest.raises(ClientError, match="ThrottlingException"):
        metrics.read()
    metrics.read()
    assert len(metrics.frame()) == 4


def test_the_validation_accuracy_is_the_best_epoch_s() -> None:
    metrics = reader(Logs(LINES))
    metrics.read()
    assert train.validation_accuracy(metrics.frame(), SimpleNamespace()) == 0.9


def test_the_epoch_that_the_algorithm_kept_goes_before_the_best_one() -> None:
    metrics = reader(Logs([*LINES, "Kept epoch 1: validation accuracy 0.8500, temperature 0.600."]))
    metrics.read()
    assert train.validation_accuracy(metrics.frame(), SimpleNamespace()) == 0.85


def test_without_a_log_the_final_metric_is_taken() -> None:
    final = [
        SimpleNamespace(metric_name="train:accuracy", value=1.0),
        SimpleNamespace(metric_name="validation:accuracy", value=0.7),
    ]
    job = SimpleNamespace(final_metric_data_list=final)
    assert train.validation_accuracy(pd.DataFrame(columns=["epoch", "metric", "value"]), job) == pytest.approx(0.7)


# The job -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sagemaker() -> SageMaker:
    return SageMaker()


@pytest.fixture
def context(sagemaker: SageMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setattr(train, "POLL_SECONDS", 0.0)
    return make_context(tmp_path, sagemaker=sagemaker, logs=Logs(LINES, stream="s-"))


def start(
    sagemaker: SageMaker, name: str, tags: list[dict[str, str]], status: str = "InProgress", **changes: Any
) -> None:
    """Start the job of the default options, as another run would; `changes` replace fields of its request."""
    request: dict[str, Any] = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Environment": {"TRAINING_SEED": "0"},
        "HyperParameters": train.hyperparameters(DATASET, TrainOptions()),
    }
    sagemaker.create_training_job(tags, status, TrainingJobName=name, **request | changes)


def test_a_job_is_created_for_the_dataset(context: Context, sagemaker: SageMaker) -> None:
    model = train.train(context, DATASET, TrainOptions(max_runtime=60, seed=7))
    (job,) = sagemaker.jobs.values()
    assert job["TrainingJobName"].startswith("s-20")
    assert job["HyperParameters"]["num_training_samples"] == "90"
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}
    assert job["Environment"] == {"TRAINING_SEED": "7"}
    assert sagemaker.tags[job["TrainingJobArn"]] == OURS
    assert model.training_job_name == job["TrainingJobName"]
    assert model.model_data_url == job["ModelArtifacts"]["S3ModelArtifacts"]
    assert model.seconds == 42
    assert (model.num_classes, model.dataset_fingerprint) == (2, "f")


def test_a_job_that_an_interrupted_run_left_is_followed(context: Context, sagemaker: SageMaker) -> None:
    start(sagemaker, "s-20260101-000000", OURS)
    assert train.train(context, DATASET, TrainOptions()).training_job_name == "s-20260101-000000"
    assert len(sagemaker.jobs) == 1
    assert "s-20260101-000000" in printed(context)


@pytest.mark.parametrize("name", ["s-2-20260101-000000", "s-20260101-000000"])
def test_a_job_of_another_stack_is_not_followed(context: Context, sagemaker: SageMaker, name: str) -> None:
    start(sagemaker, name, THEIRS)
    assert train.train(context, DATASET, TrainOptions()).training_job_name != name
    assert len(sagemaker.jobs) == 2


def test_a_job_of_the_same_dataset_and_options_is_followed(
    context: Context, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = TrainOptions("ml.g5.xlarge", 60, {"epochs": "3"}, 7)
    train.create_job(context, DATASET, options, IMAGE)
    (name,) = sagemaker.jobs
    sagemaker.jobs[name]["TrainingJobStatus"] = "InProgress"
    assert train.train(context, DATASET, options).training_job_name == name


@pytest.mark.parametrize(
    ("fingerprint", "changes", "difference"),
    [
        ("g", {}, "dataset is g instead of f"),
        ("f", {"HyperParameters": {}}, "num_classes is not set instead of 2"),
        ("f", {"Environment": {"TRAINING_SEED": "1"}}, "seed is 1 instead of 0"),
        ("f", {"Environment": {}}, "seed is not set instead of 0"),
        ("f", {"StoppingCondition": {"MaxRuntimeInSeconds": 60}}, "longest run in seconds is 60 instead of 3600"),
        ("f", {"ResourceConfig": {"InstanceType": "ml.p3.2xlarge"}}, "instance type is ml.p3.2xlarge instead of"),
        (
            "f",
            {"AlgorithmSpecification": {"TrainingImage": "theirs", "TrainingInputMode": "File"}},
            "image is theirs instead of ",
        ),
    ],
)
def test_a_job_of_this_stack_with_other_settings_is_refused(
    context: Context, sagemaker: SageMaker, fingerprint: str, changes: dict[str, Any], difference: str
) -> None:
    start(sagemaker, "s-20260101-000000", tags_of("s", fingerprint), **changes)
    with pytest.raises(TrainingJobError, match=f"s-20260101-000000 of this stack .*{difference}") as refused:
        train.train(context, DATASET, TrainOptions())
    assert "aws sagemaker stop-training-job --training-job-name s-20260101-000000" in str(refused.value)
    assert len(sagemaker.jobs) == 1


def test_a_job_without_the_dataset_s_tag_is_refused(context: Context, sagemaker: SageMaker) -> None:
    start(sagemaker, "s-20260101-000000", OURS[:1])
    with pytest.raises(TrainingJobError, match="dataset is not set instead of f"):
        train.train(context, DATASET, TrainOptions())


def test_a_job_that_fits_is_followed_although_another_runs(context: Context, sagemaker: SageMaker) -> None:
    start(sagemaker, "s-20260101-000000", tags_of("s", "g"))
    start(sagemaker, "s-20260101-000001", OURS)
    assert train.train(context, DATASET, TrainOptions()).training_job_name == "s-20260101-000001"


def test_an_endpoint_that_could_not_be_deployed_costs_no_training(sagemaker: SageMaker, tmp_path: Path) -> None:
    context = make_context(tmp_path, replace(STACK, endpoint_name="e" * 48), sagemaker=sagemaker)
    with pytest.raises(EndpointError, match="has 48 characters"):
        train.train(context, DATASET, TrainOptions())
    assert sagemaker.jobs == {}


def test_a_job_that_has_ended_is_not_followed(context: Context, sagemaker: SageMaker) -> None:
    start(sagemaker, "s-20260101-000000", OURS, "Completed")
    assert train.train(context, DATASET, TrainOptions()).training_job_name != "s-20260101-000000"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: no GPU"},
            "complete: AlgorithmError: no GPU",
        ),
        ({"TrainingJobStatus": "Stopped"}, "complete: its status is Stopped"),
    ],
)
def test_a_job_that_does_not_complete_says_why(
    context: Context, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch, fields: dict[str, str], sentence: str
) -> None:
    describe = sagemaker.describe_training_job
    monkeypatch.setattr(sagemaker, "describe_training_job", lambda **name: describe(**name) | fields)
    with pytest.raises(TrainingJobError, match=sentence):
        train.train(context, DATASET, TrainOptions())
    assert not (context.directory / "metrics.csv").exists()


# Refusals ----------------------------------------------------------------------------------------------------

THROTTLED = client_error("ThrottlingException", "Rate exceeded")


def test_a_throttled_job_is_followed_to_its_end(context: Context, sagemaker: SageMaker) -> None:
    start(sagemaker, "s-20260101-000000", OURS)
    logs = context.clients.__dict__["logs"] = Logs(LINES, stream="s-20260101-000000/algo-1-1")
    refuse(logs, "describe_log_streams", THROTTLED, THROTTLED)
    model = train.train(context, DATASET, TrainOptions())
    assert (model.training_job_name, model.validation_accuracy) == ("s-20260101-000000", 0.9)


@pytest.mark.parametrize(("code", "least"), [("ThrottlingException", train.LOG_SECONDS), ("InternalFailure", 0)])
def test_an_unreadable_log_costs_the_metrics_not_the_model(
    context: Context, monkeypatch: pytest.MonkeyPatch, code: str, least: int
) -> None:
    clock = Clock()
    monkeypatch.setattr(train, "time", clock)
    monkeypatch.setattr(train, "POLL_SECONDS", 1.0)
    metrics = reader(Logs(LINES))
    refuse(metrics, "read", *[client_error(code)] * 1000)
    train.read_last(context, metrics)
    assert least <= clock.now <= least + 1
    assert "The metrics are incomplete: " in printed(context)
