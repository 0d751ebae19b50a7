"""The course of executions; histories as recorded on AWS for the tests of LocalStack and floci-io/floci."""

import json
from typing import Any

import pytest

from tests.unit.localcloud.step_functions.runs import (
    PASS,
    TASK,
    FunctionError,
    chain,
    details,
    machine,
    output,
    run,
    types,
)


def failing(error: str, message: str = "boom") -> Any:
    def function(event: Any) -> Any:
        raise FunctionError(error, message)

    return function


def test_states_follow_one_another() -> None:
    found = run(machine(PASS, {"Type": "Succeed"}), {"x": 1})
    assert output(found) == {"x": 1}
    assert chain(found) == [
        ("ExecutionStarted", 0),
        ("PassStateEntered", 0),
        ("PassStateExited", 2),
        ("SucceedStateEntered", 3),
        ("SucceedStateExited", 4),
        ("ExecutionSucceeded", 5),
    ]
    assert details(found, "PassStateEntered") == {
        "name": "A",
        "input": '{"x":1}',
        "inputDetails": {"truncated": False},
    }
    assert details(found, "ExecutionSucceeded") == {"output": '{"x":1}', "outputDetails": {"truncated": False}}


def test_the_first_event_names_role_and_input() -> None:
    assert details(run(machine(PASS), {"x": 1}), "ExecutionStarted") == {
        "input": '{"x":1}',
        "inputDetails": {"truncated": False},
        "roleArn": "arn:aws:iam::111111111111:role/machine",
    }


def test_paths_select_input_and_output() -> None:
    state = {
        "Type": "Pass",
        "InputPath": "$.in",
        "Parameters": {"twice.$": "States.Array($.n, $.n)", "role.$": "$$.Execution.RoleArn"},
        "ResultPath": "$.out",
        "OutputPath": "$.out",
    }
    assert output(run(machine(state), {"in": {"n": 2}})) == {
        "twice": [2, 2],
        "role": "arn:aws:iam::111111111111:role/machine",
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"InputPath": None}, {}),
        ({"OutputPath": None}, {}),
        ({"Result": 5, "ResultPath": None}, {"x": 1}),
        ({"Result": 5}, 5),
        ({"Result": 5, "ResultPath": "$.a.b"}, {"x": 1, "a": {"b": 5}}),
    ],
)
def test_null_paths(fields: dict[str, Any], expected: Any) -> None:
    assert output(run(machine({**PASS, **fields}), {"x": 1})) == expected


def test_jsonata_makes_arguments_and_output() -> None:
    state = {
        **TASK,
        "Arguments": {"n": "{% $states.input.n + 1 %}"},
        "Output": {"given": "{% $states.input.n %}", "got": "{% $states.result.n %}"},
    }
    assert output(run(machine(state, QueryLanguage="JSONata"), {"n": 1})) == {"given": 1, "got": 2}


def test_one_state_may_speak_jsonata() -> None:
    state = {**PASS, "QueryLanguage": "JSONata", "Output": "{% $states.input.n * 2 %}"}
    assert output(run(machine(PASS, state, PASS), {"n": 4})) == 8


def test_variables_are_seen_by_later_states_only() -> None:
    first = {**PASS, "Assign": {"n": "{% $states.input.n %}"}, "Output": {"later": True}}
    second = {**PASS, "Assign": {"n": "{% $n + 1 %}"}, "Output": "{% $n %}"}
    third = {**PASS, "Output": ["{% $states.input %}", "{% $n %}"]}
    found = run(machine(first, second, third, QueryLanguage="JSONata"), {"n": 1})
    assert output(found) == [1, 2]
    exited = details(found, "PassStateExited")
    assert exited["assignedVariables"] == {"n": "1"}
    assert exited["assignedVariablesDetails"] == {"truncated": False}


def test_paths_read_variables() -> None:
    first = {**TASK, "Assign": {"n.$": "$.n", "text": "t"}, "ResultPath": None}
    found = run(machine(first, {**PASS, "Parameters": {"n.$": "$n"}}), {"n": 3})
    assert output(found) == {"n": 3}
    assert details(found, "TaskStateExited")["assignedVariables"] == {"n": "3", "text": '"t"'}


