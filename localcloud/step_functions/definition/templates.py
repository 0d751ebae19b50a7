"""The paths of a JSONPath state, and its payload templates, whose fields that end in `.$` are paths or calls."""

from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition import fields
from localcloud.step_functions.definition.paths import (
    is_intrinsic_call,
    is_path,
    path_or_call_problems,
    path_problems,
    reference_path_problems,
)
from localcloud.step_functions.definition.place import Place
from localcloud.step_functions.definition.problem import Problem, schema_error
from localcloud.step_functions.definition.variables import assigned_name_problems

TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials")
NULLABLE = ("InputPath", "OutputPath", "ResultPath")
CALLABLE = ("ErrorPath", "CausePath")


def problems(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    for field, given in state.items():
        if field in fields.FIELDS[place.state_type]:
            yield from field_problems(field, given, place)
    for field in ("Choices", "Catch"):
        rules = state.get(field)
        for number, rule in enumerate(rules if isinstance(rules, list) else ()):
            for name in ("ResultPath", "Assign"):
                if isinstance(rule, dict) and name in rule:
                    yield from field_problems(name, rule[name], place.item(field, number))


def field_problems(field: str, given: Any, place: Place) -> Iterator[Problem]:
    at = place.at(field).location
    if field in TEMPLATES:
        yield from template_problems(given, at)
        if field == "Assign" and isinstance(given, dict):
            yield from assigned_name_problems(given, at)
    elif field in NULLABLE and given is None:
        return
    elif field == "ResultPath":
        yield from reference_path_problems(given, at)
        if isinstance(given, str) and given.startswith("$$"):
            yield schema_error("Value is not a Reference Path: the context object cannot be written", at)
    elif field in CALLABLE:
        yield from path_or_call_problems(given, at)
    elif field in PATHS:
        yield from path_problems(given, at)
    elif field.endswith("Path"):
        yield from reference_path_problems(given, at, may_match_many=field == "ItemsPath")


PATHS = ("InputPath", "OutputPath")


def template_problems(template: Any, location: str) -> Iterator[Problem]:
    """Yield a problem for each field whose name ends in `.$` and whose value is neither a path nor a call."""
    if isinstance(template, list):
        for number, child in enumerate(template):
            yield from template_problems(child, f"{location}[{number}]")
    for name, child in template.items() if isinstance(template, dict) else ():
        if not name.endswith(".$"):
            yield from template_problems(child, f"{location}/{name}")
        elif not isinstance(child, str):
            sentence = f"must be a STRING that contains a JSONPath but was {told(child)}"
            yield schema_error(f"The value for the field '{name}' {sentence}", location)
        elif not (is_path(child) or is_intrinsic_call(child)):
            sentence = f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call"
            yield schema_error(sentence, location)


def told(value: Any) -> str:
    """Return the JSON type of a value as AWS tells it."""
    if value is None:
        return "NULL"
    names = {dict: "an OBJECT", list: "an ARRAY", bool: "a BOOLEAN"}
    return names.get(type(value), "a NUMBER")
