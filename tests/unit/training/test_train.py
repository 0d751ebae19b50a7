"""The train step: one job per dataset, never two at once, and its metrics."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import (
    DATASET,
    OURS,
    STACK,
    THEIRS,
    Bucket,
    Clock,
    Logs,
    client_error,
    make_context,
    printed,
    refuse,
    tags_of,
)
from training import train
from training.context import Context
from training.errors import EndpointError, TrainingJobError
from training.job_metrics import MetricReader
from training.options import TrainOptions
from training.programs.choice import choose_program
from training.results import TrainedModel

LINES = ["Start training", "Epoch[0] Train-accuracy=0.500000", "Epoch[0] Validation-accuracy=0.900000"]
CHANNELS = ("train", "validation", "train_lst", "validation_lst")
PROGRAM = choose_program(STACK, DATASET, TrainOptions())
OWN_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/scones:1"


def code_channel(uri: str) -> list[dict[str, Any]]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return [{"ChannelName": "code", "DataSource": {"S3DataSource": source}}]


CODE = code_channel(PROGRAM.code.uri if PROGRAM.code else "")
OTHER_CODE = code_channel("s3://photos/code/0/")


def test_channels_keep_images_lists_and_code_apart() -> None:
    uris = {c.channel_name: c.data_source.s3_data_source.s3_uri for c in train.channels("photos", PROGRAM)}
    assert PROGRAM.code is not None
    assert uris == {
        "train": "s3://photos/images/train/",
        "validation": "s3://photos/images/validation/",
        "train_lst": "s3://photos/lists/train.lst",
        "validation_lst": "s3://photos/lists/validation.lst",
        "code": PROGRAM.code.uri,
    }


# The job -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sagemaker() -> SageMaker:
    return SageMaker()


@pytest.fixture
def context(sagemaker: SageMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setattr(train, "POLL_SECONDS", 0.0)
    return make_context(tmp_path, sagemaker=sagemaker, logs=Logs(LINES, stream="s-"), s3=Bucket())


def start(
    sagemaker: SageMaker, name: str, tags: list[dict[str, str]], status: str = "InProgress", **changes: Any
) -> None:
    """Start the job of the default options, as another run would; `changes` replace fields of its request."""
    request: dict[str, Any] = {
        "AlgorithmSpecification": {"TrainingImage": PROGRAM.image_uri, "TrainingInputMode": "File"},
        "InputDataConfig": CODE,
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Environment": {"TRAINING_SEED": "0"},
        "HyperParameters": PROGRAM.hyperparameters,
    }
    sagemaker.create_training_job(tags, status, TrainingJobName=name, **request | changes)


def test_a_job_is_created_for_the_dataset(context: Context, sagemaker: SageMaker) -> None:
    model = train.train(context, DATASET, TrainOptions(max_runtime=60, seed=7))
    (job,) = sagemaker.jobs.values()
    assert job["TrainingJobName"].startswith("s-20")
    assert job["HyperParameters"]["num_training_samples"] == "90"
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}
    assert job["Environment"] == {"TRAINING_SEED": "7", "PYTHONPATH": "/opt/ml/input/data/code"}
    assert sagemaker.tags[job["TrainingJobArn"]] == OURS
    assert model.training_job_name == job["TrainingJobName"]
    assert model.model_data_url == job["ModelArtifacts"]["S3ModelArtifacts"]
    assert model.seconds == 42
    assert (model.num_classes, model.dataset_fingerprint, model.program) == (2, "f", "own")


def train_with_log(context: Context, sagemaker: SageMaker, lines: list[str]) -> TrainedModel:
    """Follow a job that has logged these lines."""
    start(sagemaker, "s-20260101-000000", OURS)
    context.clients.__dict__["logs"] = Logs(lines, stream="s-20260101-000000/algo-1-1")
    return train.train(context, DATASET, TrainOptions())


def test_the_accuracy_on_unseen_photos_and_its_interval_are_kept_and_printed(
    context: Context, sagemaker: SageMaker
) -> None:
    kept = "Kept epoch 3, temperature 0.600: accuracy on 80 unseen images 0.8500 (0.7562 to 0.9118), by epoch 1."
    model = train_with_log(context, sagemaker, [*LINES, kept])
    assert (model.validation_accuracy, model.validation_interval) == (0.85, (0.7562, 0.9118))
    assert model.validation_images == 80
    assert "Accuracy 0.8500 on 80 unseen photos (95 % interval 0.7562 to 0.9118)." in printed(context)


def test_an_accuracy_without_an_interval_is_printed_alone(context: Context, sagemaker: SageMaker) -> None:
    assert train_with_log(context, sagemaker, LINES).validation_interval == ()
    assert "Validation accuracy 0.9000." in printed(context)


def test_an_unknown_accuracy_is_said(context: Context, sagemaker: SageMaker) -> None:
    context.clients.__dict__["logs"] = Logs([], stream="s-")
    assert math.isnan(train.train(context, DATASET, TrainOptions()).validation_accuracy)
    assert "do not say how accurate the model is" in printed(context)


@pytest.mark.parametrize("name", ["cross_validate", "hold_out"])
def test_our_hyperparameters_are_refused_for_the_built_in_algorithm(
    context: Context, sagemaker: SageMaker, name: str
) -> None:
    with pytest.raises(TrainingJobError, match=f"does not know {name}: leave that out, or use --algorithm own"):
        train.train(context, DATASET, TrainOptions(algorithm="builtin", hyperparameters={name: "1"}))
    assert sagemaker.jobs == {}


def test_our_program_is_started_by_an_entrypoint_and_measured_by_our_definitions(
    context: Context, sagemaker: SageMaker
) -> None:
    train.train(context, DATASET, TrainOptions())
    (job,) = sagemaker.jobs.values()
    assert job["AlgorithmSpecification"] == {
        "TrainingImage": PROGRAM.image_uri,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python", "-m", "algorithm", "train"],
        "MetricDefinitions": [{"Name": name, "Regex": regex} for name, regex in PROGRAM.metric_definitions.items()],
    }
    assert [one for one in job["InputDataConfig"] if one["ChannelName"] == "code"] == CODE


def test_the_code_is_in_the_bucket_before_the_job_is_created(
    context: Context, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, stored = sagemaker.create_training_job, []

    def create_and_look(**request: Any) -> None:
        stored.append(sorted(context.clients.s3.objects))  # type: ignore[attr-defined]
        create(**request)

    monkeypatch.setattr(sagemaker, "create_training_job", create_and_look)
    train.train(context, DATASET, TrainOptions())
    assert PROGRAM.code is not None
    prefix = PROGRAM.code.uri.removeprefix("s3://photos/")
    assert stored == [sorted(prefix + name for name in PROGRAM.code.files)]


def test_an_image_of_one_s_own_is_started_by_itself(context: Context, sagemaker: SageMaker) -> None:
    model = train.train(context, DATASET, TrainOptions(image_uri=OWN_IMAGE))
    (job,) = sagemaker.jobs.values()
    assert job["AlgorithmSpecification"]["TrainingImage"] == OWN_IMAGE
    assert "ContainerEntrypoint" not in job["AlgorithmSpecification"]
    assert job["Environment"] == {"TRAINING_SEED": "0"}
    assert "code" not in [one["ChannelName"] for one in job["InputDataConfig"]]
    assert (model.image_uri, model.program) == (OWN_IMAGE, "image")
    assert context.clients.s3.objects == {}  # type: ignore[attr-defined]


def test_the_built_in_algorithm_gets_nothing_of_ours(context: Context, sagemaker: SageMaker) -> None:
    model = train.train(context, DATASET, TrainOptions(algorithm="builtin", seed=7))
    (job,) = sagemaker.jobs.values()
    assert "/image-classification:" in job["AlgorithmSpecification"].pop("TrainingImage")
    assert job["AlgorithmSpecification"] == {"TrainingInputMode": "File"}
    assert "Environment" not in job
    assert [one["ChannelName"] for one in job["InputDataConfig"]] == list(CHANNELS)
    assert job["HyperParameters"]["use_pretrained_model"] == "1"
    assert job["ResourceConfig"]["InstanceType"] == "ml.g4dn.xlarge"
    assert model.program == "builtin"
    assert context.clients.s3.objects == {}  # type: ignore[attr-defined]


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


@pytest.mark.parametrize(
    "options",
    [
        TrainOptions("ml.c5.xlarge", 60, {"epochs": "3"}, 7),
        TrainOptions(seed=7, algorithm="builtin"),
        TrainOptions(seed=7, image_uri=OWN_IMAGE),
    ],
)
def test_a_job_of_the_same_dataset_and_options_is_followed(
    context: Context, sagemaker: SageMaker, options: TrainOptions
) -> None:
    train.create_job(context, DATASET, choose_program(STACK, DATASET, options), options.max_runtime)
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
        ("f", {"InputDataConfig": []}, "staged code is not set instead of s3://photos/code/"),
        ("f", {"InputDataConfig": OTHER_CODE}, "staged code is s3://photos/code/0/ instead of s3://photos/code/"),
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
    metrics = MetricReader(context.clients.logs, "job-1")
    refuse(metrics, "read", *[client_error(code)] * 1000)
    train.read_last(context, metrics)
    assert least <= clock.now <= least + 1
    assert "The metrics are incomplete: " in printed(context)
