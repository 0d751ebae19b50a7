"""Which fields a state has, in which query language, and what their values may be.

The tables are AWS's, measured with ValidateStateMachineDefinition
(https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html).
"""

import re
from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition.place import JSONATA, JSONPATH, Place
from localcloud.step_functions.definition.problem import (
    Problem,
    is_number,
    not_one_of,
    schema_error,
    wrong_type,
)

COMMON = ("Type", "Comment", "QueryLanguage")
PATHS = ("InputPath", "OutputPath")
TRANSITION = ("Next", "End")
RETRIED = ("ResultSelector", "Retry", "Catch")
FIELDS = {  # by the state's type
    "Task": (
        *(*COMMON, *PATHS, *TRANSITION, *RETRIED, "ResultPath", "Parameters", "Arguments", "Output", "Assign"),
        *("Resource", "Credentials"),
        *("TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"),
    ),
    "Pass": (*COMMON, *PATHS, *TRANSITION, "Result", "ResultPath", "Parameters", "Output", "Assign"),
    "Wait": (
        *(*COMMON, *PATHS, *TRANSITION, "Output", "Assign"),
        *("Seconds", "Timestamp", "SecondsPath", "TimestampPath"),
    ),
    "Choice": (*COMMON, *PATHS, "Output", "Assign", "Choices", "Default"),
    "Parallel": (
        *(*COMMON, *PATHS, *TRANSITION, *RETRIED, "ResultPath", "Parameters", "Arguments", "Output", "Assign"),
        "Branches",
    ),
    "Map": (
        *(*COMMON, *PATHS, *TRANSITION, *RETRIED, "ResultPath", "Parameters", "Output", "Assign"),
        *("ItemProcessor", "Iterator", "ItemsPath", "Items", "ItemSelector", "ItemReader", "ItemBatcher"),
        *("ResultWriter", "Label", "MaxConcurrency", "MaxConcurrencyPath", "ToleratedFailurePercentage"),
        *("ToleratedFailurePercentagePath", "ToleratedFailureCount", "ToleratedFailureCountPath"),
    ),
    "Succeed": (*COMMON, *PATHS, "Output"),
    "Fail": (*COMMON, "Error", "Cause", "ErrorPath", "CausePath"),
}
STATE_TYPES = tuple(FIELDS)
ONLY_IN = {
    JSONPATH: (
        *(*PATHS, "ResultPath", "Parameters", "ResultSelector", "Result", "ItemsPath"),
        *("TimeoutSecondsPath", "HeartbeatSecondsPath", "SecondsPath", "TimestampPath", "MaxConcurrencyPath"),
        *("ToleratedFailurePercentagePath", "ToleratedFailureCountPath", "ErrorPath", "CausePath"),
    ),
    JSONATA: ("Output", "Arguments", "Items"),
}
REQUIRED = {"Task": ("Resource",), "Choice": ("Choices",), "Parallel": ("Branches",)}  # by type
NEXT_OR_END = ("Pass", "Task", "Wait", "Parallel", "Map")  # the types with a transition of their own
# Of these a state has exactly one; `ONE_AT_MOST` are pairs of which it may have none.
EXACTLY_ONE = {
    "Wait": ("SecondsPath", "Seconds", "TimestampPath", "Timestamp"),
    "Map": ("ItemProcessor", "Iterator"),
}
ONE_AT_MOST = tuple(
    (name, f"{name}Path")
    for name in (
        *("TimeoutSeconds", "HeartbeatSeconds", "MaxConcurrency"),
        *("ToleratedFailurePercentage", "ToleratedFailureCount", "Error", "Cause"),
    )
)

