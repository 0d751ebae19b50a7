"""A training job's entry in the store and its statuses."""

import threading
from typing import Any

from localcloud.sagemaker.store import TRAINING_JOB, Resource, Store, now

ENDED = ("Completed", "Failed", "Stopped")  # TrainingJobStatus
FAILURE_LIMIT = 1024  # characters of FailureReason

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


class JobRecord:
    """Written by the thread that runs the job and by the request that stops it."""

    def __init__(self, store: Store, arn: str) -> None:
        self.arn = arn
        self._store = store
        self._lock = threading.Lock()

    @property
    def job(self) -> Resource:
        """The current state of the job."""
        return self._store.get(TRAINING_JOB, self.arn) or {}

    def request_stop(self) -> None:
        """Enter Stopping, unless the job has ended or is being stopped already."""
        with self._lock:
            if self.job["TrainingJobStatus"] == "InProgress":
                self._append("Stopping", MESSAGES["Stopping"], {"TrainingJobStatus": "Stopping"})

    def enter(self, secondary_status: str, **fields: Any) -> bool:
        """Enter a secondary status; returns False when a job that is being stopped must not enter it."""
        with self._lock:
            if self.job["TrainingJobStatus"] == "Stopping" and secondary_status in ("Downloading", "Training"):
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
        reason = reason[:FAILURE_LIMIT]
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
        self._store.report(
            TRAINING_JOB, self.arn, SecondaryStatus=secondary_status, SecondaryStatusTransitions=transitions, **fields
        )
