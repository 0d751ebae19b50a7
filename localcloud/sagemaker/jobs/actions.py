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
from localcloud.sagemaker.store import JobKind, Resource, Store, arn_of, now, region_of

CLOUD_STOPPED = "InternalServerError: the local cloud was stopped while the job ran."


class Jobs(ABC):
    """The jobs of one kind in this cloud; each has a thread that runs its process."""

    kind: ClassVar[JobKind]
    record_type: ClassVar[type[JobRecord]]
    run_type: ClassVar[type[JobRun[Any]]]
    name_taken: ClassVar[str]  # AWS's sentence for a second job of one name, without its ARN

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory
        self._runs: dict[str, JobRun[Any]] = {}  # by ARN, of the jobs that run

    @abstractmethod
    def check(self, params: dict[str, Any], region: str) -> None:
        """Raise AWS's error for a request that AWS refuses although botocore's model allows it."""

    @classmethod
    @abstractmethod
    def described(cls, params: dict[str, Any], created: float) -> Resource:
        """Return the members of a request as the description has them, and those that only this kind has."""

    @classmethod
    def new_job(cls, arn: str, params: dict[str, Any]) -> Resource:
        """Return the description of a job that begins."""
        created = now()
        return {
            **cls.described(params, created),
            cls.kind.arn: arn,
            cls.kind.status: "InProgress",
            "CreationTime": created,
            "LastModifiedTime": created,
        }

    # Actions -------------------------------------------------------------------------------------------------

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        name = params[self.kind.name]
        arn = arn_of(self.kind, name)
        if self._store.get(self.kind, arn):
            raise self._in_use(arn)
        self.check(params, region_of(arn))
        if not self._store.add(self.kind, arn, self.new_job(arn, params), params.get("Tags", [])):
            raise self._in_use(arn)
        base = inside(self._directory, f"{region_of(arn)}/{name}")
        run = self._runs[arn] = self.run_type(self.record_type(self._store, arn), base)
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
                self.record_type(self._store, arn).fail(CLOUD_STOPPED)

    def stop_all(self) -> None:
        """End the processes of all jobs at once; what they made is not uploaded."""
        for run in list(self._runs.values()):
            run.abandon(CLOUD_STOPPED)
