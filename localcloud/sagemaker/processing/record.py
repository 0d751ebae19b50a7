"""A processing job's entry in the store and its statuses."""

import threading
from typing import Any

from localcloud.sagemaker.store import PROCESSING_JOB, Resource, Store, now

ENDED = ("Completed", "Failed", "Stopped")  # ProcessingJobStatus
TEXT_LIMIT = 1024  # characters of FailureReason and ExitMessage


class JobRecord:
    """Written by the thread that runs the job and by the request that stops it."""

    def __init__(self, store: Store, arn: str) -> None:
        self.arn = arn
        self._store = store
        self._lock = threading.Lock()

    @property
    def job(self) -> Resource:
        """The current state of the job."""
        return self._store.get(PROCESSING_JOB, self.arn) or {}

    def begin(self) -> bool:
        """Note that the instance runs; returns False for a job that is being stopped."""
        with self._lock:
            if self.job["ProcessingJobStatus"] == "Stopping":
                return False
            self._report(ProcessingStartTime=now())
            return True

    def request_stop(self) -> None:
        """Enter Stopping, unless the job has ended or is being stopped already."""
        with self._lock:
            if self.job["ProcessingJobStatus"] == "InProgress":
                self._report(ProcessingJobStatus="Stopping")

    def end(self, status: str, **texts: str) -> None:
        """End the job; `texts` are FailureReason or ExitMessage, left out when empty."""
        found = {name: text[:TEXT_LIMIT] for name, text in texts.items() if text}
        with self._lock:
            self._report(ProcessingJobStatus=status, ProcessingEndTime=now(), **found)

    def _report(self, **fields: Any) -> None:
        self._store.report(PROCESSING_JOB, self.arn, **fields)
