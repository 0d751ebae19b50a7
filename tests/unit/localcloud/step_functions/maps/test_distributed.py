"""Runs of a distributed Map: history, description, children, items; limits that move, and stops."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.step_functions import execution
from localcloud.step_functions.execution import Execution
from localcloud.step_functions.maps import registry
from tests.unit.localcloud.step_functions.maps.buckets import Bucket
from tests.unit.localcloud.step_functions.maps.map_states import LISTING, WRITER, distributed, map_run, written
from tests.unit.localcloud.step_functions.runs import (
    PASS,
    TASK,
    Functions,
    chain,
    connect,
    details,
    execution_of,
    machine,
    output,
    types,
)


def test_the_parent_s_history_names_the_run(run: Callable[..., Execution]) -> None:
    found = run(machine(distributed(PASS, Label="each")), [1, {"x": 2}])
    assert output(found) == [1, {"x": 2}]
    assert chain(found) == [
        ("ExecutionStarted", 0),
        ("MapStateEntered", 0),
        ("MapStateStarted", 2),
        ("MapRunStarted", 3),
        ("MapRunSucceeded", 4),
        ("MapStateSucceeded", 5),
        ("MapStateExited", 5),
        ("ExecutionSucceeded", 7),
    ]
    arn = details(found, "MapRunStarted")["mapRunArn"]
    assert arn.startswith("arn:aws:states:us-east-1:111111111111:mapRun:machine/each:")
    assert details(found, "MapStateStarted") == {"length": 2}


def test_a_run_is_described(run: Callable[..., Execution]) -> None:
    found = run(machine(distributed(PASS, Label="each", MaxConcurrency=1)), [1, 2])
    told = registry.description(map_run(found))
    counts = {"aborted": 0, "failed": 0, "pending": 0, "resultsWritten": 2, "running": 0, "succeeded": 2, "timedOut": 0}
    counts |= {"total": 2, "failuresNotRedrivable": 0, "pendingRedrive": 0}
    assert told.pop("startDate") <= told.pop("stopDate")
    assert told == {
        "executionArn": found.arn,
        "executionCounts": counts,
        "itemCounts": counts,
        "mapRunArn": map_run(found).arn,
        "maxConcurrency": 1,
        "redriveCount": 0,
        "status": "SUCCEEDED",
        "toleratedFailureCount": 0,
        "toleratedFailurePercentage": 0.0,
    }
    machine_arn = "arn:aws:states:us-east-1:111111111111:stateMachine:machine/each"
    assert registry.summary(map_run(found))["stateMachineArn"] == machine_arn


@pytest.mark.parametrize(("kind", "resource"), [("STANDARD", "execution"), ("EXPRESS", "express")])
def test_children_are_executions_of_their_own(run: Callable[..., Execution], kind: str, resource: str) -> None:
    context = {**PASS, "Parameters": {"input.$": "$$.Execution.Input", "machine.$": "$$.StateMachine.Name"}}
    found = run(machine(distributed(context, kind=kind, Label="each")), ["x"])
    assert output(found) == [{"input": "x", "machine": "machine/each"}]
    (row,) = registry.child_rows(map_run(found))
    assert row["executionArn"].startswith(f"arn:aws:states:us-east-1:111111111111:{resource}:machine/each:")
    assert (row["itemCount"], row["status"], row["mapRunArn"]) == (1, "SUCCEEDED", map_run(found).arn)
    child = registry.find_child(row["executionArn"])
    assert child is not None and child.input == '"x"' and child.map_run_arn == map_run(found).arn
    kept = (
        [] if kind == "EXPRESS" else ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    )
    assert types(child) == kept


def test_items_are_listed_and_selected(run: Callable[..., Execution], bucket: Bucket) -> None:
    bucket.objects |= {"p/a": b"", "p/b": b"", "other": b""}
    selector = {"key.$": "$$.Map.Item.Value.Key", "from.$": "$$.Map.Item.Source", "n.$": "$$.Map.Item.Index"}
    found = run(machine(distributed(PASS, ItemReader=LISTING, ItemSelector={**selector, "job.$": "$.job"})), {"job": 7})
    assert output(found) == [
        {"key": "p/a", "from": "s3://photos", "n": 0, "job": 7},
        {"key": "p/b", "from": "s3://photos", "n": 1, "job": 7},
    ]
    assert details(found, "MapStateStarted") == {"length": 0}


def test_jsonata_reads_selects_and_batches(run: Callable[..., Execution], bucket: Bucket) -> None:
    bucket.put("items.json", {"a": 1, "b": 2, "c": 3})
    arguments = {"Bucket": "photos", "Key": "{% $states.input.key %}"}
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON", "MaxItems": "{% $states.input.most %}"},
        "Arguments": arguments,
    }
    state = distributed(
        PASS,
        ItemReader=reader,
        ItemSelector="{% $states.context.Map.Item.Key & $string($states.context.Map.Item.Value) %}",
        ItemBatcher={"MaxItemsPerBatch": "{% $states.input.size %}", "BatchInput": {"job": "{% $states.input.key %}"}},
    )
    given = {"key": "items.json", "most": 3, "size": 2}
    found = run(machine(state, QueryLanguage="JSONata"), given)
    assert output(found) == [
        {"BatchInput": {"job": "items.json"}, "Items": ["a1", "b2"]},
        {"BatchInput": {"job": "items.json"}, "Items": ["c3"]},
    ]
    assert [row["itemCount"] for row in registry.child_rows(map_run(found))] in ([1, 2], [2, 1])
    assert (map_run(found).items.total, map_run(found).children.total) == (3, 2)


def test_paths_give_the_numbers_of_a_batch(run: Callable[..., Execution]) -> None:
    batcher = {"MaxItemsPerBatchPath": "$.size", "MaxInputBytesPerBatchPath": "$.bytes", "BatchInput": {"j.$": "$.job"}}
    state = distributed(PASS, ItemsPath="$.items", ItemBatcher=batcher)
    found = run(machine(state), {"items": [1, 2, 3], "size": 2, "bytes": 1000, "job": 5})
    assert output(found) == [{"BatchInput": {"j": 5}, "Items": [1, 2]}, {"BatchInput": {"j": 5}, "Items": [3]}]


# Limits that move, and stops -------------------------------------------------------------------------------------


class Gate:
    """A function that waits until it is opened, and counts how many wait."""

    def __init__(self) -> None:
        self.waiting = 0
        self.opened = threading.Event()
        self._lock = threading.Lock()

    def function(self, event: Any) -> Any:
        with self._lock:
            self.waiting += 1
        self.opened.wait(20)
        return event

    def wait_for(self, number: int) -> None:
        deadline = time.monotonic() + 10
        while self.waiting != number:
            assert time.monotonic() < deadline, self.waiting
            time.sleep(0.005)


@pytest.fixture
def gate(bucket: Bucket) -> Gate:
    gate = Gate()
    connect(Functions(gate.function).invoke, bucket)
    return gate


def test_concurrency_is_kept_and_moved(gate: Gate) -> None:
    found = execution_of(machine(distributed(TASK, MaxConcurrency=2)), list(range(9)))
    execution.start(found)
    gate.wait_for(2)
    time.sleep(0.1)
    assert gate.waiting == 2 and map_run(found).items.by_state["running"] == 2
    registry.update(map_run(found), max_concurrency=5)
    gate.wait_for(5)
    assert registry.description(map_run(found))["maxConcurrency"] == 5
    execution.stop(found)
    gate.opened.set()


def test_a_stop_reaches_the_children(gate: Gate, bucket: Bucket) -> None:
    found = execution_of(machine(distributed(TASK, MaxConcurrency=2, ResultWriter=WRITER)), list(range(5)))
    execution.start(found)
    gate.wait_for(2)
    execution.stop(found)
    gate.opened.set()
    manifest = f"out/{map_run(found).id}/manifest.json"
    deadline = time.monotonic() + 10
    while manifest not in bucket.objects:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert types(found)[-2:] == ["MapRunAborted", "ExecutionAborted"]
    assert map_run(found).status == "ABORTED"
    assert [row["status"] for row in registry.child_rows(map_run(found))] == ["ABORTED", "ABORTED"]
    by_state = map_run(found).items.by_state
    assert (by_state["aborted"], by_state["pending"], by_state["running"]) == (2, 3, 0)
    entries = written(bucket, found)
    assert [len(entries[kind]) for kind in ("SUCCEEDED", "FAILED", "PENDING")] == [0, 2, 3]


def test_children_leave_memory(run: Callable[..., Execution], monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(machine(distributed(PASS, kind="EXPRESS")), list(range(300)))
    known = [row for row in registry.child_rows(map_run(found)) if registry.find_child(row["executionArn"])]
    assert len(list(registry.child_rows(map_run(found)))) == 300 and len(known) == 100
