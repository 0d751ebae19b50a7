"""An execution: what it is, how it starts, and how it ends once."""

import asyncio
import contextlib
import functools
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.step_functions.history import EVENT_LIMIT, Event, History, HistoryFullError
from localcloud.step_functions.interpreter.branch import Branch, Distribute, Invoke, Run, TakePlace
from localcloud.step_functions.interpreter.documents import Document
from localcloud.step_functions.interpreter.failures import RUNTIME, TIMEOUT, StateFailedError
from localcloud.step_functions.interpreter.machine import run_states
from localcloud.step_functions.interpreter.visit import timestamp
from localcloud.step_functions.loop import event_loop

LAST_EVENTS = {  # by the status that an execution ends with
    "SUCCEEDED": "ExecutionSucceeded",
    "FAILED": "ExecutionFailed",
    "ABORTED": "ExecutionAborted",
    "TIMED_OUT": "ExecutionTimedOut",
}

EXPRESS_SECONDS = 300  # the longest that an Express execution may take
HISTORY_FULL = f"The execution reached the maximum number of history events ({EVENT_LIMIT})."

logger = logging.getLogger(__name__)

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
    logging: dict[str, Any] = field(default_factory=dict)  # LoggingConfiguration, empty for none
    map_run_arn: str | None = None  # of the Map Run that a child execution belongs to
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: str = "RUNNING"
    output: str | None = None  # JSON, of an execution that succeeded
    error: str | None = None
    cause: str | None = None
    stopped: datetime | None = None
    history: History = field(default_factory=History)
    redrives: int = 0
    redriven: datetime | None = None  # when it was redriven last
    ending: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    cancel: Callable[[], object] | None = field(default=None, init=False, repr=False)  # while it runs
    branch: Branch | None = field(default=None, init=False, repr=False)  # where it stands, unless it has succeeded
    running: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    # What adds events before that of StopExecution.
    before_stop: list[Callable[[], None]] = field(default_factory=list, init=False, repr=False)

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
    """Tell everybody who follows executions of a changed status; children belong to their Map Run."""
    for follow in () if execution.map_run_arn else on_change:
        follow(execution)


def stop(execution: Execution, error: str | None = None, cause: str | None = None) -> None:
    """Abort an execution at once, whatever it does; one that has ended keeps its end."""
    with contextlib.suppress(HistoryFullError):
        for record in list(execution.before_stop):
            record()
    if finish(execution, End("ABORTED", error=error, cause=cause)) and execution.cancel:
        execution.cancel()
        execution.cancel = None


def why_not_redrivable(execution: Execution) -> str | None:
    """Return why an execution cannot be redriven, None when it can."""
    if execution.status in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {execution.status} and cannot be redriven"
    if execution.kind == "EXPRESS":
        return "Execution is of type EXPRESS and cannot be redriven"
    if execution.history.last >= EVENT_LIMIT - 1:
        return "Execution history event limit exceeded"
    if execution.branch is None or execution.branch.visit is None:
        return "The local cloud no longer knows where the execution stood"
    return None


def redrive(execution: Execution) -> bool:
    """Go on with an execution in the state where it ended; returns False when it cannot be redriven."""
    with execution.ending:
        if why_not_redrivable(execution) or execution.branch is None:
            return False
        execution.error = execution.cause = execution.stopped = None
        execution.redrives += 1
        execution.redriven = datetime.now(UTC)
        redriven = execution.history.go_on("ExecutionRedriven", {"redriveCount": execution.redrives})
        execution.branch.previous = redriven
        execution.branch.visit.again()
        execution.status = "RUNNING"
    launch(execution)
    return True


# The course of an execution --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Services:
    """What executions call in the rest of the local cloud."""

    invoke: Invoke
    distribute: Distribute
    # Gives boto3's client of S3 that acts as a role in a region.
    s3: Callable[[str, str], Any]
    # Says why a role may not take an action on a resource, None when it may.
    denial: Callable[[str, str, str], str | None]
    take_place: TakePlace
    # Logs an event of an execution, which has this id.
    log: Callable[["Execution", int, Event], None]


