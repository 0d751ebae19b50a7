import time
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.step_functions import execution
from localcloud.step_functions.execution import Execution
from localcloud.step_functions.maps import registry
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
    wait_for_event,
)


class Flaky:
    """A function that fails for some events until it is repaired."""

    def __init__(self, *failing: Any) -> None:
        self.failing: list[Any] = list(failing)
        self.seen: list[Any] = []

    def __call__(self, event: Any) -> Any:
        self.seen.append(event)
        if event in self.failing:
            raise FunctionError("Boom", "boom")
        return event


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def run(bucket: Bucket) -> Callable[..., Execution]:
    def start_and_wait(definition: dict[str, Any], given: Any, function: Any) -> Execution:
        connect(Functions(function).invoke, bucket)
        found = execution_of(definition, given)
        execution.run(found)
        return found

    return start_and_wait


def redriven(found: Execution) -> Execution:
    assert execution.redrive(found)
    deadline = time.monotonic() + 10
    while found.status == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


def test_an_execution_goes_on_in_the_state_where_it_failed(run: Callable[..., Execution]) -> None:
    flaky = Flaky({"n": 1})
    context = {**PASS, "Parameters": {"n.$": "$.n", "redrives.$": "$$.Execution.RedriveCount"}}
    found = run(machine(PASS, TASK, context), {"n": 1}, flaky)
    assert found.status == "FAILED" and execution.why_not_redrivable(found) is None
    flaky.failing.clear()
    assert output(redriven(found)) == {"n": 1, "redrives": 1}
    assert chain(found)[7:12] == [
        ("ExecutionFailed", 7),
        ("ExecutionRedriven", 8),
        ("LambdaFunctionScheduled", 9),
        ("LambdaFunctionStarted", 10),
        ("LambdaFunctionSucceeded", 11),
    ]
    assert details(found, "ExecutionRedriven") == {"redriveCount": 1}
    assert execution.why_not_redrivable(found) == "Execution is SUCCEEDED and cannot be redriven"


def test_iterations_and_branches_that_succeeded_stay(run: Callable[..., Execution]) -> None:
    each = {"Type": "Map", "ItemProcessor": machine(TASK), "MaxConcurrency": 1}
    flaky = Flaky(2)
    found = run(machine(each), [1, 2, 3], flaky)
    flaky.failing.clear()
    assert output(redriven(found)) == [1, 2, 3]
    assert flaky.seen == [1, 2, 2, 3]


def test_a_stopped_execution_is_redriven(run: Callable[..., Execution]) -> None:
    found = execution_of(machine({"Type": "Wait", "SecondsPath": "$.s"}), {"s": 60})
    execution.start(found)
    wait_for_event(found, "WaitStateEntered")
    execution.stop(found)
    assert execution.redrive(found) and found.status == "RUNNING" and found.stopped is None
    execution.stop(found)
    assert [kind for kind, _ in chain(found)] == [
        "ExecutionStarted",
        "WaitStateEntered",
        "ExecutionAborted",
        "ExecutionRedriven",
        "ExecutionAborted",
    ]


@pytest.mark.parametrize("writes", [False, True])
def test_a_map_run_runs_again_what_had_not_succeeded(
    run: Callable[..., Execution], bucket: Bucket, writes: bool
) -> None:
    processor = {**machine(TASK), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}
    state: dict[str, Any] = {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": 1}
    if writes:
        parameters = {"Bucket": "results", "Prefix": "out"}
        config = {"Transformation": "COMPACT"}
        writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": parameters, "WriterConfig": config}
        state["ResultWriter"] = writer
    flaky = Flaky(2)
    found = run(machine(state), [1, 2, 3, 4], flaky)
    (map_run,) = registry.runs_of(found.arn)[:1]
    assert (map_run.status, map_run.items.by_state["pending"]) == ("FAILED", 2)
    flaky.failing.clear()
    result = output(redriven(found))
    assert flaky.seen == [1, 2, 2, 3, 4]
    assert details(found, "MapRunRedriven") == {"mapRunArn": map_run.arn, "redriveCount": 1}
    described = registry.description(map_run)
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
    assert (described["itemCounts"]["succeeded"], described["itemCounts"]["resultsWritten"]) == (4, 4)
    if writes:
        files = bucket.json(result["ResultWriterDetails"]["Key"])["ResultFiles"]
        assert (files["FAILED"], files["PENDING"]) == ([], [])
        assert [entry for file in files["SUCCEEDED"] for entry in bucket.json(file["Key"])] == [1, 2, 3, 4]
    else:
        assert result == [1, 2, 3, 4]


def test_an_express_execution_is_not_redrivable() -> None:
    found = execution_of(machine({"Type": "Fail"}), kind="EXPRESS")
    execution.run(found)
    assert not execution.redrive(found)
    assert execution.why_not_redrivable(found) == "Execution is of type EXPRESS and cannot be redriven"
