"""Step `train`: a SageMaker training job with the program of the chosen algorithm."""

import math
import time
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from botocore.exceptions import ClientError
from rich.text import Text
from sagemaker.core.resources import TrainingJob
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    Channel,
    DataSource,
    MetricDefinition,
    OutputDataConfig,
    ResourceConfig,
    S3DataSource,
    StoppingCondition,
)

from training.adoption import Settings, running_job
from training.config import CODE_CHANNEL, MODEL_PREFIX, image_prefix, list_key
from training.context import Context
from training.csv_files import write_csv
from training.errors import TrainingJobError
from training.job_metrics import MetricReader, Validated, validated
from training.job_progress import ENDED, display
from training.options import TrainOptions
from training.programs.choice import choose_program
from training.programs.code import stage_code
from training.programs.program import SEED, Program
from training.provenance import check_endpoint_name, tags
from training.refusals import is_throttled, throttling_ignored
from training.results import Dataset, TrainedModel

POLL_SECONDS = 1.0
LOG_SECONDS = 60  # to wait for the log of a job that has ended while CloudWatch throttles


def train(context: Context, dataset: Dataset, options: TrainOptions) -> TrainedModel:
    """Train a model, or follow the job of this stack, dataset and options that is already under way.

    The metrics of all epochs are written to `<directory>/metrics.csv`.

    Raises:
        TrainingJobError: The job failed or was stopped, for SageMaker's reason, or a job with other settings runs, or
            AWS does not offer the algorithm's image in the region.
        EndpointError: The stack's endpoint could not be deployed, whatever the model.
    """
    check_endpoint_name(context)  # before anything is paid for
    program = choose_program(context.stack, dataset, options)
    wanted = wanted_settings(dataset, program, options.max_runtime)
    job = running_job(context, wanted) or create_job(context, dataset, program, options.max_runtime)
    context.console.print("Training job", Text(str(job.training_job_name), "bold"))
    metrics = follow(context, job)
    if job.training_job_status != "Completed":
        reason = value_or_empty(job.failure_reason) or f"its status is {job.training_job_status}"
        raise TrainingJobError(f"Training job {job.training_job_name} did not complete: {reason}")
    write_csv(metrics, context.directory / "metrics.csv")
    found = validated(metrics, job)
    context.console.print(accuracy_sentence(found), markup=False)
    return TrainedModel(
        training_job_name=value_or_empty(job.training_job_name),
        model_data_url=value_or_empty(job.model_artifacts.s3_model_artifacts),
        image_uri=value_or_empty(job.algorithm_specification.training_image),
        program=program.name,
        validation_accuracy=found.accuracy,
        validation_interval=found.interval,
        validation_images=found.images,
        seconds=float(job.training_time_in_seconds),
        num_classes=len(dataset.classes),
        dataset_fingerprint=dataset.fingerprint,
    )


def accuracy_sentence(found: Validated) -> str:
    """Return what is known about the model before it has seen the test photos."""
    if math.isnan(found.accuracy):
        return "The job's log and metrics do not say how accurate the model is."
    if not found.interval:
        return f"Validation accuracy {found.accuracy:.4f}."
    low, high = found.interval
    return f"Accuracy {found.accuracy:.4f} on {found.images} unseen photos (95 % interval {low:.4f} to {high:.4f})."


def value_or_empty(field: Any) -> str:
    """Return a field of a SageMaker resource, or "" where the SDK has its placeholder for an unset one."""
    return field if isinstance(field, str) else ""


def wanted_settings(dataset: Dataset, program: Program, max_runtime: int) -> Settings:
    """Return the settings of the job that `create_job` makes."""
    return {
        "dataset": dataset.fingerprint,
        "image": program.image_uri,
        "instance type": program.instance_type,
        "longest run in seconds": max_runtime,
        "seed": program.environment.get(SEED),
        "staged code": program.code.uri if program.code else None,
        **program.hyperparameters,
    }


def create_job(context: Context, dataset: Dataset, program: Program, max_runtime: int) -> TrainingJob:
    """Create the training job, once the code that it reads is in the bucket.

    Args:
        max_runtime: Seconds after which SageMaker stops the job.
    """
    stack = context.stack
    if program.code:
        stage_code(program.code, context.clients.s3)
    job = TrainingJob.create(
        training_job_name=f"{stack.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}",
        role_arn=stack.execution_role_arn,
        algorithm_specification=algorithm_specification(program),
        hyper_parameters=dict(program.hyperparameters),
        input_data_config=channels(stack.bucket, program),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{stack.bucket}/{MODEL_PREFIX}"),
        resource_config=ResourceConfig(instance_type=program.instance_type, instance_count=1, volume_size_in_gb=10),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=max_runtime),
        tags=tags(context, dataset),
        session=context.clients.session,
        region=stack.region,
        **({"environment": dict(program.environment)} if program.environment else {}),
    )
    assert job is not None
    return job


def algorithm_specification(program: Program) -> AlgorithmSpecification:
    """Return the image and how it is started; what the program leaves to the image is not in the request."""
    definitions = [MetricDefinition(name=name, regex=regex) for name, regex in program.metric_definitions.items()]
    return AlgorithmSpecification(
        training_image=program.image_uri,
        training_input_mode="File",
        **({"container_entrypoint": list(program.entrypoint)} if program.entrypoint else {}),
        **({"metric_definitions": definitions} if definitions else {}),
    )


def channels(bucket: str, program: Program) -> list[Channel]:
    """Return the four channels of the photos, two of images and two of their labels, and that of the code, if any."""
    keys = {
        "train": image_prefix("train"),
        "validation": image_prefix("validation"),
        "train_lst": list_key("train"),
        "validation_lst": list_key("validation"),
    }
    photos = [
        Channel(channel_name=name, content_type="application/x-image", data_source=data_source(f"s3://{bucket}/{key}"))
        for name, key in keys.items()
    ]
    code = [Channel(channel_name=CODE_CHANNEL, data_source=data_source(program.code.uri))] if program.code else []
    return photos + code


def data_source(uri: str) -> DataSource:
    """Return all objects whose keys begin with the URI's."""
    return DataSource(
        s3_data_source=S3DataSource(s3_data_type="S3Prefix", s3_uri=uri, s3_data_distribution_type="FullyReplicated")
    )


def follow(context: Context, job: TrainingJob) -> pd.DataFrame:
    """Show status, epochs and accuracies until the job has ended; returns the metrics of all epochs."""
    metrics = MetricReader(context.clients.logs, job.training_job_name, planned_epochs(job))
    with display(context.console) as shown:
        while True:
            with throttling_ignored():
                job.refresh()
                metrics.read()
            if job.training_job_status in ENDED:
                break
            shown.update(value_or_empty(job.secondary_status), metrics)
            time.sleep(POLL_SECONDS)
        read_last(context, metrics)
        shown.update(str(job.training_job_status), metrics)
    return metrics.frame()


def planned_epochs(job: TrainingJob) -> int | None:
    """Return how many epochs the job's request names, None when it leaves them to the program."""
    given = job.hyper_parameters if isinstance(job.hyper_parameters, dict) else {}
    value = str(given.get("epochs", ""))
    return int(value) if value.isascii() and value.isdigit() else None


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
