"""Writes the logs of executions to CloudWatch Logs, without keeping the executions waiting."""

import logging
import queue
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from ministack.services import cloudwatch_logs

from localcloud import identity
from localcloud.corrections import persistence
from localcloud.step_functions import logs
from localcloud.step_functions.execution import Execution
from localcloud.step_functions.history import Event

MOST_AT_ONCE = 1_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stream:
    """A log stream."""

    scope: tuple[str, str]  # account, region
    group: str
    name: str


class Delivery:
    """A thread that writes lines in the order in which they come."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[tuple[Stream, dict[str, Any]]] = queue.SimpleQueue()
        self._streams: dict[
            tuple[str, str], Stream
        ] = {}  # by state machine's ARN and group; a new process has new ones
        self._lock = threading.Lock()

    def write(self, execution: Execution, number: int, event: Event) -> None:
        """Plan to write an event of an execution, if its state machine logs such events."""
        chosen = execution.logging
        group = logs.group_of(chosen)
        if group and logs.has(chosen["level"], event[1]):
            text = logs.line(execution.arn, number, event, bool(chosen.get("includeExecutionData")))
            line = {"timestamp": int(event[0] * 1000), "message": text}
            self._lines.put((self._stream_of(execution, group), line))

    def _stream_of(self, execution: Execution, group: str) -> Stream:
        key = execution.machine_arn, group
        with self._lock:
            if not self._streams:
                threading.Thread(target=self._run, name="step-functions-logs", daemon=True).start()
            if key not in self._streams:
                _, _, _, region, account_id, *_ = execution.machine_arn.split(":")
                minute = time.strftime("%Y-%m-%d-%H-%M", time.gmtime())
                name = f"states/{execution.machine_name.partition('/')[0]}/{minute}/{uuid.uuid4().hex[:8]}"
                self._streams[key] = Stream((account_id, region), group, name)
            return self._streams[key]

    def _run(self) -> None:
        while True:
            waiting = [self._lines.get()]
            while not self._lines.empty() and len(waiting) < MOST_AT_ONCE:
                waiting.append(self._lines.get())
            for stream in dict.fromkeys(stream for stream, _ in waiting):
                try:
                    put(stream, [line for one, line in waiting if one == stream])
                except Exception:  # the edge of a thread: later lines must still be written
                    logger.exception("Lines of %s were lost.", stream.name)
            persistence.changed_without_request.set()


def put(stream: Stream, lines: list[dict[str, Any]]) -> None:
    """Write lines; like AWS, a group that was deleted takes none."""
    name = {"logGroupName": stream.group, "logStreamName": stream.name}
    with identity.request_scope(*stream.scope):
        cloudwatch_logs._create_log_stream(name)  # an error when it exists
        cloudwatch_logs._put_log_events({**name, "logEvents": lines})
