"""Processing jobs: Create, Describe, List and Stop."""

import threading
from pathlib import Path
from typing import Any

from localcloud.files import inside
from localcloud.sagemaker import roles
from localcloud.sagemaker.errors import ServiceError, invalid
from localcloud.sagemaker.listing import list_resources
from localcloud.sagemaker.processing.record import ENDED, JobRecord
from localcloud.sagemaker.processing.run import ProcessingRun
from localcloud.sagemaker.store import PROCESSING_JOB, Resource, Store, arn_of, now, region_of

CLOUD_STOPPED = "InternalServerError: the local cloud was stopped while the job ran."
LOCAL_PATH = "/opt/ml/processing/"
DEFAULT_MAX_RUNTIME = 86_400  # seconds
NOT_DESCRIBED = ("Tags",)


class ProcessingJobs:
    """The processing jobs of this cloud; each has a thread that runs its process."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._runs: dict[str, ProcessingRun] = {}  # by ARN, of the jobs that run

    # Actions -------------------------------------------------------------------------------------------------

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = arn_of(PROCESSING_JOB, params["ProcessingJobName"])
        if self._store.get(PROCESSING_JOB, arn):
            raise in_use(arn)
        check_job(params)
        roles.check_assumable(params["RoleArn"])
        if not self._store.add(PROCESSING_JOB, arn, new_job(arn, params), params.get("Tags", [])):
            raise in_use(arn)
        base = inside(self._directory, f"{region_of(arn)}/{params['ProcessingJobName']}")
        run = ProcessingRun(JobRecord(self._store, arn), base)
        self._runs[arn] = run
        threading.Thread(target=self._follow, args=(arn, run), name=params["ProcessingJobName"], daemon=True).start()
        return {"ProcessingJobArn": arn}

    def _follow(self, arn: str, run: ProcessingRun) -> None:
        run.run()
        self._runs.pop(arn, None)

    def describe(self, params: dict[str, Any]) -> Resource:
        job = self._store.get(PROCESSING_JOB, arn_of(PROCESSING_JOB, params["ProcessingJobName"]))
        if job is None:
            raise invalid("Requested resource not found.")
        return job

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        return list_resources(self._store.in_scope(PROCESSING_JOB), params, "ProcessingJob", "ProcessingJobSummaries")

    def stop(self, params: dict[str, Any]) -> dict[str, Any]:
        job = self.describe(params)
        run = self._runs.get(job["ProcessingJobArn"])
        if run is None or job["ProcessingJobStatus"] in ENDED:
            status = job["ProcessingJobStatus"]
            raise invalid(f"The request was rejected because the processing job is in status {status}.")
        run.stop()
        return {}

    # Start and stop of the cloud ---------------------------------------------------------------------------

    def start(self) -> None:
        """Fail the jobs that were running when the cloud was killed: their processes are gone."""
        for arn, job in self._store.all(PROCESSING_JOB).items():
            if job["ProcessingJobStatus"] not in ENDED:
                JobRecord(self._store, arn).end("Failed", FailureReason=CLOUD_STOPPED)

    def stop_all(self) -> None:
        """End the processes of all jobs at once."""
        for run in list(self._runs.values()):
            run.abandon(CLOUD_STOPPED)


def new_job(arn: str, params: dict[str, Any]) -> Resource:
    created = now()
    return {
        "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME},
        **{name: value for name, value in params.items() if name not in NOT_DESCRIBED},
        "ProcessingJobArn": arn,
        "ProcessingJobStatus": "InProgress",
        "CreationTime": created,
        "LastModifiedTime": created,
    }


def in_use(arn: str) -> ServiceError:
    return ServiceError(
        "ResourceInUse",
        f"Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})",
    )


def check_job(params: dict[str, Any]) -> None:
    """Refuse what AWS refuses although botocore's model allows it, and an image's own program, which is not here."""
    if not params["AppSpecification"].get("ContainerEntrypoint"):
        raise invalid(
            "The local cloud does not emulate the program that the image "
            f"{params['AppSpecification']['ImageUri']} starts when AppSpecification.ContainerEntrypoint is missing."
        )
    outputs = params.get("ProcessingOutputConfig", {}).get("Outputs", [])
    named = [(one["InputName"], one.get("S3Input")) for one in params.get("ProcessingInputs", [])]
    named += [(one["OutputName"], one.get("S3Output")) for one in outputs]
    names = [name for name, _ in named]
    for name, place in named:
        if names.count(name) > 1:
            raise invalid(f"The name {name} of inputs and outputs must be unique.")
        if not place or not place.get("LocalPath", "").startswith(LOCAL_PATH):
            raise invalid(f"The LocalPath of {name} must begin with {LOCAL_PATH}.")
