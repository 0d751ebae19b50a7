"""The actions on jobs: Create, Describe, List and Stop."""

import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from localcloud.files import inside
from localcloud.sagemaker.errors import ServiceError, invalid
from localcloud.sagemaker.jobs.record import ENDED, JobRecord
from localcloud.sagemaker.jobs.run import JobRun
from localcloud.sagemaker.listing import list_resources
from localcloud.sagemaker.store import JobKind, Resource, Store, arn_of, region_of

CLOUD_STOPPED = "InternalServerError: the local cloud was stopped while the job ran."


class Jobs(ABC):
    """The jobs of one kind in this cloud; each has a thread that runs its process."""

    kind: ClassVar[JobKind]
    name_taken: ClassVar[str]  # AWS's sentence for a second job of one name, without its ARN

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._runs: dict[str, JobRun[Any]] = {}  # by ARN, of the jobs that run

    # What each kind has of its own ---------------------------------------------------------------------------

    @abstractmethod
    def check(self, params: dict[str, Any], region: str) -> None:
        """Raise AWS's error for a request that AWS refuses although botocore's model allows it."""

    @abstractmethod
    def new_job(self, arn: str, params: dict[str, Any]) -> Resource:
        """Return the description of a job that begins."""

    @abstractmethod
    def record(self, arn: str) -> JobRecord:
        """Return the entry of a job."""

    @abstractmethod
    def new_run(self, arn: str, base: Path) -> JobRun[Any]:
        """Return the run of a job, in a directory that stands for /opt/ml."""

    # Actions -------------------------------------------------------------------------------------------------

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        name = params[self.kind.name]
        arn = arn_of(self.kind, name)
        if self._store.get(self.kind, arn):
            raise self._in_use(arn)
        self.check(params, region_of(arn))
        if not self._store.add(self.kind, arn, self.new_job(arn, params), params.get("Tags", [])):
            raise self._in_use(arn)
        run = self.new_run(arn, inside(self._directory, f"{region_of(arn)}/{name}"))
        self._runs[arn] = run
        threading.Thread(target=self._follow, args=(arn, run), name=name, daemon=True).start()
        return {self.kind.arn: arn}

    def _in_use(self, arn: str) -> ServiceError:
        return ServiceError("ResourceInUse", f"{self.name_taken} ({arn})")

    def _follow(self, arn: str, run: JobRun[Any]) -> None:
        run.run()
        self._runs.pop(arn, None)

    def describe(self, params: dict[str, Any]) -> Resource:
        job = self._store.get(self.kind, arn_of(self.kind, params[self.kind.name]))
        if job is None:
            raise invalid("Requested resource not found.")
        return job

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        jobs = self._store.in_scope(self.kind)
        return list_resources(jobs, params, self.kind.prefix, f"{self.kind.prefix}Summaries")

    def stop(self, params: dict[str, Any]) -> dict[str, Any]:
        job = self.describe(params)
        run, status = self._runs.get(job[self.kind.arn]), job[self.kind.status]
        if run is None or status in ENDED:
            raise invalid(f"The request was rejected because the {self.kind.noun} is in status {status}.")
        run.stop()
        return {}

    # Start and stop of the cloud ---------------------------------------------------------------------------

    def start(self) -> None:
        """Fail the jobs that were running when the cloud was killed: their processes are gone."""
        for arn, job in self._store.all(self.kind).items():
            if job[self.kind.status] not in ENDED:
                self.record(arn).fail(CLOUD_STOPPED)

    def stop_all(self) -> None:
        """End the processes of all jobs at once; what they made is not uploaded."""
        for run in list(self._runs.values()):
            run.abandon(CLOUD_STOPPED)
