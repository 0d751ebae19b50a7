"""A Step Functions that is as late and as busy as AWS's may be; its time is that of a `Clock`."""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.training.fakes import Clock, client_error

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
PREFIX = "arn:aws:states:us-east-1:1:execution:m"
NEVER = 1e6  # seconds


@dataclass
class Conditions:
    """How AWS behaves; times in seconds."""

    seconds: float = 1.0  # an execution takes
    list_lag: float = 0.0  # a list shows what was then
    describe_lag: float = 0.0
    disorder: int = 1  # entries of a list that may be out of order
    throttled: int = 0  # of each so many requests one is throttled; 0: none
    concurrency: int = 1000  # of the account's functions
    errors: dict[str, str] = field(default_factory=dict)  # by s3_key
    statuses: dict[str, str] = field(default_factory=dict)  # by s3_key, in place of FAILED
    history: int = 0  # executions that ended long before this run
    seed: int = 0  # of disorder and throttling


class StepFunctions:
    """Lambda and Step Functions of an account."""

    def __init__(self, clock: Clock, conditions: Conditions | None = None) -> None:
        self.conditions = conditions or Conditions()
        self.clock = clock
        self.executions: dict[str, dict[str, Any]] = {}
        self._history = [old_entry(number) for number in range(self.conditions.history)]
        self.most_at_once = 0
        self.calls: Counter[str] = Counter()
        self.calls_at: Counter[tuple[str, float]] = Counter()  # by operation and time
        self.listed = 0  # entries
        self.before_start: Callable[[str], None] = lambda name: None
        self._random = random.Random(self.conditions.seed)
        self._lock = threading.Lock()

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.conditions.concurrency}}

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:
        with self._lock:
            self._count("start")
            self.before_start(name)
            return self.create(name, input)

    def create(self, name: str, input: str) -> dict[str, Any]:
        """Start an execution; with the name and input of one that runs, answer as the first time."""
        found = self.executions.get(name)
        if found and (found["input"] != input or self.status(found, self.clock.now) != "RUNNING"):
            raise client_error("ExecutionAlreadyExists", "Execution Already Exists")
        if not found:
            now = self.clock.now
            found = {"name": name, "input": input, "start": now, "stop": now + self.conditions.seconds}
            self.executions[name] = found
            self.most_at_once = max(self.most_at_once, len(self.running()))
        return {"executionArn": f"{PREFIX}:{name}", "startDate": date(found["start"])}

    def running(self) -> list[dict[str, Any]]:
        return [one for one in self.executions.values() if self.status(one, self.clock.now) == "RUNNING"]

    def status(self, execution: dict[str, Any], now: float) -> str:
        if execution["stop"] > now:
            return "RUNNING"
        key = json.loads(execution["input"])["s3_key"]
        default = "FAILED" if key in self.conditions.errors else "SUCCEEDED"
        return self.conditions.statuses.get(key, default)

    def get_paginator(self, operation: str) -> "StepFunctions":
        assert operation == "list_executions"
        return self

    def paginate(self, stateMachineArn: str, PaginationConfig: dict[str, int]) -> Iterator[dict[str, Any]]:
        entries, size = self._listed(self.clock.now - self.conditions.list_lag), PaginationConfig["PageSize"]
        for start in range(0, max(1, len(entries)), size):
            with self._lock:
                self._count("list")
            self.listed += len(entries[start : start + size])
            yield {"executions": entries[start : start + size]}

    def _listed(self, now: float) -> list[dict[str, Any]]:
        """Return the list as it was at a time, newest first, entries that are near each other in any order."""
        entries = [self._entry(one, now) for one in self.executions.values() if one["start"] <= now]
        entries.sort(key=lambda entry: entry.get("stopDate", entry["startDate"]), reverse=True)
        runs = [entries[n : n + self.conditions.disorder] for n in range(0, len(entries), self.conditions.disorder)]
        return [*(entry for run in runs for entry in self._random.sample(run, len(run))), *self._history]

    def _entry(self, execution: dict[str, Any], now: float) -> dict[str, Any]:
        name, status = execution["name"], self.status(execution, now)
        entry = {"name": name, "executionArn": f"{PREFIX}:{name}", "status": status}
        stopped = {} if status == "RUNNING" else {"stopDate": date(execution["stop"])}
        return entry | {"startDate": date(execution["start"])} | stopped

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        with self._lock:
            self._count("describe")
        now = self.clock.now - self.conditions.describe_lag
        execution = self.executions.get(executionArn.removeprefix(f"{PREFIX}:"))
        if execution is None or execution["start"] > now:
            raise client_error("ExecutionDoesNotExist", "Execution Does Not Exist")
        described = self._entry(execution, now) | {"input": execution["input"]}
        error = self.conditions.errors.get(json.loads(execution["input"])["s3_key"])
        return described | ({"error": error, "cause": "because"} if error and "stopDate" in described else {})

    def _count(self, operation: str) -> None:
        self.calls[operation] += 1
        self.calls_at[operation, self.clock.now] += 1
        if self.conditions.throttled and self._random.randrange(self.conditions.throttled) == 0:
            self.calls[f"{operation} throttled"] += 1
            raise client_error("ThrottlingException", "Rate exceeded")


def old_entry(number: int) -> dict[str, Any]:
    """Return the list's entry for an execution of an earlier run."""
    name, stop = f"old-{number}", -3600.0 - number
    entry = {"name": name, "executionArn": f"{PREFIX}:{name}", "status": "SUCCEEDED"}
    return entry | {"startDate": date(stop - 1), "stopDate": date(stop)}


def date(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)
