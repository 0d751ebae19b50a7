"""A processing job's entry in the store and its statuses."""

from localcloud.sagemaker.jobs.record import TEXT_LIMIT, JobRecord
from localcloud.sagemaker.store import PROCESSING_JOB, now


class ProcessingRecord(JobRecord):
    kind = PROCESSING_JOB

    def begin(self) -> bool:
        """Note that the instance runs; returns False for a job that is being stopped."""
        with self._lock:
            if self.status == "Stopping":
                return False
            self._report(ProcessingStartTime=now())
            return True

    def _enter_stopping(self) -> None:
        self._report(ProcessingJobStatus="Stopping")

    def end(self, status: str, **texts: str) -> None:
        """End the job; `texts` are FailureReason or ExitMessage, left out when empty."""
        found = {name: text[:TEXT_LIMIT] for name, text in texts.items() if text}
        with self._lock:
            self._report(ProcessingJobStatus=status, ProcessingEndTime=now(), **found)

    def fail(self, reason: str, exit_message: str = "") -> None:
        self.end("Failed", FailureReason=reason, ExitMessage=exit_message)
