"""What `localcloud logs` prints: the logs of functions, training jobs, endpoints and the server, ordered by time."""

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import boto3
from botocore.exceptions import BotoCoreError

from localcloud import LocalCloudError, instances
from localcloud.environment import client_environment
from localcloud.instances import COMMAND

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

# The log groups of each kind begin with its prefix.
GROUPS = {
    "functions": "/aws/lambda/",
    "jobs": "/aws/sagemaker/TrainingJobs",
    "endpoints": "/aws/sagemaker/Endpoints/",
}
TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:,(\d{3}))? (.*)")  # MiniStack's lines have no milliseconds
POLL_SECONDS = 1.0
LATE_SECONDS = 2.0  # an event may reach CloudWatch this long after its time


@dataclass(frozen=True)
class Line:
    """One line of a log."""

    time: float  # seconds since 1970
    source: str  # the function, training job or endpoint, or "server"
    text: str

    def __str__(self) -> str:
        return f"{datetime.fromtimestamp(self.time).isoformat(' ', 'milliseconds')}  {self.text}"


class Log(Protocol):
    """A log that can be read again and again."""

    def read(self) -> list[Line]:
        """Return the lines that were added since the last call."""
        ...


class CloudWatchLog:
    """The log groups of functions, of training jobs or of endpoints."""

    def __init__(self, client: "CloudWatchLogsClient", prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._newest: dict[str, int] = {}  # milliseconds since 1970, by group
        self._seen: set[str] = set()  # ids of events

    def read(self) -> list[Line]:
        pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self._prefix)
        groups = [group["logGroupName"] for page in pages for group in page["logGroups"]]
        return [line for group in groups for line in self._read_group(group)]

    def _read_group(self, group: str) -> Iterator[Line]:
        """Yield new lines. One reply holds at most 10,000 events, so this asks until a reply brings nothing new."""
        while new := self._new_events(group):
            for stream, milliseconds, message in new:
                for text in message.rstrip().splitlines():
                    yield Line(milliseconds / 1000, self._source(group, stream), text)

    def _new_events(self, group: str) -> list[tuple[str, int, str]]:
        """Return the stream, time and message of events."""
        since = max(0, self._newest.get(group, 0) - int(LATE_SECONDS * 1000))
        events = self._client.filter_log_events(logGroupName=group, startTime=since)["events"]
        new = [event for event in events if event["eventId"] not in self._seen]
        self._seen |= {event["eventId"] for event in new}
        if new:
            self._newest[group] = max(event["timestamp"] for event in new)
        return [(event["logStreamName"], event["timestamp"], event["message"]) for event in new]

    def _source(self, group: str, stream: str) -> str:
        """Return the function or endpoint, which the group is named after, or the job, which the stream begins with."""
        return group.removeprefix(self._prefix) or stream.partition("/")[0]


class ServerLog:
    """The file that the server writes its errors to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0  # bytes
        self._time = 0.0  # of the last line that had one

    def read(self) -> list[Line]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            added = file.read()
        complete = added[: added.rfind(b"\n") + 1]
        self._offset += len(complete)
        self._time = self._time or self._path.stat().st_mtime
        return [self._line(text) for text in complete.decode(errors="replace").splitlines()]

    def _line(self, text: str) -> Line:
        """Return a line. Those of a traceback have no time of their own: they take that of the line before."""
        if found := TIME.match(text):
            self._time = datetime.fromisoformat(f"{found[1]}.{found[2] or '000'}").timestamp()
            text = found[3]
        return Line(self._time, "server", text)


def find(state: Path, kind: str) -> list[Log]:
    """Return the logs of a kind; of "all" kinds only the server's when the cloud does not run.

    Raises:
        LocalCloudError: The logs are in the cloud, which does not run, or the cloud was never started.
    """
    server = instances.log_path(state)
    if kind in ("all", "server") and not server.exists():
        raise LocalCloudError(f"There is no log {server}: the local cloud was never started here.")
    if kind == "server":
        return [ServerLog(server)]
    if kind == "all" and not instances.running(state):
        print(
            f"The local cloud does not run, so only the server's log is shown. `{COMMAND} up` starts it.",
            file=sys.stderr,
        )
        return [ServerLog(server)]
    client = connect(state, instances.require_running(state).port)
    if kind == "all":
        return [ServerLog(server), *(CloudWatchLog(client, prefix) for prefix in GROUPS.values())]
    return [CloudWatchLog(client, GROUPS[kind])]


def connect(state: Path, port: int) -> "CloudWatchLogsClient":
    """Return a client of the local cloud. From here on, this process's environment is that of such clients."""
    environment = client_environment(state, port)
    os.environ.clear()
    os.environ.update(environment)
    return boto3.client("logs")


def show(logs: list[Log], name: str, follow: bool) -> None:
    """Print the lines of those sources whose name contains `name`, and with `follow` also what is added later.

    Raises:
        LocalCloudError: No source has such a name, or the cloud stops meanwhile.
    """
    sources: set[str] = set()
    for lines in batches(logs, follow):
        sources |= {line.source for line in lines}
        chosen = [line for line in lines if name in line.source]
        width = max((len(source) for source in sources if name in source), default=0)
        for line in sorted(chosen, key=lambda line: line.time):
            print(f"{line.source:<{width}}  {line}")
        sys.stdout.flush()
    if not any(name in source for source in sources):
        known = f"The logs are of {', '.join(sorted(sources))}." if sources else "There are no log lines yet."
        raise LocalCloudError(f"Nothing to show{f' of {name}' if name else ''}. {known}")


def batches(logs: Iterable[Log], follow: bool) -> Iterator[list[Line]]:
    """Yield the lines of all logs, and with `follow` every POLL_SECONDS those that were added."""
    try:
        yield [line for log in logs for line in log.read()]
        while follow:
            time.sleep(POLL_SECONDS)
            yield [line for log in logs for line in log.read()]
    except BotoCoreError as err:
        raise LocalCloudError(f"The local cloud does not answer any more: {err}") from err