def test_the_context_object_names_execution_state_and_machine() -> None:
    context = output(run(machine({**PASS, "Parameters": {"c.$": "$$"}}), {"x": 1}))["c"]
    entered = context["State"].pop("EnteredTime")
    assert entered.endswith("Z") and "T" in entered
    assert context == {
        "Execution": {
            "Id": "arn:aws:states:us-east-1:111111111111:execution:machine:run",
            "Input": {"x": 1},
            "Name": "run",
            "RoleArn": "arn:aws:iam::111111111111:role/machine",
            "StartTime": "2026-01-02T03:04:05.678Z",
            "RedriveCount": 0,
        },
        "State": {"Name": "A", "RetryCount": 0},
        "StateMachine": {"Id": "arn:aws:states:us-east-1:111111111111:stateMachine:machine", "Name": "machine"},
    }


# Choice ----------------------------------------------------------------------------------------------------------


def test_a_choice_leads_to_the_first_rule_that_matches() -> None:
    rules = [{"Variable": "$.n", "NumericGreaterThan": limit, "Next": name} for limit, name in ((5, "B"), (1, "C"))]
    ends = [{**PASS, "Result": letter, "End": True} for letter in "bc"]
    definition = machine({"Type": "Choice", "Choices": rules, "Default": "B"}, *ends)
    assert [output(run(definition, {"n": n})) for n in (9, 3, 0)] == ["b", "c", "b"]


def test_a_condition_is_boolean() -> None:
    state = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n %}", "Next": "B"}], "Default": "B"}
    definition = machine(state, PASS, QueryLanguage="JSONata")
    assert output(run(definition, {"n": True})) == {"n": True}
    found = run(definition, {"n": 1})
    assert found.error == "States.QueryEvaluationError"
    assert details(found, "EvaluationFailed")["location"] == "Choices[0]/Condition"


def test_without_a_match_there_is_no_next_state() -> None:
    rule = {"Variable": "$.x", "StringEquals": "never", "Next": "B"}
    found = run(machine({"Type": "Choice", "Choices": [rule]}, PASS), {"x": "a"})
    assert chain(found) == [("ExecutionStarted", 0), ("ChoiceStateEntered", 0), ("ExecutionFailed", 2)]
    assert details(found, "ExecutionFailed") == {
        "error": "States.Runtime",
        "cause": "An error occurred while executing the state 'A' (entered at the event id #2). Failed to transition "
        "out of the state. The state does not point to a next state.",
    }


# Fail, retry and catch -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"Error": "E", "Cause": "c"}, {"error": "E", "cause": "c"}),
        ({"ErrorPath": "$.e", "CausePath": "States.Format('of {}', $.e)"}, {"error": "Late", "cause": "of Late"}),
    ],
)
def test_a_fail_state_names_the_error(fields: dict[str, Any], expected: dict[str, str]) -> None:
    found = run(machine({"Type": "Fail", **fields}), {"e": "Late"})
    assert (found.status, found.output) == ("FAILED", None)
    assert (found.error, found.cause) == (expected.get("error"), expected.get("cause"))
    assert (details(found, "ExecutionFailed") or {}) == expected


def test_retries_are_counted_for_each_retrier() -> None:
    errors = ["Busy", "Slow", "Busy", "Busy", "never"]
    retry = [
        {"ErrorEquals": ["Busy"], "MaxAttempts": 2, "IntervalSeconds": 0},
        {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 0},
    ]
    found = run(machine({**TASK, "Retry": retry}), function=lambda _: failing(errors.pop(0))(None))
    assert (found.error, errors) == ("Busy", ["never"])


def test_a_catcher_gets_error_and_cause() -> None:
    catch = [{"ErrorEquals": ["Other"], "Next": "C"}, {"ErrorEquals": ["States.TaskFailed"], "Next": "B"}]
    found = run(machine({**TASK, "Catch": catch}, PASS, PASS), {"x": 1}, failing("Boom"))
    got = output(found)
    assert got["Error"] == "Boom" and json.loads(got["Cause"]) == {"errorMessage": "boom", "errorType": "Boom"}
    assert chain(found)[2:7] == [
        ("LambdaFunctionScheduled", 2),
        ("LambdaFunctionStarted", 3),
        ("LambdaFunctionFailed", 4),
        ("TaskStateExited", 5),
        ("PassStateEntered", 6),
    ]


def test_a_catcher_keeps_the_input_with_a_result_path() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "B", "ResultPath": "$.error", "Assign": {"e.$": "$.Error"}}]
    definition = machine({**TASK, "Catch": catch}, {**PASS, "Parameters": {"e.$": "$e", "x.$": "$.x"}})
    assert output(run(definition, {"x": 1}, failing("Boom"))) == {"e": "Boom", "x": 1}


