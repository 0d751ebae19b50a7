"""Which executions and histories are kept, and what of them comes back after a restart."""

import json
from typing import Any

import pytest

from localcloud.step_functions import saved, store
from localcloud.step_functions.execution import End, Execution, finish
from localcloud.step_functions.store import Alias, Executions, Machine, Revision, Store, Version

PREFIX = "arn:aws:states:us-east-1:000000000000"
MACHINE = f"{PREFIX}:stateMachine:m"
REVISION = Revision("INITIAL", '{"StartAt": "A"}', "arn:aws:iam::000000000000:role/r", "STANDARD", {}, {}, 1.5)


def execution(name: str, machine: str = MACHINE) -> Execution:
    made = Execution(f"{PREFIX}:execution:m:{name}", name, machine, "r", "STANDARD", REVISION.parsed, "{}")
    made.history.add("ExecutionStarted", {"input": "{}"}, 0)
    return made


def ended(name: str, kept: Executions, events: int = 1) -> Execution:
    made = execution(name)
    for _ in range(events - 1):
        made.history.add("PassStateEntered", {"name": "A"})
    kept.add(made, REVISION)
    finish(made, End("SUCCEEDED", output="{}"))
    kept.note_end(made)
    return made


def names(kept: Executions) -> list[str]:
    return [one.execution.name for one in kept]


def test_a_name_is_taken_once() -> None:
    kept = Executions()
    assert kept.add(execution("a"), REVISION)
    assert not kept.add(execution("a"), REVISION)


def test_the_oldest_executions_are_forgotten_when_too_many_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_EXECUTIONS", 2)
    kept = Executions()
    kept.add(execution("running"), REVISION)
    for name in "abc":
        ended(name, kept)
    assert names(kept) == ["running", "b", "c"]
    assert kept.add(execution("a"), REVISION)


def test_the_oldest_histories_leave_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_HISTORIES", 2)
    kept = Executions()
    first, *others = [ended(name, kept) for name in "abc"]
    assert not kept.has_history(first)
    assert first.history.events() == []
    assert all(kept.has_history(one) and one.history.events() for one in others)
    assert names(kept) == ["a", "b", "c"]


def test_histories_are_bounded_by_their_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_EVENTS", 100)
    kept = Executions()
    long, short = ended("long", kept, events=90), ended("short", kept)
    assert kept.has_history(long)
    another = ended("another", kept, events=60)
    assert [kept.has_history(one) for one in (long, short, another)] == [False, True, True]


def test_a_running_execution_has_its_history() -> None:
    kept, running = Executions(), execution("running")
    kept.add(running, REVISION)
    assert kept.has_history(running)
    assert kept.any_runs()


def test_an_end_counts_once() -> None:
    kept = Executions()
    done = ended("a", kept)
    kept.note_end(done)
    kept.note_end(execution("unknown"))
    assert names(kept) == ["a"]


def filled() -> Store:
    kept = Store()
    kept.machines[MACHINE] = Machine(MACHINE, "m", 1.0, REVISION, last_version=1)
    kept.versions[f"{MACHINE}:1"] = Version(f"{MACHINE}:1", MACHINE, "first", 2.0, REVISION)
    routes = [{"stateMachineVersionArn": f"{MACHINE}:1", "weight": 100}]
    kept.aliases[f"{MACHINE}:live"] = Alias(f"{MACHINE}:live", "live", "", routes, 3.0, 4.0)
    kept.tags[MACHINE] = {"team": "scones"}
    return kept


def reloaded(kept: Store) -> Store:
    again = Store()
    saved.restore(again, json.loads(json.dumps(saved.snapshot(kept))))
    return again


def test_a_machine_is_removed_with_all_that_is_its_own() -> None:
    kept = filled()
    mine, other = execution("a"), execution("b", f"{MACHINE}2")
    kept.executions.add(mine, REVISION)
    kept.executions.add(other, REVISION)
    assert kept.remove_machine(MACHINE) == [mine]
    assert (kept.machines, kept.versions, kept.aliases, kept.tags) == ({}, {}, {}, {})
    assert names(kept.executions) == ["b"]


def test_machines_versions_aliases_and_tags_are_restored() -> None:
    before = filled()
    after = reloaded(before)
    assert (after.machines, after.versions, after.aliases, after.tags) == (
        before.machines,
        before.versions,
        before.aliases,
        before.tags,
    )


def test_an_ended_execution_is_restored_with_its_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_HISTORIES", 1)
    before = filled()
    ended("forgotten", before.executions)
    done = ended("kept", before.executions, events=3)
    after = reloaded(before).executions
    known = after.get(done.arn)
    assert known is not None
    assert known.execution.history.events() == done.history.events()
    assert (known.execution.status, known.execution.output) == ("SUCCEEDED", "{}")
    assert (known.execution.started, known.execution.stopped) == (done.started, done.stopped)
    (forgotten,) = [one.execution for one in after if one.execution.name == "forgotten"]
    assert not after.has_history(forgotten)


def test_an_interrupted_execution_has_failed() -> None:
    before = filled()
    running = execution("running")
    before.executions.add(running, REVISION)
    known = reloaded(before).executions.get(running.arn)
    assert known is not None
    assert (known.execution.status, known.execution.error) == ("FAILED", "States.Runtime")
    assert "The local cloud ended while this execution ran" in str(known.execution.cause)
    last: dict[str, Any] = known.execution.history.events()[-1]
    assert last["type"] == "ExecutionFailed"


def test_a_definition_is_saved_once_however_many_executions_ran_it() -> None:
    before = filled()
    for number in range(3):
        before.executions.add(execution(str(number)), REVISION)
    assert len(saved.snapshot(before)["revisions"]) == 1
