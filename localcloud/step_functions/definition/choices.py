"""The rules of a Choice state (https://states-language.net/#choice-state)."""

from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition import fields
from localcloud.step_functions.definition.fields import TIMESTAMP
from localcloud.step_functions.definition.paths import reference_path_problems
from localcloud.step_functions.definition.place import JSONATA, Place
from localcloud.step_functions.definition.problem import Problem, is_number, schema_error, wrong_type

COMPARISONS = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
TESTS = ("IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp")
TYPES: dict[str, type] = {
    **{f"String{one}": str for one in (*COMPARISONS, "Matches")},
    **{f"Timestamp{one}": str for one in COMPARISONS},
    **{f"Numeric{one}": float for one in COMPARISONS},
    **dict.fromkeys(("BooleanEquals", *TESTS), bool),
}
OPERATORS = (*TYPES, *(f"{name}Path" for name in TYPES if name not in (*TESTS, "StringMatches")))
COMBINATIONS = ("And", "Or", "Not")
KINDS = (*COMBINATIONS, "Variable", "Condition")
OF_A_RULE = ("Next", "Assign", "Output", "Comment")  # not of the rules within And, Or and Not


def problems(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    rules = state.get("Choices")
    if place.state_type != "Choice" or not isinstance(rules, list):
        return
    for number, rule in enumerate(rules):
        at = place.item("Choices", number)
        if not isinstance(rule, dict):
            yield wrong_type(dict, at.location)
            continue
        yield from fields.required(rule, ("Next",), at)
        for field in ("Next", "Assign"):
            if field in rule:
                yield from fields.value(field, rule[field], at)
        yield from rule_problems({name: rule[name] for name in rule if name not in OF_A_RULE}, at)
        if "Output" in rule and place.language != JSONATA:
            yield fields.other_language("Output", at)


def rule_problems(rule: dict[str, Any], place: Place) -> Iterator[Problem]:
    """Yield the problems of a rule, or of one within And, Or and Not."""
    yield from fields.unsupported(rule, (*KINDS, *OPERATORS), place)
    foreign = ("Variable", *COMBINATIONS) if place.language == JSONATA else ("Condition",)
    if wrong := [field for field in foreign if field in rule]:
        yield from (fields.other_language(field, place) for field in wrong)
        return
    if sum(kind in rule for kind in KINDS) != 1:
        sentence = f"The object must have only one of the following fields, [{', '.join(KINDS)}]"
        yield schema_error(sentence, place.location)
    operators = [name for name in OPERATORS if name in rule]
    if "Variable" in rule and not operators:
        sentence = f"This object should have only one of the following fields: [{', '.join(OPERATORS)}]"
        yield schema_error(sentence, place.location)
    if len(operators) > 1:
        yield fields.too_many(tuple(operators), place)
    yield from operand_problems(rule, place)


def operand_problems(rule: dict[str, Any], place: Place) -> Iterator[Problem]:
    for field, given in rule.items():
        at = place.at(field)
        if field in ("And", "Or"):
            yield from several(field, given, place)
        elif field == "Not":
            yield from rule_problems(given, at) if isinstance(given, dict) else [wrong_type(dict, at.location)]
        elif field == "Variable" or (field in OPERATORS and field.endswith("Path")):
            yield from reference_path_problems(given, at.location, may_match_many=True)
        elif field == "Condition" and not isinstance(given, bool) and not fields.is_expression(given):
            yield schema_error("JSONata string must start with {% and end with %}", at.location)
        elif field in TYPES:
            yield from value_problems(field, given, at.location)


def several(field: str, rules: Any, place: Place) -> Iterator[Problem]:
    at = place.at(field)
    if not isinstance(rules, list):
        yield wrong_type(list, at.location)
    elif not rules:
        yield schema_error("Value cannot be empty", at.location)
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        inner = place.item(field, number)
        yield from rule_problems(rule, inner) if isinstance(rule, dict) else [wrong_type(dict, inner.location)]


def value_problems(operator: str, given: Any, location: str) -> Iterator[Problem]:
    expected = TYPES[operator]
    if not (is_number(given) if expected is float else isinstance(given, expected)):
        yield wrong_type(expected, location)
    elif operator.startswith("Timestamp") and not TIMESTAMP.fullmatch(given):
        yield schema_error("String does not match RFC3339 timestamp", location)
