"""Which running training job a new run may follow instead of paying for another one."""

from collections.abc import Mapping
from typing import Any

from sagemaker.core.resources import TrainingJob

from training.config import CODE_CHANNEL, DATASET_TAG
from training.context import Context
from training.errors import TrainingJobError
from training.programs.program import SEED

Settings = Mapping[str, object]  # what decides the model that a job trains, under the names that a user knows


def running_job(context: Context, wanted: Settings) -> TrainingJob | None:
    """Return the job that an interrupted run of this stack left running with these settings, None without a job.

    Raises:
        TrainingJobError: A job of this stack runs with other settings.
    """
    refusals = []
    for job in jobs_under_way(context):
        tags = context.tags_of(str(job.training_job_arn))
        if not context.is_ours(tags):
            continue
        request = context.clients.sagemaker.describe_training_job(TrainingJobName=str(job.training_job_name))
        differing = differences(settings_of(request, tags), wanted)
        if not differing:
            return job
        refusals.append(refusal(str(job.training_job_name), differing))
    if refusals:
        raise TrainingJobError(refusals[0])
    return None


def jobs_under_way(context: Context) -> list[TrainingJob]:
    """Return the jobs whose names contain the stack's, which another stack's may do too."""
    session, region = context.clients.session, context.stack.region
    return list(
        TrainingJob.get_all(
            name_contains=context.stack.name, status_equals="InProgress", session=session, region=region
        )
    )


def settings_of(request: Mapping[str, Any], tags: Mapping[str, str]) -> Settings:
    """Return the settings of a job, read from its description and its tags."""
    return {
        "dataset": tags.get(DATASET_TAG),
        "image": request["AlgorithmSpecification"].get("TrainingImage"),
        "instance type": request["ResourceConfig"].get("InstanceType"),
        "longest run in seconds": request["StoppingCondition"].get("MaxRuntimeInSeconds"),
        "seed": request.get("Environment", {}).get(SEED),
        "staged code": code_uri(request),
        **request.get("HyperParameters", {}),
    }


def code_uri(request: Mapping[str, Any]) -> str | None:
    """Return where a job has its code from, None for a program that brings it along."""
    sources = {channel["ChannelName"]: channel["DataSource"] for channel in request.get("InputDataConfig", [])}
    return sources[CODE_CHANNEL]["S3DataSource"]["S3Uri"] if CODE_CHANNEL in sources else None


def differences(running: Settings, wanted: Settings) -> list[str]:
    """Return a phrase for each setting that differs."""
    return [
        f"{name} is {phrase(running.get(name))} instead of {phrase(wanted.get(name))}"
        for name in sorted({*running, *wanted})
        if running.get(name) != wanted.get(name)
    ]


def phrase(value: object) -> str:
    return "not set" if value is None else str(value)


def refusal(name: str, differing: list[str]) -> str:
    """Return the sentence for a job with other settings."""
    return (
        f"Training job {name} of this stack is running with other settings ({', '.join(differing)}): wait until it has "
        f"ended, or stop it with `aws sagemaker stop-training-job --training-job-name {name}`, then run train again."
    )
