"""Step `train`: a SageMaker training job with the built-in image-classification algorithm."""

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from botocore.exceptions import ClientError
from rich.console import Console
from sagemaker.core import image_uris
from sagemaker.core.resources import TrainingJob
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    Channel,
    DataSource,
    OutputDataConfig,
    ResourceConfig,
    S3DataSource,
    StoppingCondition,
)

from training.config import IMAGE_PREFIX, LIST_PREFIX, MODEL_PREFIX, STACK_TAG, Stack
from training.errors import TrainingJobError
from training.results import Dataset, TrainedModel

if TYPE_CHECKING:
    from boto3 import Session
    from mypy_boto3_logs import CloudWatchLogsClient

ALGORITHM = "image-classification"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
POLL_SECONDS = 1.0
# What the algorithm prints: `Epoch[3] Validation-accuracy=0.912500`
# and, where `training/algorithm` runs, `Kept epoch 3: validation accuracy 0.9125, temperature 0.600.`
KEPT = re.compile(r"Kept epoch (\d+): validation accuracy (\d\.\d+)")
ACCURACIES = ("train:accuracy", "validation:accuracy")
METRIC = re.compile(r"Epoch\[(\d+)\] (Train|Validation)-(accuracy|cross-entropy)=(\S+)")


@dataclass(frozen=True)
class TrainingOptions:
    """How to train, beyond what the dataset says."""

    instance_type: str
    max_runtime: int  # seconds
    seed: int
    hyperparameters: dict[str, str] = field(default_factory=dict)  # those that the user gave


def train(
    stack: Stack, dataset: Dataset, options: TrainingOptions, directory: Path,
    session: "Session", logs: "CloudWatchLogsClient", console: Console,
) -> TrainedModel:  # fmt: skip
    """Train a model, or follow the job of this stack that is already under way.

    Metrics of all epochs are kept in `<directory>/metrics.csv`.

    Raises:
        TrainingJobError: The job failed or was stopped; the message is SageMaker's reason.
    """
    job = running_job(stack, session) or create_job(stack, dataset, options, session)
    console.print(f"Training job [bold]{job.training_job_name}[/]")
    metrics = follow(job, logs, console)
    if job.training_job_status != "Completed":
        reason = text(job.failure_reason) or f"its status is {job.training_job_status}"
        raise TrainingJobError(f"Training job {job.training_job_name} did not complete: {reason}")
    metrics.to_csv(directory / "metrics.csv", index=False)
    return TrainedModel(
        training_job_name=text(job.training_job_name),
        model_data_url=text(job.model_artifacts.s3_model_artifacts),
        image_uri=text(job.algorithm_specification.training_image),
        validation_accuracy=validation_accuracy(metrics, job),
        seconds=float(job.training_time_in_seconds),
    )


def text(value: Any) -> str:
    """Return a field of a SageMaker resource; one that is not set is falsy, and not a string."""
    return value if isinstance(value, str) else ""


def running_job(stack: Stack, session: "Session") -> TrainingJob | None:
    """Return this stack's job that an interrupted run left running: it need not be paid for twice."""
    jobs = TrainingJob.get_all(
        name_contains=f"{stack.name}-", status_equals="InProgress", session=session, region=stack.region
    )
    return next((job for job in jobs if job.training_job_name.startswith(f"{stack.name}-")), None)


def create_job(stack: Stack, dataset: Dataset, options: TrainingOptions, session: "Session") -> TrainingJob:
    image_uri = image_uris.retrieve(ALGORITHM, stack.region)
    job = TrainingJob.create(
        training_job_name=f"{stack.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}",
        role_arn=stack.execution_role_arn,
        algorithm_specification=AlgorithmSpecification(training_image=image_uri, training_input_mode="File"),
        hyper_parameters=hyperparameters(dataset, options),
        input_data_config=channels(stack.bucket),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{stack.bucket}/{MODEL_PREFIX}"),
        resource_config=ResourceConfig(instance_type=options.instance_type, instance_count=1, volume_size_in_gb=10),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=options.max_runtime),
        environment={"TRAINING_SEED": str(options.seed)},  # the built-in algorithm has no hyperparameter for it
        tags=[{"key": STACK_TAG, "value": stack.name}],
        session=session,
        region=stack.region,
    )
    assert job is not None
    return job


