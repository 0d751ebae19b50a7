"""Failures of a distributed Map: what ends a run, what is tolerated, and what comes before it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.step_functions import execution
from localcloud.step_functions.execution import Execution
from tests.unit.localcloud.step_functions.maps.buckets import Bucket
from tests.unit.localcloud.step_functions.maps.map_states import LISTING, distributed, fails_at, map_run
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
)


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
