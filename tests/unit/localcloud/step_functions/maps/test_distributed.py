import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.step_functions import execution
from localcloud.step_functions.execution import Execution
from localcloud.step_functions.maps import registry
from localcloud.step_functions.maps.map_run import MapRun
from tests.unit.localcloud.step_functions.maps.buckets import Bucket
from tests.unit.localcloud.step_functions.runs import (
    PASS,
    TASK,
    FunctionError,
    Functions,
    chain,
    connect,
    details,
    execution_of,
    machine,
    output,
    types,
)

WRITER = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "results", "Prefix": "out"}}
LISTING = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "photos", "Prefix": "p/"}}


def distributed(*states: dict[str, Any], kind: str = "STANDARD", **more: Any) -> dict[str, Any]:
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    return {"Type": "Map", "ItemProcessor": {**machine(*states), **config}, **more}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def run(bucket: Bucket) -> Callable[..., Execution]:
    def start_and_wait(definition: dict[str, Any], given: Any = None, function: Any = lambda event: event) -> Execution:
        connect(Functions(function).invoke, bucket)
        found = execution_of(definition, given)
        execution.run(found)
        return found

    return start_and_wait


def map_run(found: Execution) -> MapRun:
    return registry.runs_of(found.arn)[0]


def fails_at(*failing: int) -> Any:
    def function(event: Any) -> Any:
        numbers = event["Items"] if isinstance(event, dict) else [event]
        if set(numbers) & set(failing):
            raise FunctionError("Boom", "boom")
        return event

    return function


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


# Failures --------------------------------------------------------------------------------------------------------


def test_one_failure_ends_the_run(run: Callable[..., Execution]) -> None:
    started: list[Any] = []

    def function(event: Any) -> Any:
        started.append(event)
        return fails_at(2)(event)

    found = run(machine(distributed(TASK, MaxConcurrency=1)), list(range(10)), function)
    assert chain(found)[3:] == [
        ("MapRunStarted", 3),
        ("MapRunFailed", 4),
        ("MapStateFailed", 5),
        ("ExecutionFailed", 6),
    ]
    expected = {
        "error": "States.ExceedToleratedFailureThreshold",
        "cause": "The specified tolerated failure threshold was exceeded",
    }
    assert details(found, "MapRunFailed") == details(found, "ExecutionFailed") == expected
    assert started == [0, 1, 2]
    by_state = map_run(found).items.by_state
    assert (by_state["succeeded"], by_state["failed"], by_state["pending"]) == (2, 1, 7)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"ToleratedFailureCount": 1}, "FAILED"),
        ({"ToleratedFailureCount": 2}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 19.9}, "FAILED"),
        ({"ToleratedFailurePercentage": 20}, "SUCCEEDED"),
        ({"ToleratedFailureCountPath": "$.two"}, "SUCCEEDED"),
        ({"ToleratedFailurePercentagePath": "$.two"}, "FAILED"),
        ({"ToleratedFailurePercentage": 100, "ToleratedFailureCount": 0}, "FAILED"),
    ],
)
def test_so_many_failures_are_tolerated(run: Callable[..., Execution], fields: dict[str, Any], status: str) -> None:
    state = distributed(TASK, ItemsPath="$.items", **fields)
    found = run(machine(state), {"items": list(range(10)), "two": 2}, fails_at(3, 7))
    assert found.status == status


def test_a_failed_batch_fails_all_its_items(run: Callable[..., Execution]) -> None:
    state = distributed(TASK, ItemBatcher={"MaxItemsPerBatch": 5}, ToleratedFailureCount=5)
    found = run(machine(state), list(range(10)), fails_at(3))
    assert found.status == "SUCCEEDED"
    assert (map_run(found).items.by_state["failed"], map_run(found).children.by_state["failed"]) == (5, 1)
    failed = output(found)[0]
    assert (failed["Status"], failed["Error"], json.loads(failed["Input"])) == (
        "FAILED",
        "Boom",
        {"Items": [0, 1, 2, 3, 4]},
    )


