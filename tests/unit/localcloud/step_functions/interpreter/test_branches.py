"""Parallel and inline Map; histories as recorded on AWS for the tests of LocalStack and floci-io/floci."""

import itertools
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localcloud.step_functions import execution
from tests.unit.localcloud.step_functions.runs import (
    PASS,
    TASK,
    FunctionError,
    chain,
    details,
    execution_of,
    machine,
    output,
    run,
    types,
)

FAIL = {"Type": "Fail", "Error": "MyError", "Cause": "my cause"}
UNDEFINED = {"Type": "Pass", "Output": {"v": "{% $states.input.missing %}"}}


def parallel(*branches: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": list(branches), **more}


def soon() -> dict[str, Any]:
    """Return a state that waits a little."""
    return {"Type": "Wait", "Timestamp": (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()}


def map_of(*states: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": machine(*states), **more}


def test_branches_run_on_chains_of_their_own() -> None:
    found = run(machine(parallel(machine(PASS, PASS), machine(PASS)), PASS), {"x": "a"})
    assert output(found) == [{"x": "a"}, {"x": "a"}]
    events = chain(found)
    assert events[:5] == [
        ("ExecutionStarted", 0),
        ("ParallelStateEntered", 0),
        ("ParallelStateStarted", 2),
        ("PassStateEntered", 3),
        ("PassStateExited", 4),
    ]
    last_of_branch = 9  # the event that a branch ended with
    assert events[9:] == [
        ("ParallelStateSucceeded", last_of_branch),
        ("ParallelStateExited", last_of_branch),
        ("PassStateEntered", 11),
        ("PassStateExited", 12),
        ("ExecutionSucceeded", 13),
    ]


def test_outputs_are_in_the_order_of_the_branches() -> None:
    slow = machine(soon(), {**PASS, "Result": "slow"})
    assert output(run(machine(parallel(slow, machine({**PASS, "Result": "fast"}))))) == ["slow", "fast"]


def test_a_fail_state_in_a_branch_fails_the_parallel_state() -> None:
    found = run(machine(parallel(machine(FAIL))))
    assert chain(found)[3:] == [("FailStateEntered", 3), ("ParallelStateFailed", 4), ("ExecutionFailed", 5)]
    assert details(found, "ExecutionFailed") == {"error": "MyError", "cause": "my cause"}


def test_a_runtime_error_in_a_branch_ends_the_execution_without_further_events() -> None:
    branch = machine({**PASS, "Parameters": {"m.$": "$.nope"}})
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "B"}]
    found = run(machine(parallel(branch, Catch=catch), PASS), {"x": "a"})
    assert chain(found)[3:] == [("PassStateEntered", 3), ("ExecutionFailed", 4)]
    assert found.cause == (
        "An error occurred while executing the state 'A' (entered at the event id #4). The JSONPath '$.nope' specified "
        "for the field 'm.$' could not be found in the input '{\"x\":\"a\"}'"
    )


def test_an_evaluation_failure_in_a_branch_is_caught() -> None:
    state = parallel(machine(UNDEFINED), Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}])
    found = run(machine(state, PASS, QueryLanguage="JSONata"), {"x": "a"})
    assert chain(found)[3:] == [
        ("PassStateEntered", 3),
        ("EvaluationFailed", 4),
        ("ParallelStateFailed", 5),
        ("ParallelStateExited", 6),
        ("PassStateEntered", 7),
        ("PassStateExited", 8),
        ("ExecutionSucceeded", 9),
    ]
    assert output(found)["Cause"].startswith("An error occurred while executing the state 'A' (entered at the event id")


def test_a_retried_parallel_state_starts_again() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 0}]
    found = run(machine(parallel(machine(FAIL), Retry=retry)))
    assert chain(found)[2:] == [
        ("ParallelStateStarted", 2),
        ("FailStateEntered", 3),
        ("ParallelStateStarted", 4),
        ("FailStateEntered", 5),
        ("ParallelStateFailed", 6),
        ("ExecutionFailed", 7),
    ]


def test_a_parallel_state_s_own_failure_follows_its_success() -> None:
    found = run(machine(parallel(machine(PASS), ResultSelector={"m.$": "$.nope"})), {"x": "a"})
    assert chain(found)[3:] == [
        ("PassStateEntered", 3),
        ("PassStateExited", 4),
        ("ParallelStateSucceeded", 5),
        ("ExecutionFailed", 6),
    ]
    assert found.cause is not None and "state 'A' (entered at the event id #2)" in found.cause