def test_a_jsonata_catcher_makes_its_output() -> None:
    catch = [{"ErrorEquals": ["Boom"], "Next": "B", "Output": {"e": "{% $states.errorOutput.Error %}"}}]
    definition = machine({**TASK, "Catch": catch}, PASS, QueryLanguage="JSONata")
    assert output(run(definition, function=failing("Boom"))) == {"e": "Boom"}


def test_a_runtime_error_is_neither_retried_nor_caught() -> None:
    rules = {"ErrorEquals": ["States.ALL"]}
    state = {**TASK, "Parameters": {"n.$": "$.missing"}, "Retry": [rules], "Catch": [{**rules, "Next": "B"}]}
    found = run(machine(state, PASS), {"x": 1})
    assert types(found) == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]
    assert found.error == "States.Runtime"
    assert found.cause == (
        "An error occurred while executing the state 'A' (entered at the event id #2). The JSONPath '$.missing' "
        "specified for the field 'n.$' could not be found in the input '{\"x\":1}'"
    )


def test_evaluation_failures_are_retried_and_recorded_each_time() -> None:
    state = {
        **TASK,
        "Arguments": {"body": "{% $states.input.missing %}"},
        "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 0}],
    }
    found = run(machine(state, QueryLanguage="JSONata"), {"x": "a"})
    assert chain(found) == [
        ("ExecutionStarted", 0),
        ("TaskStateEntered", 0),
        ("EvaluationFailed", 2),
        ("EvaluationFailed", 3),
        ("ExecutionFailed", 4),
    ]
    cause = (
        "An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression "
        "'$states.input.missing' specified for the field 'Arguments/body' returned nothing (undefined)."
    )
    expected = {"error": "States.QueryEvaluationError", "cause": cause}
    assert details(found, "EvaluationFailed", 1) == {**expected, "location": "Arguments/body", "state": "A"}
    assert details(found, "ExecutionFailed") == expected


def test_too_large_an_output_is_caught_by_its_own_name_only() -> None:
    state = {**TASK, "QueryLanguage": "JSONata", "Output": "{% [$states.result, $states.result] %}"}
    for name, status in (("States.ALL", "FAILED"), ("States.DataLimitExceeded", "SUCCEEDED")):
        catch = [{"ErrorEquals": [name], "Next": "B"}]
        found = run(machine({**state, "Catch": catch}, PASS), function=lambda _: "x" * 200_000)
        assert found.status == status, name


def test_an_endless_loop_ends_at_25_000_events() -> None:
    found = run({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}})
    assert (found.status, found.error) == ("FAILED", "States.Runtime")
    assert found.cause == "The execution reached the maximum number of history events (25000)."
    assert chain(found)[-1] == ("ExecutionFailed", 24_999) and len(types(found)) == 25_000


# Wait ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"Seconds": 0},
        {"SecondsPath": "$.none"},
        {"Timestamp": "2020-01-01T00:00:00Z"},
        {"Timestamp": "2020-01-01T00:00:00.0000000Z"},
        {"TimestampPath": "$.past"},
    ],
)
def test_a_wait_whose_time_has_passed_goes_on(fields: dict[str, Any]) -> None:
    given = {"none": 0, "past": "2020-01-01T01:00:00.5+01:00"}
    found = run(machine({"Type": "Wait", **fields}), given)
    assert output(found) == given
    assert types(found)[1:3] == ["WaitStateEntered", "WaitStateExited"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"SecondsPath": "$.no"}, "The SecondsPath parameter does not reference an input value: $.no"),
        ({"SecondsPath": "$.s"}, "The SecondsPath parameter cannot be parsed as a long value: $.s == x"),
        ({"SecondsPath": "$.minus"}, "The SecondsPath parameter references a negative value: $.minus == -1"),
        (
            {"TimestampPath": "$.s"},
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "
            "$.s == x",
        ),
        ({"TimestampPath": "$.local"}, "date-time format string: $.local == 2020-01-01T00:00:00"),
        ({"TimestampPath": "$.february"}, "date-time format string: $.february == 2020-02-30T00:00:00Z"),
    ],
)
def test_a_wait_without_a_time_is_a_runtime_error(fields: dict[str, Any], sentence: str) -> None:
    given = {"s": "x", "minus": -1, "local": "2020-01-01T00:00:00", "february": "2020-02-30T00:00:00Z"}
    found = run(machine({"Type": "Wait", **fields}), given)
    assert found.error == "States.Runtime" and found.cause is not None
    assert found.cause.endswith(sentence)