def test_a_threshold_is_caught(run: Callable[..., Execution]) -> None:
    catch = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "B"}]
    assert output(run(machine(distributed(TASK, Catch=catch), PASS), [1], fails_at(1)))["Cause"]


def test_a_dataset_that_cannot_be_read_fails_the_run(run: Callable[..., Execution]) -> None:
    reader = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "photos", "Key": "none"}}
    found = run(machine(distributed(PASS, ItemReader=reader)))
    cause = "The specified key does not exist. (Service: S3, Status Code: 404, Request ID: r)"
    assert details(found, "MapRunFailed") == {"error": "States.ItemReaderFailed", "cause": cause}
    assert (found.error, found.cause) == ("States.ItemReaderFailed", cause)


def test_a_negative_number_of_items_fails_the_run(run: Callable[..., Execution]) -> None:
    reader = {**LISTING, "ReaderConfig": {"MaxItemsPath": "$.most"}}
    found = run(machine(distributed(PASS, ItemReader=reader)), {"most": -1})
    assert chain(found)[4:] == [("MapRunFailed", 4), ("MapStateFailed", 5), ("ExecutionFailed", 6)]
    expected = {"error": "States.ItemReaderFailed", "cause": "field MaxItems must be positive"}
    assert details(found, "MapRunFailed") == details(found, "ExecutionFailed") == expected


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"ItemReader": {**LISTING, "ReaderConfig": {"MaxItemsPath": "$.n"}}},
            'The MaxItemsPath field refers to value "1.5" which is not a valid integer: $.n',
        ),
        (
            {"ItemsPath": "$.items", "ToleratedFailureCountPath": "$.n"},
            'The ToleratedFailureCountPath field refers to value "1.5" which is not a valid integer: $.n',
        ),
        ({"ItemsPath": "$.items", "ToleratedFailureCountPath": "$.minus"}, "ToleratedFailureCount cannot be negative."),
        (
            {"ItemsPath": "$.items", "ToleratedFailurePercentagePath": "$.minus"},
            "ToleratedFailurePercentage must be between 0 and 100.",
        ),
    ],
)
def test_a_bad_number_ends_the_execution_before_the_run(
    run: Callable[..., Execution], fields: dict[str, Any], sentence: str
) -> None:
    found = run(machine(distributed(PASS, **fields)), {"items": [0], "n": 1.5, "minus": -1})
    assert chain(found)[2:] == [("MapStateStarted", 2), ("ExecutionFailed", 3)]
    prefix = "An error occurred while executing the state 'A' (entered at the event id #2). "
    assert (found.error, found.cause) == ("States.Runtime", prefix + sentence)


def test_the_role_must_start_children(bucket: Bucket) -> None:
    def denial(role_arn: str, action: str, resource_arn: str) -> str:
        return f"{role_arn} may not {action} on {resource_arn}"

    connect(Functions(id).invoke, bucket, denial)
    found = execution_of(machine(distributed(PASS)), [1])
    execution.run(found)
    assert found.error == "States.Permissions" and found.cause is not None
    assert "states:StartExecution on arn:aws:states:us-east-1:111111111111:stateMachine:machine" in found.cause


# Results ---------------------------------------------------------------------------------------------------------


def written(bucket: Bucket, found: Execution) -> dict[str, list[Any]]:
    """Return the entries of all result files by kind."""
    key = f"out/{map_run(found).id}/manifest.json"
    manifest = bucket.json(key)
    assert (manifest["DestinationBucket"], manifest["MapRunArn"]) == ("results", map_run(found).arn)
    entries: dict[str, list[Any]] = {}
    for kind, files in manifest["ResultFiles"].items():
        for number, file in enumerate(files):
            assert file["Key"] == f"out/{map_run(found).id}/{kind}_{number}.json"
            assert file["Size"] == len(bucket.objects[file["Key"]])
        entries[kind] = [entry for file in files for entry in bucket.json(file["Key"])]
    return entries


