"""Training jobs: Create, Describe, List, Stop and Delete."""

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud.files import inside
from localcloud.sagemaker import roles
from localcloud.sagemaker.errors import ServiceError, invalid
from localcloud.sagemaker.images import ImageNotFoundError, Program, program_for
from localcloud.sagemaker.listing import list_resources
from localcloud.sagemaker.store import TRAINING_JOB, Resource, Store, arn_of, now, region_of
from localcloud.sagemaker.training.description import described
from localcloud.sagemaker.training.metrics import metric_definitions
from localcloud.sagemaker.training.record import ENDED, JobRecord
from localcloud.sagemaker.training.run import TrainingRun
from localcloud.sagemaker.transfer import is_empty_prefix, split_uri

CLOUD_STOPPED = "InternalServerError: the local cloud was stopped while the job ran."


class TrainingJobs:
    """The training jobs of this cloud; each has a thread that runs its process."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._runs: dict[str, TrainingRun] = {}  # by ARN, of the jobs that run

    # Actions -------------------------------------------------------------------------------------------------

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = arn_of(TRAINING_JOB, params["TrainingJobName"])
        if self._store.get(TRAINING_JOB, arn):
            raise in_use(arn)
        check_job(params)
        roles.check_assumable(params["RoleArn"])
        check_input(params, region_of(arn))
        if not self._store.add(TRAINING_JOB, arn, new_job(arn, params), params.get("Tags", [])):
            raise in_use(arn)
        base = inside(self._directory, f"{region_of(arn)}/{params['TrainingJobName']}")
        run = TrainingRun(JobRecord(self._store, arn), base)
        self._runs[arn] = run
        threading.Thread(target=self._follow, args=(arn, run), name=params["TrainingJobName"], daemon=True).start()
        return {"TrainingJobArn": arn}

    def _follow(self, arn: str, run: TrainingRun) -> None:
        run.run()
        self._runs.pop(arn, None)

    def describe(self, params: dict[str, Any]) -> Resource:
        job = self._store.get(TRAINING_JOB, arn_of(TRAINING_JOB, params["TrainingJobName"]))
        if job is None:
            raise invalid("Requested resource not found.")
        return job

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        return list_resources(self._store.in_scope(TRAINING_JOB), params, "TrainingJob", "TrainingJobSummaries")

    def stop(self, params: dict[str, Any]) -> dict[str, Any]:
        job = self.describe(params)
        run = self._runs.get(job["TrainingJobArn"])
        if run is None or job["TrainingJobStatus"] in ENDED:
            raise invalid(f"The request was rejected because the training job is in status {job['TrainingJobStatus']}.")
        run.stop()
        return {}

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        job = self.describe(params)
        if job["TrainingJobStatus"] not in ENDED:
            raise ServiceError("ResourceInUse", f"Training job {job['TrainingJobName']} is still running.")
        self._store.delete(TRAINING_JOB, job["TrainingJobArn"])
        return {}

    # Start and stop of the cloud ---------------------------------------------------------------------------

    def start(self) -> None:
        """Fail the jobs that were running when the cloud was killed: their processes are gone."""
        for arn, job in self._store.all(TRAINING_JOB).items():
            if job["TrainingJobStatus"] not in ENDED:
                JobRecord(self._store, arn).fail(CLOUD_STOPPED)

    def stop_all(self) -> None:
        """End the processes of all jobs at once, without a model."""
        for run in list(self._runs.values()):
            run.abandon(CLOUD_STOPPED)


def new_job(arn: str, params: dict[str, Any]) -> Resource:
    created = now()
    return {
        **described(params, definitions_of(params["AlgorithmSpecification"]), created),
        "TrainingJobArn": arn,
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [],
        "CreationTime": created,
        "LastModifiedTime": created,
    }


def definitions_of(specification: dict[str, Any]) -> Mapping[str, str]:
    """Return the metric definitions of a job: the image's own, when it is a built-in algorithm's."""
    try:
        program = program_for(specification["TrainingImage"])
    except ImageNotFoundError:
        return metric_definitions(specification)
    return program.metric_definitions or metric_definitions(specification)


def in_use(arn: str) -> ServiceError:
    return ServiceError(
        "ResourceInUse",
        "Training job names must be unique within an AWS account and region, and a training job with this name "
        f"already exists ({arn})",
    )


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