MOST_SECONDS = 99_999_999
TYPES: dict[str, type] = {
    **dict.fromkeys(("Comment", "Next", "Default", "Resource", "Label", "Error", "Cause", "Timestamp"), str),
    **dict.fromkeys(("Choices", "Branches", "Retry", "Catch"), list),
    **dict.fromkeys(("Assign", "ItemProcessor", "Iterator", "ItemReader", "ResultWriter", "Credentials"), dict),
    "End": bool,
}
RANGES: dict[str, tuple[float, float | None]] = {
    "TimeoutSeconds": (1, MOST_SECONDS),
    "HeartbeatSeconds": (1, MOST_SECONDS),
    "Seconds": (0, MOST_SECONDS),
    "MaxConcurrency": (0, None),
    "ToleratedFailurePercentage": (0, 100),
    "ToleratedFailureCount": (0, None),
}
FRACTIONS = ("ToleratedFailurePercentage", "BackoffRate")  # all other numbers are integers
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def supported_fields(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    """Yield a problem for each field that a state of this type, or of this query language, does not have."""
    for field in state:
        if field not in FIELDS[place.state_type]:
            yield schema_error(f"Field '{field}' is not supported", place.location)
    if place.machine_language == JSONATA and state.get("QueryLanguage") == JSONPATH:
        sentence = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
        yield schema_error(sentence, place.location)
        return
    other = JSONATA if place.language == JSONPATH else JSONPATH
    for field in ONLY_IN[other]:
        if field in state and field in FIELDS[place.state_type]:
            yield other_language(field, place)


def other_language(field: str, place: Place) -> Problem:
    other = JSONATA if place.language == JSONPATH else JSONPATH
    sentence = f"The QueryLanguage is set to '{place.language}', but field '{field}' is only supported for the "
    return schema_error(f"{sentence}'{other}' QueryLanguage", place.location)


def unsupported(node: dict[str, Any], fields: tuple[str, ...], place: Place) -> Iterator[Problem]:
    """Yield a problem for each field of an object that is not among the given ones."""
    for field in node:
        if field not in fields:
            yield schema_error(f"Field '{field}' is not supported", place.location)


def required(node: dict[str, Any], fields: tuple[str, ...], place: Place) -> Iterator[Problem]:
    if missing := [field for field in fields if field not in node]:
        yield schema_error(f"These fields are required: [{', '.join(missing)}]", place.location)


def exclusive_fields(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    """Yield a problem for each group of fields of which a state must have one, or at most one."""
    yield from required(state, REQUIRED.get(place.state_type, ()), place)
    if place.state_type in NEXT_OR_END:
        # A state with `End: false` does not end.
        has = [field for field in TRANSITION if field in state and state[field] is not False]
        yield from exactly_one(len(has), TRANSITION, place)
    if group := EXACTLY_ONE.get(place.state_type):
        yield from exactly_one(sum(field in state for field in group), group, place)
    for pair in ONE_AT_MOST:
        if all(field in state for field in pair):
            yield too_many(pair, place)


def exactly_one(number: int, group: tuple[str, ...], place: Place) -> Iterator[Problem]:
    if number > 1:
        yield too_many(group, place)
    elif not number:
        sentence = f"This object should have only one of the following fields: [{', '.join(group)}]"
        yield schema_error(sentence, place.location)


def too_many(group: tuple[str, ...], place: Place) -> Problem:
    sentence = f"There should only be one of the following fields: [{', '.join(group)}]"
    return schema_error(sentence, place.location)


def value(field: str, given: Any, place: Place) -> Iterator[Problem]:
    """Yield the problems of a field's value, as far as its name alone decides about it."""
    at = place.at(field).location
    if is_expression(given) and place.language == JSONATA and (field in RANGES or field in TYPES):
        return
    if field in RANGES:
        yield from number(given, RANGES[field], at)
    elif field in TYPES and not isinstance(given, TYPES[field]):
        yield wrong_type(TYPES[field], at)
    elif field == "Timestamp" and not TIMESTAMP.fullmatch(given):
        yield schema_error("String does not match RFC3339 timestamp", at)
    elif field in ("Choices", "Branches") and not given:
        yield schema_error("Value cannot be empty", at)
    elif field == "QueryLanguage":
        yield from query_language(given, at)


def query_language(given: Any, location: str) -> Iterator[Problem]:
    if not isinstance(given, str):
        yield wrong_type(str, location)
    elif given not in (JSONPATH, JSONATA):
        yield not_one_of((JSONPATH, JSONATA), location)


def number(given: Any, limits: tuple[float, float | None], location: str) -> Iterator[Problem]:
    field = location.rsplit("/", 1)[-1]
    if not is_number(given) or (field not in FRACTIONS and given != int(given)):
        yield wrong_type(float if field in FRACTIONS else int, location)
        return
    least, most = limits
    if given < least:
        yield schema_error(f"Minimum value is {least}", location)
    elif most is not None and given > most:
        yield schema_error(f"Maximum value is {most}", location)


def is_expression(given: Any) -> bool:
    return isinstance(given, str) and given.startswith("{%") and given.endswith("%}")
