"""What a distributed Map writes and returns."""

from collections.abc import Callable
from typing import Any

import pytest

from localcloud.step_functions.execution import Execution
from tests.unit.localcloud.step_functions.maps.buckets import Bucket
from tests.unit.localcloud.step_functions.maps.map_states import WRITER, distributed, fails_at, map_run, written
from tests.unit.localcloud.step_functions.runs import PASS, TASK, machine, output


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