def hyperparameters(dataset: Dataset, options: TrainingOptions) -> dict[str, str]:
    """Return the algorithm's required hyperparameters, from the data, and those that the user gave."""
    required = {
        "num_classes": str(len(dataset.classes)),
        "num_training_samples": str(dataset.train),
        "image_shape": ",".join(map(str, dataset.image_shape)),
    }
    return required | options.hyperparameters


def channels(bucket: str) -> list[Channel]:
    """Return the four channels that the algorithm reads: two of images, two of their labels."""
    uris = {
        "train": f"{IMAGE_PREFIX}/train/",
        "validation": f"{IMAGE_PREFIX}/validation/",
        "train_lst": f"{LIST_PREFIX}/train.lst",
        "validation_lst": f"{LIST_PREFIX}/validation.lst",
    }
    return [
        Channel(
            channel_name=name,
            content_type="application/x-image",
            data_source=DataSource(
                s3_data_source=S3DataSource(
                    s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/{key}", s3_data_distribution_type="FullyReplicated"
                )
            ),
        )
        for name, key in uris.items()
    ]


def follow(job: TrainingJob, logs: "CloudWatchLogsClient", console: Console) -> pd.DataFrame:
    """Show status and metrics as they come; returns the metrics of all epochs when the job has ended."""
    metrics = MetricReader(logs, job.training_job_name)
    with console.status("Starting") as status:
        while True:
            job.refresh()
            metrics.read()
            status.update(f"{job.secondary_status} {metrics.latest()}")
            if job.training_job_status in ("Completed", "Failed", "Stopped"):
                break
            time.sleep(POLL_SECONDS)
    metrics.read()
    return metrics.frame()


class MetricReader:
    """Reads the metrics that a training job has logged since the last read."""

    def __init__(self, logs: "CloudWatchLogsClient", training_job_name: str) -> None:
        self._logs = logs
        self._prefix = f"{training_job_name}/"
        self._stream = ""
        self._token = ""
        self._rows: list[dict[str, Any]] = []

    def read(self) -> None:
        """Read what is new; a log that is not there yet, or may not be read, has nothing new."""
        try:
            self._stream = self._stream or self._find_stream()
            if self._stream:
                self._read_events()
        except ClientError:
            return

    def _find_stream(self) -> str:
        found = self._logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=self._prefix)["logStreams"]
        return found[0]["logStreamName"] if found else ""

    def _read_events(self) -> None:
        while True:
            token: Any = {"nextToken": self._token} if self._token else {}
            page = self._logs.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=self._stream, startFromHead=True, **token
            )
            for event in page["events"]:
                self._rows += metric_rows(event["message"])
            if page["nextForwardToken"] == self._token:
                return
            self._token = page["nextForwardToken"]

    def latest(self) -> str:
        """Return the last accuracies in a few words, `""` while there are none."""
        last = {row["metric"]: row for row in self._rows if row["metric"] in ACCURACIES}
        if not last:
            return ""
        epoch = max(row["epoch"] for row in last.values())
        accuracies = (f"{name.split(':')[0]} accuracy {row['value']:.3f}" for name, row in last.items())
        return f"epoch {epoch}: {', '.join(accuracies)}"

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self._rows, columns=["epoch", "metric", "value"])


def metric_rows(line: str) -> list[dict[str, Any]]:
    """Return the metrics in a log line: epoch (from 0), metric and value."""
    if found := METRIC.search(line):
        epoch, split, name, value = found.groups()
        return [{"epoch": int(epoch), "metric": f"{split.lower()}:{name}", "value": float(value)}]
    if found := KEPT.search(line):
        return [{"epoch": int(found[1]), "metric": "kept:accuracy", "value": float(found[2])}]
    return []


def validation_accuracy(metrics: pd.DataFrame, job: TrainingJob) -> float:
    """Return the validation accuracy of the epoch that was kept; the built-in algorithm keeps the most accurate one."""
    for name in ("kept:accuracy", "validation:accuracy"):
        values = metrics.loc[metrics["metric"] == name, "value"]
        if len(values):
            return float(values.max())
    final = job.final_metric_data_list if isinstance(job.final_metric_data_list, list) else []
    return next((float(one.value) for one in final if one.metric_name == "validation:accuracy"), float("nan"))
