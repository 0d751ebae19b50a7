"""A job's entry in the store and its status."""

import threading
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from localcloud.sagemaker.store import JobKind, Resource, Store

ENDED = ("Completed", "Failed", "Stopped")  # TrainingJobStatus, ProcessingJobStatus
TEXT_LIMIT = 1024  # characters of FailureReason and ExitMessage


class JobRecord(ABC):
    """Written by the thread that runs the job and by the request that stops it."""

    kind: ClassVar[JobKind]

    def __init__(self, store: Store, arn: str) -> None:
        self.arn = arn
        self._store = store
        self._lock = threading.Lock()

    @property
    def job(self) -> Resource:
        """The current state of the job."""
        return self._store.get(self.kind, self.arn) or {}

    @property
    def status(self) -> str:
        return str(self.job[self.kind.status])

    def request_stop(self) -> None:
        """Enter Stopping, unless the job has ended or is being stopped already."""
        with self._lock:
            if self.status == "InProgress":
                self._enter_stopping()

    @abstractmethod
    def _enter_stopping(self) -> None:
        """Enter Stopping; called with the lock."""

    @abstractmethod
    def fail(self, reason: str) -> None:
        """End the job as Failed; a FailureReason beyond TEXT_LIMIT is cut."""

    def _report(self, **fields: Any) -> None:
        self._store.report(self.kind, self.arn, **fields)
