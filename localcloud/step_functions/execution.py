"""An execution: what it is, how it starts, and how it ends once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.step_functions.history import History

LAST_EVENTS = {  # by the status that an execution ends with
    "SUCCEEDED": "ExecutionSucceeded",
    "FAILED": "ExecutionFailed",
    "ABORTED": "ExecutionAborted",
    "TIMED_OUT": "ExecutionTimedOut",
}

# What to do at each change of an execution's status, RUNNING at its start included.
on_change: list[Callable[["Execution"], None]] = []


@dataclass(eq=False)
class Execution:
    """One execution of a state machine."""

    arn: str
    name: str
    machine_arn: str  # without version or alias
    role_arn: str
    kind: str  # STANDARD or EXPRESS
    definition: dict[str, Any]  # never changed: the executions of one machine share it
    input: str  # JSON
    machine_version_arn: str | None = None
    machine_alias_arn: str | None = None
    trace_header: str | None = None
    map_run_arn: str | None = None  # of the Map Run that a child execution belongs to
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: str = "RUNNING"
    output: str | None = None  # JSON, of an execution that succeeded
    error: str | None = None
    cause: str | None = None
    stopped: datetime | None = None
    history: History = field(default_factory=History)
    ending: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    cancel: Callable[[], None] | None = field(default=None, init=False, repr=False)  # while it runs

    @property
    def machine_name(self) -> str:
        return self.machine_arn.rsplit(":", 1)[-1]


@dataclass(frozen=True)
class End:
    """How an execution ended."""

    status: str  # a key of LAST_EVENTS
    output: str | None = None  # JSON
    error: str | None = None
    cause: str | None = None
    previous: int = 0  # the id of the event before the last one


def finish(execution: Execution, end: End) -> bool:
    """End an execution, and return whether this call did: the first end is kept."""
    with execution.ending:
        if execution.status != "RUNNING":
            return False
        execution.output, execution.error, execution.cause = end.output, end.error, end.cause
        execution.stopped = datetime.now(UTC)
        execution.history.add(LAST_EVENTS[end.status], last_details(end), end.previous)
        execution.status = end.status
    announce(execution)
    return True


def last_details(end: End) -> dict[str, Any]:
    """Return what the last event of an execution tells."""
    if end.output is not None:
        return {"output": end.output, "outputDetails": {"truncated": False}}
    told = {"error": end.error, "cause": end.cause}
    return {name: value for name, value in told.items() if value is not None}


def announce(execution: Execution) -> None:
    """Tell everybody who follows executions that the status of this one has changed."""
    for follow in on_change:
        follow(execution)


def stop(execution: Execution, error: str | None = None, cause: str | None = None) -> None:
    """Abort an execution at once, whatever it does; one that has ended keeps its end."""
    if finish(execution, End("ABORTED", error=error, cause=cause)) and execution.cancel:
        execution.cancel()
