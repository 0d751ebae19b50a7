"""Container logs: to a file on this machine, and to CloudWatch Logs with the execution role's permissions."""

import contextlib
import logging
import queue
import threading
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

SEND_SECONDS = 0.5

logger = logging.getLogger(__name__)


class LogStream:
    """Sends the lines of a container's output in batches.

    As on AWS, a role that may not write logs does not fail the job; its lines are in the file only. Those that the
    disk does not take are in CloudWatch Logs only.
    """

    def __init__(self, client: Any, group: str, stream: str, path: Path) -> None:
        self._client = client
        self._names = {"logGroupName": group, "logStreamName": stream}
        self._is_created = False
        self._lines: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def write(self, line: str) -> None:
        self._lines.put((int(time.time() * 1000), line))

    def close(self) -> None:
        """Send the remaining lines, and return when they are sent."""
        self._lines.put(None)
        self._sender.join()

    def _send(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._next_batch()
            self._write_file(batch)
            events = [{"timestamp": at, "message": line} for at, line in batch if line]
            if events:
                with contextlib.suppress(ClientError, BotoCoreError):
                    self._put(events)

    def _write_file(self, batch: list[tuple[int, str]]) -> None:
        try:
            with self._path.open("a") as file:
                file.writelines(f"{line}\n" for _, line in batch)
        except OSError as err:
            logger.error("%d lines of a log are not in its file: %s", len(batch), err)

    def _put(self, events: list[dict[str, Any]]) -> None:
        if not self._is_created:
            self._create()
        self._client.put_log_events(**self._names, logEvents=events)

    def _create(self) -> None:
        """Create the group and the stream where missing; an instance's agent looks first, too."""
        group, stream = self._names["logGroupName"], self._names["logStreamName"]
        try:
            found = self._client.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]
        except self._client.exceptions.ResourceNotFoundException:
            found = []
            with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
                self._client.create_log_group(logGroupName=group)
        if not found:
            self._client.create_log_stream(**self._names)
        self._is_created = True

    def _next_batch(self) -> tuple[list[tuple[int, str]], bool]:
        """Wait for a line, then return all lines of SEND_SECONDS and whether the log has ended."""
        batch: list[tuple[int, str]] = []
        line = self._lines.get()
        deadline = time.monotonic() + SEND_SECONDS
        while line is not None:
            batch.append(line)
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return batch, False
        return batch, True
