"""What ends a job's program before its own end: a request, a time limit, or the end of the local cloud."""

import threading
import time

from localcloud.sagemaker.containers import Container

STOP_SECONDS = 120  # between SIGTERM and SIGKILL, for the program to save its work, as on AWS
ABANDON_SECONDS = 10
POLL_SECONDS = 0.1


class AbandonedError(Exception):
    """When the local cloud ends while a job's program runs; the message is the job's FailureReason."""


class Interruption:
    """Other threads ask for a job's end; the thread that runs the job waits here for its program."""

    def __init__(self) -> None:
        self.ended = threading.Event()  # the whole job
        self._stopping = threading.Event()
        self._reason = ""  # the FailureReason, once the cloud stops

    def stop(self) -> None:
        """Ask for the end of the program, which may save its work."""
        self._stopping.set()

    def abandon(self, reason: str) -> None:
        """End the program at once; returns when the job has ended."""
        self._reason = reason
        self.ended.wait(ABANDON_SECONDS)

    def wait_for(self, container: Container, seconds: float) -> str:
        """Return how the program ended: Completed, Stopped by a request, or MaxRuntimeExceeded.

        Raises:
            AbandonedError: The local cloud ends.
        """
        ended = "Completed"
        deadline = time.monotonic() + seconds
        while container.wait(POLL_SECONDS) is None:
            is_late = time.monotonic() > deadline
            if self._reason:
                container.kill()
            elif ended == "Completed" and (self._stopping.is_set() or is_late):
                ended = "Stopped" if self._stopping.is_set() else "MaxRuntimeExceeded"
                container.terminate()
                deadline = time.monotonic() + STOP_SECONDS
            elif is_late:
                container.kill()
        if self._reason:
            raise AbandonedError(self._reason)
        return ended
