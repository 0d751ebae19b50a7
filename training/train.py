"""Step `train`: a SageMaker training job with the built-in image-classification algorithm."""

import math
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
from botocore.exceptions import ClientError
from rich.text import Text
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

from training.adoption import SEED, Settings, running_job
from training.config import MODEL_PREFIX, image_prefix, list_key
from training.context import Context
from training.csv_files import write_csv
from training.errors import TrainingJobError
from training.options import TrainOptions
from training.provenance import check_endpoint_name, tags
from training.refusals import is_denied, is_missing, is_throttled, throttling_ignored
from training.results import Dataset, TrainedModel

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

ALGORITHM = "image-classification"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
POLL_SECONDS = 1.0
LOG_SECONDS = 60  # to wait for the log of a job that has ended while CloudWatch throttles
# What the algorithm prints: `Epoch[3] Validation-accuracy=0.912500`
# and, where `training/algorithm` runs, `Kept epoch 3: validation accuracy 0.9125, temperature 0.600.`
KEPT = re.compile(r"Kept epoch (\d+): validation accuracy (\d\.\d+)")
ACCURACIES = ("train:accuracy", "validation:accuracy")
METRIC = re.compile(r"Epoch\[(\d+)\] (Train|Validation)-(accuracy|cross-entropy)=(\S+)")


def train(context: Context, dataset: Dataset, options: TrainOptions) -> TrainedModel:
    """Train a model, or follow the job of this stack, dataset and options that is already under way.

    The metrics of all epochs are written to `<directory>/metrics.csv`.

    Raises:
        TrainingJobError: The job failed or was stopped, for SageMaker's reason, or a job with other settings runs.
        EndpointError: The stack's endpoint could not be deployed, whatever the model.
    """
    check_endpoint_name(context)  # before anything is paid for
    image_uri = algorithm_image(context.stack.region)
    wanted = wanted_settings(dataset, options, image_uri)
    job = running_job(context, wanted) or create_job(context, dataset, options, image_uri)
    context.console.print("Training job", Text(str(job.training_job_name), "bold"))
    metrics = follow(context, job)
    if job.training_job_status != "Completed":
        reason = value_or_empty(job.failure_reason) or f"its status is {job.training_job_status}"
        raise TrainingJobError(f"Training job {job.training_job_name} did not complete: {reason}")
    write_csv(metrics, context.directory / "metrics.csv")
    return TrainedModel(
        training_job_name=value_or_empty(job.training_job_name),
        model_data_url=value_or_empty(job.model_artifacts.s3_model_artifacts),
        image_uri=value_or_empty(job.algorithm_specification.training_image),
        validation_accuracy=validation_accuracy(metrics, job),
        seconds=float(job.training_time_in_seconds),
        num_classes=len(dataset.classes),
        dataset_fingerprint=dataset.fingerprint,
    )


def value_or_empty(field: Any) -> str:
    """Return a field of a SageMaker resource, or "" where the SDK has its placeholder for an unset one."""
    return field if isinstance(field, str) else ""


def wanted_settings(dataset: Dataset, options: TrainOptions, image_uri: str) -> Settings:
    """Return the settings of the job that `create_job` makes."""
    return {
        "dataset": dataset.fingerprint,
        "image": image_uri,
        "instance type": options.instance_type,
        "longest run in seconds": options.max_runtime,
        "seed": str(options.seed),
        **hyperparameters(dataset, options),
    }


def create_job(context: Context, dataset: Dataset, options: TrainOptions, image_uri: str) -> TrainingJob:
    """Create the training job; the dataset decides its required hyperparameters."""
    stack = context.stack
    job = TrainingJob.create(
        training_job_name=f"{stack.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}",
        role_arn=stack.execution_role_arn,
        algorithm_specification=AlgorithmSpecification(training_image=image_uri, training_input_mode="File"),
        hyper_parameters=hyperparameters(dataset, options),
        input_data_config=channels(stack.bucket),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{stack.bucket}/{MODEL_PREFIX}"),
        resource_config=ResourceConfig(instance_type=options.instance_type, instance_count=1, volume_size_in_gb=10),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=options.max_runtime),
        environment={SEED: str(options.seed)},
        tags=tags(context, dataset),
        session=context.clients.session,
        region=stack.region,
    )
    assert job is not None
    return job