def test_a_task_that_fails_its_branch_is_aborted() -> None:
    def function(event: Any) -> Any:
        raise FunctionError("Boom", "boom")

    state = parallel(machine(TASK), Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}])
    found = run(machine(state, PASS), function=function)
    assert chain(found)[3:10] == [
        ("TaskStateEntered", 3),
        ("LambdaFunctionScheduled", 4),
        ("LambdaFunctionStarted", 5),
        ("LambdaFunctionFailed", 6),
        ("TaskStateAborted", 7),
        ("ParallelStateFailed", 7),
        ("ParallelStateExited", 9),
    ]


def test_a_failure_cuts_the_other_branches() -> None:
    release = threading.Event()
    wait = machine({"Type": "Wait", "Seconds": 60})
    ending = machine(soon(), FAIL)
    found = run(machine(parallel(wait, machine(TASK), ending)), function=lambda _: release.wait(20))
    release.set()
    failed = types(found).index("FailStateEntered") + 1
    assert chain(found)[failed:] == [
        ("WaitStateAborted", failed),
        ("TaskStateAborted", failed),
        ("ParallelStateFailed", failed),
        ("ExecutionFailed", failed + 3),
    ]


def test_a_catcher_whose_output_fails_fails_the_state_again() -> None:
    catch = [
        {"ErrorEquals": ["Other"], "Next": "B"},
        {"ErrorEquals": ["States.ALL"], "Output": {"v": "{% $states.input.missing %}"}, "Next": "B"},
    ]
    found = run(machine(parallel(machine(FAIL), Catch=catch), PASS, QueryLanguage="JSONata"), {"x": "a"})
    assert chain(found)[3:] == [
        ("FailStateEntered", 3),
        ("ParallelStateFailed", 4),
        ("EvaluationFailed", 4),
        ("ParallelStateFailed", 6),
        ("ExecutionFailed", 7),
    ]
    assert details(found, "EvaluationFailed")["location"] == "Catch[1]/Output/v"


def test_texts_are_put_together_as_they_are() -> None:
    given = execution_of(machine(parallel(machine(PASS), machine(PASS))))
    given.input = "[1, 2]"  # as a client may write it
    execution.run(given)
    assert given.output == "[[1, 2],[1, 2]]"
    assert details(given, "PassStateExited")["output"] == "[1, 2]"


# Map -------------------------------------------------------------------------------------------------------------


def test_iterations_run_one_after_the_other() -> None:
    found = run(machine(map_of(PASS, ItemsPath="$.items", MaxConcurrency=1), PASS), {"items": [1, "b"]})
    assert output(found) == [1, "b"]
    assert chain(found)[2:14] == [
        ("MapStateStarted", 2),
        ("MapIterationStarted", 3),
        ("PassStateEntered", 4),
        ("PassStateExited", 5),
        ("MapIterationSucceeded", 6),
        ("MapIterationStarted", 6),
        ("PassStateEntered", 8),
        ("PassStateExited", 9),
        ("MapIterationSucceeded", 10),
        ("MapStateSucceeded", 11),
        ("MapStateExited", 11),
        ("PassStateEntered", 13),
    ]
    assert details(found, "MapStateStarted") == {"length": 2}
    assert details(found, "MapIterationStarted", 1) == {"name": "A", "index": 1}
    assert details(found, "MapIterationSucceeded") == {"name": "A", "index": 0}


def test_iterations_start_together() -> None:
    found = run(machine(map_of(PASS)), [1, 2, 3])
    assert output(found) == [1, 2, 3]
    assert chain(found)[3:6] == [("MapIterationStarted", 3)] * 3


def test_no_items_are_no_iterations() -> None:
    found = run(machine(map_of(PASS)), [])
    assert chain(found)[2:] == [
        ("MapStateStarted", 2),
        ("MapStateSucceeded", 3),
        ("MapStateExited", 3),
        ("ExecutionSucceeded", 5),
    ]


def test_the_old_names_of_the_fields_work() -> None:
    state = {"Type": "Map", "Iterator": machine(PASS), "Parameters": {"n.$": "$$.Map.Item.Value"}}
    assert output(run(machine(state), [1])) == [{"n": 1}]


def test_an_item_selector_sees_the_item_and_the_state_s_input() -> None:
    selector = {"item.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index", "bucket.$": "$.bucket"}
    inner = {**PASS, "Parameters": {"all.$": "$", "again.$": "$$.Map.Item.Index"}}
    state = map_of(inner, ItemsPath="$.items", ItemSelector=selector)
    assert output(run(machine(state), {"bucket": "b", "items": ["x"]})) == [
        {"all": {"item": "x", "index": 0, "bucket": "b"}, "again": 0}
    ]


