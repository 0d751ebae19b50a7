"""A chain of states that run one after the other: an execution, a branch of Parallel, or an iteration of Map."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from localcloud.step_functions.history import History

ABORTABLE = ("Map", "Parallel", "Task", "Wait")  # types of states whose abortion has an event


@dataclass(frozen=True)
class Invocation:
    """A call of a function."""

    role_arn: str  # of the state machine
    function: str  # name or ARN, with the version or alias, if any
    payload: bytes  # JSON
    begun: Callable[[], None]  # called when the function runs, after it has queued
    place: Any = None  # what `TakePlace` gave


@dataclass(frozen=True)
class Answer:
    """What a function answered."""

    payload: bytes
    executed_version: str
    request_id: str
    is_error: bool = False  # whether the function failed; the payload tells how


class Invoke(Protocol):
    """Calls a function and waits for it; runs in a thread of its own.

    Raises:
        TaskFailedError: The function failed, or could not be called.
    """

    def __call__(self, invocation: Invocation) -> Answer: ...


class Place(Protocol):
    """The place of a call among those that run at once on AWS, where none queues."""

    @property
    def is_refused(self) -> bool:
        """Whether as many run as AWS allows, so that the call fails at once."""
        ...

    def release(self) -> None: ...


# Takes the place of a call when it is scheduled; None for a function that does not exist.
TakePlace = Callable[[str], Place | None]

# Runs a Distributed Map: from its visit and its input to its result. It starts executions, so it comes from outside.
Distribute = Callable[[Any, Any], Awaitable[Any]]


@dataclass(frozen=True)
class Run:
    """What all states of an execution share."""

    history: History
    context: Mapping[str, Any]  # the part of the context object that stays: Execution and StateMachine
    role_arn: str
    invoke: Invoke
    distribute: Distribute
    take_place: TakePlace
    before_stop: list[Callable[[], None]] = field(default_factory=list)  # what adds events before StopExecution's
    logging: Mapping[str, Any] = field(default_factory=dict)  # LoggingConfiguration, which child executions share


@dataclass(eq=False)
class Branch:
    """One chain of states."""

    run: Run
    previous: int  # the id of the event that the next one points at
    variables: dict[str, Any] = field(default_factory=dict)  # its own and, as they were at its start, its parent's
    item: Mapping[str, Any] | None = None  # of $$.Map, in an iteration
    iteration: Mapping[str, Any] | None = None  # name and index of an iteration, as its events tell them
    state_type: str | None = None  # of the state that has been entered and not exited
    visit: Any = None  # of this state; an execution that is redriven tries it again
    children: list["Branch"] = field(default_factory=list)  # those that this state runs now

    def add(self, kind: str, details: Mapping[str, Any] | None = None) -> int:
        """Add an event to the chain."""
        self.previous = self.run.history.add(kind, details, self.previous)
        return self.previous

    def add_aside(self, kind: str, details: Mapping[str, Any] | None = None) -> int:
        """Add an event that points at the chain's last one, and that the chain passes by."""
        return self.run.history.add(kind, details, self.previous)

    def child(self, iteration: Mapping[str, Any] | None = None, item: Mapping[str, Any] | None = None) -> "Branch":
        """Return a branch that starts where this one stands."""
        child = Branch(self.run, self.previous, dict(self.variables), item or self.item, iteration)
        self.children.append(child)
        return child

    def abort(self, previous: int, failed: "Branch | None" = None) -> None:
        """Record that this branch ends before its time, and in which state; all events point at the failure.

        Args:
            failed: The branch that failed: this one, or one beside it.
        """
        add = self.run.history.add
        if self.iteration is not None:
            add(f"MapIteration{'Failed' if self is failed else 'Aborted'}", self.iteration, previous)
        if self.state_type in ABORTABLE:
            add(f"{self.state_type}StateAborted", None, previous)
        for child in self.children:
            child.abort(previous)
