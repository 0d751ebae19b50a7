"""The check of a whole definition: JSON, fields and values of every state, then where its transitions lead."""

import json
from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition import choices, expressions, fields, maps, tasks, templates, transitions
from localcloud.step_functions.definition.hints import hints
from localcloud.step_functions.definition.place import JSONATA, JSONPATH, Place
from localcloud.step_functions.definition.problem import Problem, error, not_one_of, schema_error, wrong_type

MACHINE_FIELDS = ("Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version")
BRANCH_FIELDS = ("Comment", "StartAt", "States")
LONGEST_STATE_NAME = 80  # characters


def check(definition: str, kind: str = "STANDARD") -> list[Problem]:
    """Return what AWS says about a definition, errors and warnings.

    Args:
        definition: JSON, of any length.
        kind: STANDARD or EXPRESS.
    """
    try:
        machine = json.loads(definition, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as err:
        return [error("INVALID_JSON_DESCRIPTION", str(err) or "too deeply nested", None)]
    if not isinstance(machine, dict):
        return [wrong_type(dict, "/")]
    language = machine_language(machine)
    found = [*machine_problems(machine, Place("", language, language, kind))]
    return sorted(found, key=lambda one: one.severity != "ERROR")


def refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads."""
    raise ValueError(f"{name} is not JSON")


def machine_language(machine: dict[str, Any]) -> str:
    """Return the query language of a whole definition: whatever is not JSONPath counts as JSONata."""
    return JSONPATH if machine.get("QueryLanguage", JSONPATH) == JSONPATH else JSONATA


def machine_problems(machine: dict[str, Any], place: Place) -> Iterator[Problem]:
    yield from fields.unsupported(machine, MACHINE_FIELDS, place)
    for field in ("Comment", "QueryLanguage", "TimeoutSeconds"):
        if field in machine:
            yield from fields.value(field, machine[field], place)
    if machine.get("Version", "1.0") != "1.0":
        yield not_one_of(["1.0"], place.at("Version").location)
    yield from container_problems(machine, place)
    yield from transitions.problems(machine, place)


def container_problems(container: dict[str, Any], place: Place) -> Iterator[Problem]:
    """Yield the problems of what has StartAt and States: a whole definition, a branch, or an ItemProcessor."""
    yield from fields.required(container, ("States", "StartAt"), place)
    if not isinstance(container.get("StartAt", ""), str):
        yield wrong_type(str, place.at("StartAt").location)
    states = container.get("States", {"": None})
    if not isinstance(states, dict):
        yield wrong_type(dict, place.at("States").location)
        return
    if not states:
        yield schema_error("Value cannot be empty", place.at("States").location)
    for name, state in states.items() if "States" in container else ():
        yield from state_problems(name, state, place.at("States", name))


def state_problems(name: str, state: Any, place: Place) -> Iterator[Problem]:
    if not 1 <= len(name) <= LONGEST_STATE_NAME:
        sentence = f"A state's name must have 1 to {LONGEST_STATE_NAME} characters, not {len(name)}"
        yield error("INVALID_STATE_NAME", sentence, place.location)
    if not isinstance(state, dict):
        yield wrong_type(dict, place.location)
        return
    yield from fields.required(state, ("Type",), place)
    if "Type" in state and state["Type"] not in fields.STATE_TYPES:
        yield not_one_of(fields.FIELDS, place.at("Type").location)
    elif "Type" in state:
        language = machine_language(state) if "QueryLanguage" in state else place.machine_language
        typed = Place(place.location, language, place.machine_language, place.kind, state["Type"])
        yield from typed_state_problems(state, typed)


def typed_state_problems(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    yield from fields.supported_fields(state, place)
    yield from fields.exclusive_fields(state, place)
    for field, given in state.items():
        if field in fields.FIELDS[place.state_type]:
            yield from fields.value(field, given, place)
    yield from tasks.problems(state, place)
    yield from choices.problems(state, place)
    yield from maps.problems(state, place)
    yield from templates.problems(state, place) if place.language == JSONPATH else expressions.problems(state, place)
    yield from hints(state, place)
    for inner, inner_place in maps.containers(state, place):
        yield from fields.unsupported(inner, (*BRANCH_FIELDS, *maps.processor_fields(place)), inner_place)
        yield from container_problems(inner, inner_place)