def test_jsonata_selects_items() -> None:
    selector = {"item": "{% $states.context.Map.Item.Value %}", "of": "{% $count($states.input.items) %}"}
    state = map_of(PASS, Items="{% $states.input.items %}", ItemSelector=selector)
    found = run(machine(state, QueryLanguage="JSONata"), {"items": ["x", "y"]})
    assert output(found) == [{"item": "x", "of": 2}, {"item": "y", "of": 2}]


def test_items_that_are_undefined_fail_the_map_before_it_starts() -> None:
    found = run(machine(map_of(PASS, Items="{% $states.input.missing %}"), QueryLanguage="JSONata"))
    assert chain(found)[1:] == [
        ("MapStateEntered", 0),
        ("EvaluationFailed", 2),
        ("MapStateFailed", 3),
        ("ExecutionFailed", 4),
    ]
    assert details(found, "EvaluationFailed")["location"] == "Items"


def test_a_failed_iteration_fails_the_map() -> None:
    found = run(machine(map_of(UNDEFINED, MaxConcurrency=1), QueryLanguage="JSONata"), [1, 2])
    assert chain(found)[3:] == [
        ("MapIterationStarted", 3),
        ("PassStateEntered", 4),
        ("EvaluationFailed", 5),
        ("MapIterationFailed", 6),
        ("MapStateFailed", 6),
        ("ExecutionFailed", 8),
    ]
    assert details(found, "MapIterationFailed") == {"name": "A", "index": 0}


def test_a_runtime_error_in_an_iteration_leaves_no_failed_events() -> None:
    found = run(machine(map_of({**PASS, "Parameters": {"m.$": "$.nope"}}, MaxConcurrency=1)), [1, 2])
    assert chain(found)[3:] == [("MapIterationStarted", 3), ("PassStateEntered", 4), ("ExecutionFailed", 5)]


def test_a_retried_map_starts_again_from_the_failure() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 0}]
    found = run(machine(map_of(FAIL, Retry=retry)), [1])
    assert chain(found)[2:] == [
        ("MapStateStarted", 2),
        ("MapIterationStarted", 3),
        ("FailStateEntered", 4),
        ("MapIterationFailed", 5),
        ("MapStateStarted", 5),
        ("MapIterationStarted", 7),
        ("FailStateEntered", 8),
        ("MapIterationFailed", 9),
        ("MapStateFailed", 9),
        ("ExecutionFailed", 11),
    ]


def test_a_failed_iteration_aborts_the_others_in_their_order() -> None:
    rules = [{"Variable": "$", "StringEquals": "fail", "Next": "B"}]
    states: list[dict[str, Any]] = [
        {"Type": "Choice", "Choices": rules, "Default": "C"},
        {**soon(), "Next": "D"},
        {"Type": "Wait", "Seconds": 60, "End": True},
        FAIL,
    ]
    found = run(machine(map_of(*states)), ["wait", "fail"])
    failed = types(found).index("FailStateEntered") + 1
    assert chain(found)[failed:] == [
        ("MapIterationAborted", failed),
        ("WaitStateAborted", failed),
        ("MapIterationFailed", failed),
        ("MapStateFailed", failed),
        ("ExecutionFailed", failed + 4),
    ]


def test_40_iterations_run_at_once() -> None:
    running, most, lock = [0], [0], threading.Lock()
    together, number = threading.Barrier(40), itertools.count()

    def function(event: Any) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        if next(number) < 40:
            together.wait(30)
        with lock:
            running[0] -= 1

    assert run(machine(map_of(TASK)), list(range(60)), function).status == "SUCCEEDED"
    assert most == [40]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("x", 'The MaxConcurrencyPath field refers to value "x" which is not a valid integer: $.c'),
        (-1, "Expected non-negative integer for MaxConcurrency, got '-1' instead."),
    ],
)
def test_a_concurrency_that_is_no_number_is_a_runtime_error(given: Any, sentence: str) -> None:
    found = run(machine(map_of(PASS, ItemsPath="$.items", MaxConcurrencyPath="$.c")), {"items": [1], "c": given})
    assert found.error == "States.Runtime" and found.cause is not None
    assert found.cause.endswith(sentence)


def test_branches_see_the_variables_from_before_and_keep_theirs() -> None:
    assign = {**PASS, "Assign": {"n": "{% $n + 1 %}"}}
    read = {**PASS, "Output": "{% $n %}"}
    first = {**PASS, "Assign": {"n": 1}}
    definition = machine(
        first, parallel(machine(assign, read)), {**PASS, "Output": ["{% $states.input %}", "{% $n %}"]}
    )
    assert output(run({**definition, "QueryLanguage": "JSONata"})) == [[2], 1]