def algorithm_image(region: str) -> str:
    """Return the URI of the built-in algorithm's image.

    Raises:
        TrainingJobError: AWS does not offer the algorithm in the region.
    """
    try:
        return str(image_uris.retrieve(ALGORITHM, region))
    except (ValueError, KeyError) as err:
        raise TrainingJobError(
            f"SageMaker's {ALGORITHM} algorithm has no image in {region}: deploy the stack in another region, "
            "such as us-east-1, and set AWS_DEFAULT_REGION to it."
        ) from err


def hyperparameters(dataset: Dataset, options: TrainOptions) -> dict[str, str]:
    """Return the algorithm's required hyperparameters, which follow from the data, and those that the user gave."""
    required = {
        "num_classes": str(len(dataset.classes)),
        "num_training_samples": str(dataset.train),
        "image_shape": ",".join(map(str, dataset.image_shape)),
    }
    return {**required, **options.hyperparameters}


def channels(bucket: str) -> list[Channel]:
    """Return the four channels that the algorithm reads: two of images, two of their labels."""
    keys = {
        "train": image_prefix("train"),
        "validation": image_prefix("validation"),
        "train_lst": list_key("train"),
        "validation_lst": list_key("validation"),
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
        for name, key in keys.items()
    ]


def follow(context: Context, job: TrainingJob) -> pd.DataFrame:
    """Show status and metrics until the job has ended; returns the metrics of all epochs."""
    metrics = MetricReader(context.clients.logs, job.training_job_name)
    with context.console.status("Starting") as status:
        while True:
            with throttling_ignored():
                job.refresh()
                metrics.read()
            status.update(Text(f"{job.secondary_status} {metrics.latest()}"))
            if job.training_job_status in ("Completed", "Failed", "Stopped"):
                break
            time.sleep(POLL_SECONDS)
        read_last(context, metrics)
    return metrics.frame()


def read_last(context: Context, metrics: "MetricReader") -> None:
    """Read the metrics of a job that has ended; a log that cannot be read must not cost the model."""
    deadline = time.monotonic() + LOG_SECONDS
    while True:
        try:
            return metrics.read()
        except ClientError as err:
            if not is_throttled(err) or time.monotonic() > deadline:
                return context.console.print(f"The metrics are incomplete: {err}", markup=False)
        time.sleep(POLL_SECONDS)


class MetricReader:
    """Reads the metrics that a training job has logged since the last read."""

    def __init__(self, logs: "CloudWatchLogsClient", training_job_name: str) -> None:
        self._logs = logs
        self._prefix = f"{training_job_name}/"
        self._stream = ""
        self._token = ""
        self._rows: list[dict[str, Any]] = []

    def read(self) -> None:
        """Read the lines since the last read; a log that is missing or forbidden counts as empty."""
        try:
            self._stream = self._stream or self._find_stream()
            if self._stream:
                self._read_events()
        except ClientError as err:
            if not is_missing(err) and not is_denied(err):
                raise

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
        """Return the last accuracies as a phrase, `""` while there are none."""
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
    """Return the validation accuracy of the kept epoch; the built-in algorithm keeps the most accurate epoch."""
    for name in ("kept:accuracy", "validation:accuracy"):
        values = metrics.loc[metrics["metric"] == name, "value"]
        if len(values):
            return float(values.max())
    final = job.final_metric_data_list if isinstance(job.final_metric_data_list, list) else []
    return next((float(metric.value) for metric in final if metric.metric_name == "validation:accuracy"), math.nan)
