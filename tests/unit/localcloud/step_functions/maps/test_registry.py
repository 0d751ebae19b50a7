"""Map Runs are taken up by the next process, as JSON."""

import json
from collections import OrderedDict
from typing import Any

import pytest

from localcloud.step_functions.maps import registry
from localcloud.step_functions.maps.map_run import MapRun

EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:batch:one"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:batch"


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_runs", OrderedDict())


def restarted(run: MapRun) -> dict[str, Any]:
    """Return what the next process tells of a Map Run."""
    registry.add(run)
    rows = json.loads(json.dumps(registry.saved()))
    registry._runs.clear()
    registry.restore(rows)
    found = registry.find(run.arn)
    assert found is not None
    return registry.description(found)


def test_a_map_run_that_has_ended_is_told_as_before() -> None:
    run = MapRun(EXECUTION, MACHINE, "Photos", 8, 3, 2.5)
    run.items.by_state |= {"succeeded": 90, "failed": 10}
    run.children.by_state["succeeded"] = 3
    run.items.results_written = 100
    run.end("FAILED")
    run.start_again()
    run.end("SUCCEEDED")
    assert restarted(run) == registry.description(run)
    assert [one.arn for one in registry.runs_of(EXECUTION)] == [run.arn]


def test_a_map_run_that_ran_has_failed_and_what_it_had_begun_is_aborted() -> None:
    run = MapRun(EXECUTION, MACHINE, "Photos", 8)
    run.items.by_state |= {"pending": 50, "running": 40, "succeeded": 10}
    run.children.by_state |= {"running": 2}
    told = restarted(run)
    assert told["status"] == "FAILED" and "stopDate" in told
    items = {name: told["itemCounts"][name] for name in ("pending", "running", "aborted", "succeeded", "total")}
    assert items == {"pending": 50, "running": 0, "aborted": 40, "succeeded": 10, "total": 100}
    assert told["executionCounts"]["aborted"] == 2
