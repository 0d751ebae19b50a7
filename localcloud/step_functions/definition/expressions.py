"""The JSONata expressions of a state: their syntax, and what they may refer to.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

import functools
from collections.abc import Iterator
from typing import Any

from jsonata.jexception import JException
from jsonata.parser import Parser

from localcloud.step_functions.definition.place import Place
from localcloud.step_functions.definition.problem import Problem, error, schema_error
from localcloud.step_functions.definition.references import references_of
from localcloud.step_functions.definition.variables import assigned_name_problems

# The fields whose strings may be expressions, and those of them that know `$states.result`.
EVALUATED = (
    *("Arguments", "Output", "Assign", "Items", "ItemSelector", "ItemBatcher", "Credentials", "Error", "Cause"),
    *("Seconds", "Timestamp", "TimeoutSeconds", "HeartbeatSeconds", "MaxConcurrency"),
    *("ToleratedFailurePercentage", "ToleratedFailureCount"),
)
AFTER_THE_RESULT = ("Output", "Assign")
WITHOUT_RESULT = ("Choice", "Wait", "Succeed", "Fail")  # types
NO_FIELD = "Field '{}' does not exist."


def problems(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    for field in EVALUATED:
        if field in state:
            has_result = field in AFTER_THE_RESULT and place.state_type not in WITHOUT_RESULT
            known = ("$states.result",) if has_result else ()
            yield from template_problems(state[field], place.at(field).location, known)
            yield from assigned_problems(field, state[field], place)
    for field, known in (("Choices", ()), ("Catch", ("$states.errorOutput",))):
        rules = state.get(field)
        for number, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict):
                yield from rule_problems(rule, place.item(field, number), known)
    for field in ("ItemReader", "ResultWriter"):
        if isinstance(node := state.get(field), dict) and "Arguments" in node:
            yield from template_problems(node["Arguments"], place.at(field, "Arguments").location, ())


def rule_problems(rule: dict[str, Any], place: Place, known: tuple[str, ...]) -> Iterator[Problem]:
    for field in ("Condition", "Output", "Assign"):
        if field in rule:
            yield from template_problems(rule[field], place.at(field).location, known)
            yield from assigned_problems(field, rule[field], place)


def assigned_problems(field: str, given: Any, place: Place) -> Iterator[Problem]:
    if field == "Assign" and isinstance(given, dict):
        yield from assigned_name_problems(given, place.at(field).location)


def template_problems(template: Any, location: str, known: tuple[str, ...]) -> Iterator[Problem]:
    """Yield the problems of all expressions in a value.

    Args:
        known: The fields of `$states` that not every expression knows, and these do.
    """
    if isinstance(template, dict):
        for name, child in template.items():
            yield from template_problems(child, f"{location}/{name}", known)
    elif isinstance(template, list):
        for number, child in enumerate(template):
            yield from template_problems(child, f"{location}[{number}]", known)
    elif isinstance(template, str) and template.startswith("{%") != template.endswith("%}"):
        yield schema_error("JSONata string must start with {% and end with %}", location)
    elif isinstance(template, str) and template.startswith("{%"):
        yield from expression_problems(template[2:-2].strip(), location, known)


def expression_problems(expression: str, location: str, known: tuple[str, ...]) -> Iterator[Problem]:
    try:
        references = referred(expression)
    except JException as err:
        yield error("INVALID_JSONATA_EXPRESSION", sentence_of(err), location)
        return
    for name in references:
        if name == "$$":
            problem = "Reference to '$$' is not supported."
        elif name.startswith("$states.") and name not in known:
            problem = NO_FIELD.format(name)
        elif name.startswith("$states."):
            continue
        else:
            problem = f"Reference to '{name}' at the top level is not supported."
        yield error("UNSUPPORTED_JSONATA_EXPRESSION", problem, location)


@functools.lru_cache(maxsize=4096)
def referred(expression: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(references_of(Parser().parse(expression))))


def sentence_of(err: JException) -> str:
    """Return the parser's sentence as AWS's parser has it: with quotes around what it met and what it expected."""
    arguments = [f'"{one}"' for one in (err.current, err.expected) if one is not None]
    return str(JException.msg(err.error, err.location, *arguments, "", ""))
