"""What a Task calls, and how Task, Parallel and Map states deal with errors."""

import re
from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition import fields
from localcloud.step_functions.definition.fields import MOST_SECONDS
from localcloud.step_functions.definition.place import JSONATA, JSONPATH, Place
from localcloud.step_functions.definition.problem import Problem, error, is_number, not_one_of, schema_error, wrong_type

FUNCTION = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z]{2}(-[a-z]+)+-\d:\d{12}:function:[A-Za-z0-9_-]+(:(\$LATEST|[A-Za-z0-9_-]+))?"
)
ACTIVITY = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:activity:.+")
INTEGRATION = re.compile(r"arn:aws[a-z-]*:states:([a-z0-9-]*):(\d{12})?:([A-Za-z0-9-]+):(.+)")
EMULATED = ("lambda:invoke",)  # integrations
# Lambda has one integration and two patterns.
PATTERNS_OF_LAMBDA = ("invoke", "invoke.waitForTaskToken")

RETRIER = (
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "Comment",
)
CATCHER = ("ErrorEquals", "Next", "ResultPath", "Output", "Assign", "Comment")
CATCHER_ONLY_IN = {JSONPATH: ("ResultPath",), JSONATA: ("Output",)}
LIMITS: dict[str, tuple[float, float | None]] = {
    "IntervalSeconds": (1, MOST_SECONDS),
    "MaxAttempts": (0, MOST_SECONDS),
    "BackoffRate": (1.0, None),
    "MaxDelaySeconds": (1, 31_622_400),
}


def problems(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    if place.state_type == "Task":
        if isinstance(state.get("Resource"), str):
            yield from resource_problems(state["Resource"], place)
        yield from heartbeat_problems(state, place)
    for field, check in (("Retry", retrier_problems), ("Catch", catcher_problems)):
        rules = state.get(field)
        if field in fields.FIELDS[place.state_type] and isinstance(rules, list):
            for number, rule in enumerate(rules):
                at = place.item(field, number)
                if isinstance(rule, dict):
                    yield from error_names(rule, number == len(rules) - 1, at)
                    yield from check(rule, at)
                else:
                    yield wrong_type(dict, at.location)


def resource_problems(resource: str, place: Place) -> Iterator[Problem]:
    at = place.at("Resource").location
    if FUNCTION.fullmatch(resource):
        return
    if ACTIVITY.fullmatch(resource):
        express = "Express state machine does not support Activity ARN"
        yield schema_error(express, at) if place.kind == "EXPRESS" else not_emulated(resource, "a task", at)
    elif found := INTEGRATION.fullmatch(resource):
        yield from integration_problems(resource, f"{found[3]}:{found[4]}", place)
    else:
        yield schema_error("Value is not a valid resource ARN", at)


def integration_problems(resource: str, name: str, place: Place) -> Iterator[Problem]:
    at = place.at("Resource").location
    service, _, action = name.partition(":")
    pattern = re.search(r"\.(sync|waitForTaskToken)(:2)?$", action)
    if service == "lambda" and action not in PATTERNS_OF_LAMBDA:
        yield schema_error(
            f"The resource provided {resource} is not recognized. The value is not a valid resource ARN, or the "
            "resource is not available in this region.",
            at,
        )
    elif place.kind == "EXPRESS" and pattern:
        yield schema_error(f"Express state machine does not support '.{pattern[1]}' service integration ", at)
    elif name not in EMULATED:
        yield not_emulated(resource, "a task", at)


def not_emulated(name: str, role: str, location: str) -> Problem:
    """Return our own refusal of what AWS would accept."""
    return error("NOT_EMULATED", f"The local cloud does not emulate {name} as {role}.", location)


def heartbeat_problems(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    heartbeat, timeout = state.get("HeartbeatSeconds"), state.get("TimeoutSeconds")
    if is_number(heartbeat) and is_number(timeout) and heartbeat >= timeout:
        sentence = "HeartbeatSeconds must be smaller than TimeoutSeconds"
        yield schema_error(sentence, place.at("HeartbeatSeconds").location)


def error_names(rule: dict[str, Any], is_last: bool, place: Place) -> Iterator[Problem]:
    """Yield the problems of ErrorEquals, in a retrier or a catcher."""
    at = place.at("ErrorEquals").location
    yield from fields.required(rule, ("ErrorEquals",), place)
    names = rule.get("ErrorEquals", ["States.ALL"] if is_last else ["any"])
    if not isinstance(names, list):
        yield wrong_type(list, at)
        return
    if not names:
        yield schema_error("Value cannot be empty", at)
    if any(not isinstance(name, str) for name in names):
        yield wrong_type(str, at)
    if "States.ALL" in names and (len(names) > 1 or not is_last):
        yield schema_error("States.ALL must appear alone and at end of list", at)


def retrier_problems(rule: dict[str, Any], place: Place) -> Iterator[Problem]:
    yield from fields.unsupported(rule, RETRIER, place)
    for field, limits in LIMITS.items():
        if field in rule:
            yield from fields.number(rule[field], limits, place.at(field).location)
    if rule.get("JitterStrategy", "NONE") not in ("NONE", "FULL"):
        yield not_one_of(("NONE", "FULL"), place.at("JitterStrategy").location)


def catcher_problems(rule: dict[str, Any], place: Place) -> Iterator[Problem]:
    yield from fields.unsupported(rule, CATCHER, place)
    yield from fields.required(rule, ("Next",), place)
    for field in ("Next", "Assign"):
        if field in rule:
            yield from fields.value(field, rule[field], place)
    for field in CATCHER_ONLY_IN[JSONATA if place.language == JSONPATH else JSONPATH]:
        if field in rule:
            yield fields.other_language(field, place)
