from typing import Any

import pytest

from localcloud.step_functions.expressions import ExpressionError, Scope, choices

SCOPE = Scope(
    {
        "flag": True,
        "five": 5,
        "half": 0.5,
        "five_too": 5.0,
        "name": "log-2026.txt",
        "nothing": None,
        "star": "a*b",
        "when": "2026-11-21T12:00:00Z",
        "when_too": "2026-11-21T13:00:00+01:00",
        "then": "2026-11-21T12:00:00.001Z",
    }
)


@pytest.mark.parametrize(
    "rule",
    [
        {"Variable": "$.flag", "BooleanEquals": True},
        {"Variable": "$.flag", "BooleanEqualsPath": "$.flag"},
        {"Variable": "$.five", "NumericEquals": 5.0},
        {"Variable": "$.five", "NumericEqualsPath": "$.five_too"},
        {"Variable": "$.five", "NumericGreaterThan": 4},
        {"Variable": "$.five", "NumericGreaterThanEqualsPath": "$.five"},
        {"Variable": "$.half", "NumericLessThan": 1},
        {"Variable": "$.half", "NumericLessThanEquals": 0.5},
        {"Variable": "$.name", "StringEquals": "log-2026.txt"},
        {"Variable": "$.name", "StringEqualsPath": "$.name"},
        {"Variable": "$.name", "StringLessThan": "m"},
        {"Variable": "$.name", "StringGreaterThanEquals": "log"},
        {"Variable": "$.name", "StringMatches": "log-*.txt"},
        {"Variable": "$.name", "StringMatches": "*"},
        {"Variable": "$.star", "StringMatches": r"a\*b"},
        {"Variable": "$.when", "TimestampEquals": "2026-11-21T12:00:00Z"},
        {"Variable": "$.when", "TimestampEqualsPath": "$.when_too"},
        {"Variable": "$.when", "TimestampLessThanPath": "$.then"},
        {"Variable": "$.then", "TimestampGreaterThanEquals": "2026-11-21T12:00:00Z"},
        {"Variable": "$.when", "IsTimestamp": True},
        {"Variable": "$.name", "IsTimestamp": False},
        {"Variable": "$.nothing", "IsNull": True},
        {"Variable": "$.nothing", "IsPresent": True},
        {"Variable": "$.missing", "IsPresent": False},
        {"Variable": "$.name", "IsString": True},
        {"Variable": "$.half", "IsNumeric": True},
        {"Variable": "$.flag", "IsNumeric": False},
        {"Variable": "$.flag", "IsBoolean": True},
        {"Not": {"Variable": "$.five", "NumericEquals": 6}},
        {"And": [{"Variable": "$.flag", "BooleanEquals": True}, {"Variable": "$.five", "IsNumeric": True}]},
        {"Or": [{"Variable": "$.five", "NumericEquals": 6}, {"Variable": "$.five", "NumericEquals": 5}]},
        {"And": [{"Variable": "$.five", "IsPresent": True}, {"Not": {"Variable": "$.five", "IsNull": True}}]},
    ],
)
def test_rules_that_hold(rule: dict[str, Any]) -> None:
    assert choices.matches(rule, SCOPE)


@pytest.mark.parametrize(
    "rule",
    [
        {"Variable": "$.flag", "BooleanEquals": False},
        {"Variable": "$.name", "StringMatches": "log-*.png"},
        {"Variable": "$.name", "StringMatches": r"log-\*.txt"},
        {"Variable": "$.name", "StringMatches": "og"},
        {"Variable": "$.five", "NumericEqualsPath": "$.half"},
        {"Variable": "$.missing", "IsPresent": True},
        {"Variable": "$.nothing", "IsNull": False},
        # values of another type
        {"Variable": "$.name", "BooleanEquals": True},
        {"Variable": "$.flag", "NumericEquals": 1},
        {"Variable": "$.flag", "StringEquals": "true"},
        {"Variable": "$.five", "StringEquals": "5"},
        {"Variable": "$.five", "StringMatches": "5"},
        {"Variable": "$.name", "NumericLessThan": 9},
        {"Variable": "$.name", "NumericLessThanPath": "$.five"},
        {"Variable": "$.name", "TimestampEquals": "2026-11-21T12:00:00Z"},
        {"Variable": "$.nothing", "StringEquals": ""},
    ],
)
def test_rules_that_do_not_hold(rule: dict[str, Any]) -> None:
    assert not choices.matches(rule, SCOPE)


@pytest.mark.parametrize(
    "text",
    ["2026-11-21", "2026-11-21T12:00:00", "2026-11-21t12:00:00Z", "2026-11-21T12:00:00z", "2026-13-21T12:00:00Z", 5],
)
def test_other_texts_are_no_timestamps(text: Any) -> None:
    assert choices.matches({"Variable": "$", "IsTimestamp": False}, Scope(text))


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"Variable": "$.missing", "NumericEquals": 1}, "$.missing"),
        ({"Variable": "$.missing", "IsNull": True}, "$.missing"),
        ({"Not": {"Variable": "$.missing", "IsString": True}}, "$.missing"),
        ({"Variable": "$.five", "NumericEqualsPath": "$.right"}, "$.right"),
        ({"And": [{"Variable": "$.flag", "IsBoolean": True}, {"Variable": "$.no", "IsBoolean": True}]}, "$.no"),
    ],
)
def test_a_path_without_match_fails_the_state(rule: dict[str, Any], path: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        choices.matches(rule, SCOPE)
    assert raised.value.error == "States.Runtime"
    sentence = f"Invalid path '{path}': The choice state's condition path references an invalid value."
    assert raised.value.cause == sentence


def test_a_guard_keeps_the_rest_of_the_rule_from_being_read() -> None:
    guarded = {"And": [{"Variable": "$.no", "IsPresent": True}, {"Variable": "$.no", "NumericEquals": 1}]}
    assert not choices.matches(guarded, SCOPE)
    assert choices.matches({"Or": [{"Variable": "$.no", "IsPresent": False}, *guarded["And"]]}, SCOPE)


def test_there_are_39_comparisons() -> None:
    assert len(choices.OPERATORS | {"IsPresent": None}) == 39
