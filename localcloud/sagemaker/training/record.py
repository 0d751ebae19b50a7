"""A training job's entry in the store and its statuses."""

from typing import Any

from localcloud.sagemaker.jobs.record import ENDED, TEXT_LIMIT, JobRecord
from localcloud.sagemaker.store import TRAINING_JOB, now

MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


class TrainingRecord(JobRecord):
    kind = TRAINING_JOB

    def _enter_stopping(self) -> None:
        self._append("Stopping", MESSAGES["Stopping"], {"TrainingJobStatus": "Stopping"})

    def enter(self, secondary_status: str, **fields: Any) -> bool:
        """Enter a secondary status; returns False when a job that is being stopped must not enter it."""
        with self._lock:
            if self.status == "Stopping" and secondary_status in ("Downloading", "Training"):
                return False
            self._append(secondary_status, MESSAGES[secondary_status], fields)
            return True

    def end(self, secondary_status: str, **fields: Any) -> None:
        """End the job as Completed or Stopped."""
        status = "Completed" if secondary_status == "Completed" else "Stopped"
        with self._lock:
            times = self._times()
            self._append(secondary_status, MESSAGES[secondary_status], {**fields, **times, "TrainingJobStatus": status})

    def fail(self, reason: str) -> None:
        reason = reason[:TEXT_LIMIT]
        with self._lock:
            fields = {"TrainingJobStatus": "Failed", "FailureReason": reason, **self._times()}
            self._append("Failed", reason, fields)

    def _times(self) -> dict[str, Any]:
        """Return the end time of a job that ends now and, if it had an instance, how long it ran.

        AWS bills spot instances for less time than they ran. By how much is not known here, so both are the same.
        """
        at = now()
        if "TrainingStartTime" not in self.job:
            return {"TrainingEndTime": at}
        seconds = round(at - self.job["TrainingStartTime"])
        return {"TrainingEndTime": at, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}

    def _append(self, secondary_status: str, message: str, fields: dict[str, Any]) -> None:
        """Close the previous transition and add one; the final one ends when it starts."""
        at = now()
        transitions = [dict(one) for one in self.job["SecondaryStatusTransitions"]]
        if transitions:
            transitions[-1]["EndTime"] = at
        new = {"Status": secondary_status, "StartTime": at, "StatusMessage": message}
        transitions.append({**new, "EndTime": at} if fields.get("TrainingJobStatus") in ENDED else new)
        self._report(SecondaryStatus=secondary_status, SecondaryStatusTransitions=transitions, **fields)
