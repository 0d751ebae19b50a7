"""State machines with their versions, aliases and tags, and the executions that are still known."""

import functools
import itertools
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from localcloud.step_functions.execution import Execution
from localcloud.step_functions.history import History

# Executions that have ended and are still known; the histories of the last of them, by number and by their events.
MOST_EXECUTIONS = 10_000
MOST_HISTORIES = 1_000
MOST_EVENTS = 500_000  # some 200 MB

INITIAL = "INITIAL"  # the id of a state machine's first revision


@dataclass(frozen=True)
class Revision:
    """What a state machine is between two updates."""

    id: str
    definition: str  # JSON
    role_arn: str
    kind: str  # STANDARD or EXPRESS
    logging: dict[str, Any]
    tracing: dict[str, Any]
    created: float  # seconds since 1970

    @property
    def parsed(self) -> dict[str, Any]:
        """The definition; it is shared and never changed."""
        return parsed(self.definition)


@functools.lru_cache(maxsize=256)
def parsed(definition: str) -> dict[str, Any]:
    machine: dict[str, Any] = json.loads(definition)
    return machine


@dataclass
class Machine:
    """A state machine."""

    arn: str
    name: str
    created: float  # seconds since 1970
    revision: Revision
    last_version: int = 0  # the numbers of deleted versions are not given again


@dataclass(frozen=True)
class Version:
    """A revision of a state machine that has been published."""

    arn: str
    machine_arn: str
    description: str
    created: float  # seconds since 1970
    revision: Revision

    @property
    def number(self) -> int:
        return int(self.arn.rsplit(":", 1)[-1])


@dataclass
class Alias:
    """A name for one version of a state machine, or for two with weights."""

    arn: str
    name: str
    description: str
    routes: list[dict[str, Any]]  # RoutingConfigurationListItem of the API
    created: float  # seconds since 1970
    updated: float

    @property
    def machine_arn(self) -> str:
        return self.arn.rsplit(":", 1)[0]


@dataclass
class Known:
    """An execution, and the revision that it runs."""

    execution: Execution
    revision: Revision
    number: int  # counts up in the order of their starts, redrives and ends: that of a list


class Executions:
    """The executions of Standard state machines: all that run, and the last that have ended."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}  # by ARN
        self._ended: OrderedDict[str, None] = OrderedDict()  # ARNs in the order of their ends
        self._with_history: OrderedDict[str, int] = OrderedDict()  # events of those that have ended, by ARN
        self._events = 0
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Known]:
        with self._lock:
            return iter(list(self._known.values()))

    def __len__(self) -> int:
        return len(self._known)

    def newest(self) -> Iterator[Known]:
        """Return all, that which has started, been redriven or ended last first."""
        with self._lock:
            return reversed(list(self._known.values()))

    def add(self, execution: Execution, revision: Revision) -> bool:
        """Keep an execution; returns False when its name is taken."""
        with self._lock:
            if execution.arn in self._known:
                return False
            self._known[execution.arn] = Known(execution, revision, next(self._numbers))
            return True

    def get(self, arn: str) -> Known | None:
        return self._known.get(arn)

    def has_history(self, execution: Execution) -> bool:
        return execution.status == "RUNNING" or execution.arn in self._with_history

    def note_end(self, execution: Execution, has_history: bool = True) -> None:
        """Forget the oldest executions and histories when too many have ended."""
        with self._lock:
            if execution.arn not in self._known or execution.arn in self._ended:
                return
            self._ended[execution.arn] = None
            self._put_first(execution.arn)
            if has_history:
                self._with_history[execution.arn] = execution.history.last
                execution.history.pack()
                self._events += execution.history.last
            while len(self._with_history) > MOST_HISTORIES or self._events > MOST_EVENTS:
                self._forget_history(next(iter(self._with_history)))
            while len(self._ended) > MOST_EXECUTIONS:
                self._forget(next(iter(self._ended)))

    def note_redrive(self, execution: Execution) -> None:
        """Count an execution that had ended as one that runs."""
        with self._lock:
            self._ended.pop(execution.arn, None)
            self._put_first(execution.arn)
            self._events -= self._with_history.pop(execution.arn, 0)

    def _put_first(self, arn: str) -> None:
        """Let a list begin with an execution: AWS sorts those that have ended by their ends."""
        known = self._known.pop(arn)
        known.number = next(self._numbers)
        self._known[arn] = known

    def remove_of_machine(self, machine_arn: str) -> list[Execution]:
        """Forget the executions of a state machine and return them."""
        with self._lock:
            found = [one.execution for one in self._known.values() if one.execution.machine_arn == machine_arn]
            for execution in found:
                self._forget(execution.arn)
        return found

    def any_runs(self) -> bool:
        return len(self._known) > len(self._ended)

    def _forget(self, arn: str) -> None:
        self._forget_history(arn)
        self._ended.pop(arn, None)
        del self._known[arn]

    def _forget_history(self, arn: str) -> None:
        """Drop the events of an execution that has ended; those of a running one go with it."""
        if arn in self._with_history:
            self._events -= self._with_history.pop(arn)
            self._known[arn].execution.history = History(limit=None)
            self._known[arn].execution.branch = None  # it cannot be redriven without them


@dataclass
class Store:
    """Everything that Step Functions keeps, of all accounts and regions, by ARN."""

    machines: dict[str, Machine] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    executions: Executions = field(default_factory=Executions)

    def versions_of(self, machine_arn: str) -> list[Version]:
        """Return the versions of a state machine, newest first."""
        found = [one for one in list(self.versions.values()) if one.machine_arn == machine_arn]
        return sorted(found, key=lambda one: one.number, reverse=True)

    def aliases_of(self, machine_arn: str) -> list[Alias]:
        """Return the aliases of a state machine, newest first."""
        found = [one for one in list(self.aliases.values()) if one.machine_arn == machine_arn]
        return sorted(found, key=lambda one: one.created, reverse=True)

    def remove_machine(self, machine_arn: str) -> list[Execution]:
        """Forget a state machine with all that belongs to it, and return its executions."""
        self.machines.pop(machine_arn, None)
        self.tags.pop(machine_arn, None)
        for version in self.versions_of(machine_arn):
            del self.versions[version.arn]
        for alias in self.aliases_of(machine_arn):
            del self.aliases[alias.arn]
        return self.executions.remove_of_machine(machine_arn)
