"""A Map Run: how many items and children are where, and what is still known about the children."""

import itertools
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from localcloud.step_functions.execution import Execution

KEPT_ROWS = 10_000  # of children that have ended, for ListExecutions
KEPT_CHILDREN = 100  # that have ended, with all that is known, and as many again of those that have not succeeded
STATES = ("pending", "running", "succeeded", "failed", "timedOut", "aborted")
STATE_OF_STATUS = {
    "RUNNING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timedOut",
    "ABORTED": "aborted",
}


@dataclass
class Counts:
    """Items or children by where they are."""

    by_state: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    results_written: int = 0

    @property
    def total(self) -> int:
        return sum(self.by_state.values())

    @property
    def failed(self) -> int:
        """Those that tolerance counts."""
        return self.by_state["failed"] + self.by_state["timedOut"]

    def move(self, number: int, before: str | None, after: str) -> None:
        if before is not None:
            self.by_state[before] -= number
        self.by_state[after] += number

    def start_again(self) -> None:
        """Count what has not succeeded as pending."""
        for state in ("failed", "timedOut", "aborted"):
            self.results_written -= self.by_state[state]
            self.move(self.by_state[state], state, "pending")

    def described(self) -> dict[str, int]:
        return {
            **self.by_state,
            "total": self.total,
            "resultsWritten": self.results_written,
            "failuresNotRedrivable": 0,
            "pendingRedrive": 0,
        }


@dataclass(frozen=True)
class Row:
    """A child execution, as ListExecutions shows it."""

    arn: str
    name: str
    status: str
    started: datetime
    stopped: datetime | None
    items: int


@dataclass(eq=False)
class MapRun:
    """One run of a Distributed Map."""

    execution_arn: str
    machine_arn: str  # of the parent
    label: str
    max_concurrency: int = 0  # 0 is no limit of its own
    tolerated_count: int | None = None  # of items; None when only the percentage counts
    tolerated_percentage: float | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "RUNNING"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    stopped: datetime | None = None
    redrives: int = 0
    redriven: datetime | None = None  # when it was redriven last
    items: Counts = field(default_factory=Counts)
    children: Counts = field(default_factory=Counts)
    wake: Callable[[], None] = field(default=lambda: None, repr=False)  # makes the run look at its limits again
    running: dict[str, tuple[Execution, int]] = field(default_factory=dict, repr=False)  # children, with their items
    _ended: deque[Execution] = field(default_factory=lambda: deque(maxlen=KEPT_CHILDREN), repr=False)
    _unsuccessful: deque[Execution] = field(default_factory=lambda: deque(maxlen=KEPT_CHILDREN), repr=False)
    _rows: deque[Row] = field(default_factory=lambda: deque(maxlen=KEPT_ROWS), repr=False)

    @property
    def arn(self) -> str:
        return f"{self.machine_arn.replace(':stateMachine:', ':mapRun:')}/{self.label}:{self.id}"

    @property
    def child_machine_arn(self) -> str:
        return f"{self.machine_arn}/{self.label}"

    @property
    def exceeds_tolerance(self) -> bool:
        """Whether more items have failed than may."""
        failed, total = self.items.failed, self.items.total
        if self.tolerated_percentage is not None and total and failed * 100 / total > self.tolerated_percentage:
            return True
        if self.tolerated_count is None:
            return self.tolerated_percentage is None and failed > 0
        return failed > self.tolerated_count

    def note_start(self, child: Execution, items: int) -> None:
        self.running[child.arn] = (child, items)
        self.items.move(items, "pending", "running")
        self.children.move(1, "pending" if self.children.by_state["pending"] else None, "running")

    def note_end(self, child: Execution) -> None:
        """Count a child that has ended, with its results."""
        _, items = self.running.pop(child.arn)
        state = STATE_OF_STATUS[child.status]
        self.items.move(items, "running", state)
        self.children.move(1, "running", state)
        self._rows.append(row_of(child, items))
        (self._ended if child.status == "SUCCEEDED" else self._unsuccessful).append(child)
        self.items.results_written += items
        self.children.results_written += 1

    def start_again(self) -> None:
        """Take up what has not succeeded."""
        self.status, self.stopped = "RUNNING", None
        self.redrives += 1
        self.redriven = datetime.now(UTC)
        for counts in (self.items, self.children):
            counts.start_again()

    def end(self, status: str) -> None:
        self.status, self.stopped = status, datetime.now(UTC)
        self.wake = lambda: None

    def child(self, arn: str) -> Execution | None:
        """Return a child execution that is still known."""
        known = itertools.chain((child for child, _ in self.running.values()), self._ended, self._unsuccessful)
        return next((child for child in known if child.arn == arn), None)

    def rows(self) -> Iterator[Row]:
        """Yield the children, the last to start or end first."""
        yield from [row_of(child, items) for child, items in reversed(list(self.running.values()))]
        yield from reversed(list(self._rows))


def row_of(child: Execution, items: int) -> Row:
    return Row(child.arn, child.name, child.status, child.started, child.stopped, items)