_services: list[Services] = []  # one, from `connect` on


def connect(connected: Services) -> None:
    """Set what executions call from now on."""
    _services[:] = [connected]


def services() -> Services:
    """Return what executions call."""
    return _services[0]


def start(execution: Execution) -> None:
    """Run an execution beside the caller, in the caller's account and region."""
    launch(execution)


def run(execution: Execution) -> None:
    """Run an execution and wait for its end."""
    with contextlib.suppress(CancelledError):  # it was stopped
        launch(execution).result()


def launch(execution: Execution) -> Future[None]:
    announce(execution)
    future = asyncio.run_coroutine_threadsafe(course(execution), event_loop())
    execution.cancel = future.cancel
    return future


async def course(execution: Execution) -> None:
    """Run all states of an execution, and end it."""
    async with execution.running:  # what a stop has ended may still be on its way out when a redrive comes
        if execution.status != "RUNNING":  # it was stopped at once
            return
        if execution.logging:
            execution.history.follow = functools.partial(services().log, execution)
        run = shared_by_states(execution, services())
        if execution.branch is None:
            execution.history.add("ExecutionStarted", started_details(execution), 0)
            execution.branch = Branch(run, 0)
        execution.branch.run = run
        finish(execution, await end_of(execution, execution.branch))
        execution.cancel = None
        if execution.status == "SUCCEEDED":
            execution.branch = None


async def end_of(execution: Execution, branch: Branch) -> End:
    """Run all states of an execution and return how that ended."""
    definition, timer = execution.definition, asyncio.timeout(seconds_of(execution))
    language = definition.get("QueryLanguage", "JSONPath")
    try:
        async with timer:
            output = await run_states(branch, definition, Document.parse(execution.input), language)
    except StateFailedError as err:
        return End("FAILED", error=err.error, cause=err.cause, previous=branch.previous)
    except HistoryFullError:
        return End("FAILED", error=RUNTIME, cause=HISTORY_FULL, previous=execution.history.last)
    except Exception as err:
        if isinstance(err, TimeoutError) and timer.expired():
            return End("TIMED_OUT", error=TIMEOUT)
        logger.exception("%s ended by an error of the local cloud.", execution.arn)
        return End("FAILED", error=RUNTIME, cause=f"The local cloud failed: {err!r}", previous=branch.previous)
    return End("SUCCEEDED", output=output.text, previous=branch.previous)


def seconds_of(execution: Execution) -> float | None:
    """Return how long an execution may take."""
    seconds: float | None = execution.definition.get("TimeoutSeconds")
    if execution.kind == "EXPRESS":
        return min(seconds or EXPRESS_SECONDS, EXPRESS_SECONDS)
    return seconds


def started_details(execution: Execution) -> dict[str, Any]:
    """Return what the first event of an execution tells."""
    told = {
        "input": execution.input,
        "inputDetails": {"truncated": False},
        "roleArn": execution.role_arn,
        "stateMachineAliasArn": execution.machine_alias_arn,
        "stateMachineVersionArn": execution.machine_version_arn,
    }
    return {name: value for name, value in told.items() if value is not None}


def shared_by_states(execution: Execution, connected: Services) -> Run:
    """Return what the states of an execution share."""
    context = {
        "Execution": {
            "Id": execution.arn,
            "Input": json.loads(execution.input),
            "Name": execution.name,
            "RoleArn": execution.role_arn,
            "StartTime": timestamp(execution.started),
            "RedriveCount": execution.redrives,
            **({} if execution.redriven is None else {"RedriveTime": timestamp(execution.redriven)}),
        },
        "StateMachine": {"Id": execution.machine_arn, "Name": execution.machine_name},
    }
    calls = (connected.invoke, connected.distribute, connected.take_place)
    return Run(execution.history, context, execution.role_arn, *calls, execution.before_stop, execution.logging)
