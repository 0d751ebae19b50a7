"""Training jobs: Create, Describe, List, Stop and Delete."""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from localcloud.sagemaker import roles
from localcloud.sagemaker.errors import ServiceError, invalid
from localcloud.sagemaker.images import ImageNotFoundError, Program, program_for
from localcloud.sagemaker.jobs.actions import Jobs
from localcloud.sagemaker.jobs.record import ENDED
from localcloud.sagemaker.store import TRAINING_JOB, Resource
from localcloud.sagemaker.training.description import described
from localcloud.sagemaker.training.metrics import metric_definitions
from localcloud.sagemaker.training.record import TrainingRecord
from localcloud.sagemaker.training.run import TrainingRun
from localcloud.sagemaker.transfer import is_empty_prefix, split_uri


class TrainingJobs(Jobs):
    kind = TRAINING_JOB
    record_type = TrainingRecord
    run_type = TrainingRun
    name_taken = (
        "Training job names must be unique within an AWS account and region, and a training job with this name "
        "already exists"
    )

    def check(self, params: dict[str, Any], region: str) -> None:
        check_job(params)
        roles.check_assumable(params["RoleArn"])
        check_input(params, region)

    @classmethod
    def described(cls, params: dict[str, Any], created: float) -> Resource:
        return {
            **described(params, definitions_of(params["AlgorithmSpecification"]), created),
            "SecondaryStatus": "Starting",
            "SecondaryStatusTransitions": [],
        }

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        job = self.describe(params)
        if job["TrainingJobStatus"] not in ENDED:
            raise ServiceError("ResourceInUse", f"Training job {job['TrainingJobName']} is still running.")
        self._store.delete(TRAINING_JOB, job["TrainingJobArn"])
        return {}


def definitions_of(specification: dict[str, Any]) -> Mapping[str, str]:
    """Return the metric definitions of a job: the image's own, when it is a built-in algorithm's."""
    try:
        program = program_for(specification["TrainingImage"])
    except ImageNotFoundError:
        return metric_definitions(specification)
    return program.metric_definitions or metric_definitions(specification)


def check_job(params: dict[str, Any]) -> None:
    """Refuse what AWS refuses although botocore's model allows it."""
    for member in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
        if member not in params:
            raise invalid(f"A training job needs {member}.")
    if not params["AlgorithmSpecification"].get("TrainingImage"):
        raise invalid("A training job needs AlgorithmSpecification.TrainingImage.")
    check_program(params["AlgorithmSpecification"])
    check_waiting_time(params)


def check_program(specification: dict[str, Any]) -> None:
    """Refuse a program that the image does not take, or that this cloud does not run.

    An image that does not exist is no reason: AWS looks for it when the job has started.
    """
    definitions = metric_definitions(specification)
    for name, regex in definitions.items():
        check_regex(name, regex)
    try:
        program = program_for(specification["TrainingImage"])
    except ImageNotFoundError:
        return
    if definitions and program.is_built_in:
        raise invalid(
            "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request "
            "without specifying metric definitions."
        )
    check_entrypoint(specification, program)


def check_regex(name: str, regex: str) -> None:
    try:
        groups = re.compile(regex).groups
    except re.error as err:
        raise invalid(f"The regular expression of the metric definition {name} is invalid: {err}.") from err
    if not groups:
        raise invalid(f"The regular expression of the metric definition {name} needs a group for the value.")


def check_entrypoint(specification: dict[str, Any], program: Program) -> None:
    given = [one for one in ("ContainerEntrypoint", "ContainerArguments") if specification.get(one)]
    image = specification["TrainingImage"]
    if given and program.is_built_in:
        raise invalid(f"The local cloud does not emulate AlgorithmSpecification.{given[0]} of the image {image}.")
    if "ContainerEntrypoint" not in given and not program.trains:
        raise invalid(
            f"The local cloud does not emulate SageMaker's training toolkit, which the image {image} starts when "
            "AlgorithmSpecification.ContainerEntrypoint is missing."
        )


def check_waiting_time(params: dict[str, Any]) -> None:
    limits = params["StoppingCondition"]
    waiting = limits.get("MaxWaitTimeInSeconds")
    if not params.get("EnableManagedSpotTraining"):
        if waiting is not None:
            raise invalid(
                "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
            )
    elif waiting is None or waiting < limits.get("MaxRuntimeInSeconds", 0):
        raise invalid(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )


def check_input(params: dict[str, Any], region: str) -> None:
    """Raise AWS's ValidationException for a channel without objects, or one that the role may not list."""
    s3 = roles.client("s3", params["RoleArn"], region)
    for channel in params.get("InputDataConfig", []):
        if "S3DataSource" not in channel["DataSource"]:
            raise invalid(f"The channel {channel['ChannelName']} needs a DataSource.S3DataSource.")
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        try:
            problem = "" if is_empty_prefix(s3, uri) else None
        except ClientError as err:
            problem = f" Error message from S3: {err.response['Error']['Message']}"
        if problem is not None:
            raise invalid(
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
                f"exists in the selected region ({region}), that objects exist under that S3 prefix, and that the role "
                f'"{params["RoleArn"]}" has "s3:ListBucket" permissions on bucket "{split_uri(uri)[0]}".{problem}'
            )