def test_results_are_written(run: Callable[..., Execution], bucket: Bucket) -> None:
    found = run(
        machine(distributed(TASK, ResultWriter=WRITER, Label="each", ToleratedFailureCount=1)), [1, 2], fails_at(2)
    )
    assert output(found) == {
        "MapRunArn": map_run(found).arn,
        "ResultWriterDetails": {"Bucket": "results", "Key": f"out/{map_run(found).id}/manifest.json"},
    }
    entries = written(bucket, found)
    (succeeded,), (failed,) = entries["SUCCEEDED"], entries["FAILED"]
    assert (succeeded["Input"], succeeded["Output"], succeeded["Status"]) == ("1", "1", "SUCCEEDED")
    assert succeeded.keys() == {
        *("ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails", "RedriveCount", "RedriveStatus"),
        *("RedriveStatusReason", "StartDate", "StateMachineArn", "Status", "StopDate"),
    }
    assert (failed["Error"], failed["Status"], failed["RedriveStatus"]) == ("Boom", "FAILED", "REDRIVABLE_BY_MAP_RUN")
    assert entries["PENDING"] == []


@pytest.mark.parametrize(("transformation", "expected"), [("COMPACT", [[1, 10], [2, 10]]), ("FLATTEN", [1, 10, 2, 10])])
def test_results_are_transformed(
    run: Callable[..., Execution], bucket: Bucket, transformation: str, expected: list[Any]
) -> None:
    config = {"Transformation": transformation, "OutputType": "JSON"}
    state = distributed(TASK, MaxConcurrency=1, ResultWriter={**WRITER, "WriterConfig": config})
    assert written(bucket, run(machine(state), [1, 2], lambda n: [n, 10]))["SUCCEEDED"] == expected
    shown = distributed(TASK, ResultWriter={"WriterConfig": config})
    assert output(run(machine(shown), [1, 2], lambda n: [n, 10])) == expected


def test_results_are_written_as_lines(run: Callable[..., Execution], bucket: Bucket) -> None:
    config = {"Transformation": "FLATTEN", "OutputType": "JSONL"}
    state = distributed(TASK, MaxConcurrency=1, ResultWriter={**WRITER, "WriterConfig": config})
    found = run(machine(state), [1, 2], lambda n: [{"n": n}])
    (file,) = bucket.json(f"out/{map_run(found).id}/manifest.json")["ResultFiles"]["SUCCEEDED"]
    assert file["Key"].endswith("SUCCEEDED_0.jsonl")
    assert bucket.objects[file["Key"]] == b'{"n":1}\n{"n":2}\n'


def test_large_results_fill_several_files(
    run: Callable[..., Execution], bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.step_functions.maps.writer.FILE_BYTES", 300)
    config = {"WriterConfig": {"Transformation": "COMPACT"}}
    state = distributed(PASS, MaxConcurrency=1, ResultWriter={**WRITER, **config})
    found = run(machine(state), ["x" * 200] * 5)
    assert written(bucket, found)["SUCCEEDED"] == ["x" * 200] * 5
    assert f"out/{map_run(found).id}/SUCCEEDED_2.json" in bucket.objects


def test_what_has_not_started_is_written_when_the_run_fails(run: Callable[..., Execution], bucket: Bucket) -> None:
    found = run(machine(distributed(TASK, MaxConcurrency=1, ResultWriter=WRITER)), [1, 2, 3], fails_at(1))
    entries = written(bucket, found)
    assert [entry["Input"] for entry in entries["PENDING"]] == ["2", "3"]
    assert [entry["Status"] for entry in entries["FAILED"]] == ["FAILED"]


def test_results_that_cannot_be_written_fail_the_run_before_the_first_child(run: Callable[..., Execution]) -> None:
    called: list[Any] = []
    writer = {**WRITER, "Parameters": {"Bucket": "foreign"}}
    found = run(machine(distributed(TASK, ResultWriter=writer)), [1], called.append)
    assert (found.error, called) == ("States.ResultWriterFailed", [])


def test_a_state_s_output_is_limited(run: Callable[..., Execution]) -> None:
    found = run(machine(distributed(TASK, MaxConcurrency=10)), list(range(40)), lambda n: "x" * 20_000)
    assert found.error == "States.DataLimitExceeded"


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
