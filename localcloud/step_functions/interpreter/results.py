"""What a state makes of its result: its output, and the variables that it assigns."""

from collections.abc import Mapping
from typing import Any

from localcloud.step_functions.expressions import jsonata, paths, templates
from localcloud.step_functions.interpreter.documents import Document
from localcloud.step_functions.interpreter.visit import Outcome, Visit


def outcome_of(visit: Visit, result: Document) -> Outcome:
    """Return the output of a Task, Pass, Parallel or Map state, from its result."""
    following = visit.state.get("Next")
    if visit.is_jsonata:
        made: dict[str, Any] = {"result": result.value}
        return Outcome(
            output_of(visit, visit.state, result, "", **made), following, assigned(visit, visit.state, "", **made)
        )
    assignments = assigned_by_paths(visit, visit.state, result.value)
    selected = result
    if "ResultSelector" in visit.state:
        scope = visit.scope(result.value)
        selected = Document(templates.fill(visit.state["ResultSelector"], scope, "ResultSelector"))
    combined = combine(visit, visit.state.get("ResultPath", "$"), selected)
    return Outcome(visit.select(visit.state.get("OutputPath", "$"), combined, "OutputPath"), following, assignments)


def passed_on(visit: Visit, document: Document) -> Outcome:
    """Return the output of a state without a result: Wait and Succeed."""
    following = visit.state.get("Next")
    if visit.is_jsonata:
        return Outcome(output_of(visit, visit.state, document, ""), following, assigned(visit, visit.state, ""))
    output = visit.select(visit.state.get("OutputPath", "$"), document, "OutputPath")
    return Outcome(output, following, assigned_by_paths(visit, visit.state, document.value))


def combine(visit: Visit, path: str | None, result: Document) -> Document:
    """Return the state's input with a result at ResultPath."""
    if path == "$":
        return result
    return visit.input if path is None else Document(paths.write(path, visit.input.value, result.value))


def output_of(visit: Visit, rule: Mapping[str, Any], otherwise: Document, location: str, **made: Any) -> Document:
    """Return what the JSONata field Output of a state, catcher or choice makes; without one, `otherwise`.

    Args:
        location: Of the rule in the state, with a slash at its end.
        made: More fields of `$states`, such as its result.
    """
    if "Output" not in rule:
        return otherwise
    return Document(jsonata.evaluate(rule["Output"], visit.bindings(**made), f"{location}Output"))


def assigned(visit: Visit, rule: Mapping[str, Any], location: str, **made: Any) -> Mapping[str, Any]:
    """Return the variables that the JSONata field Assign of a state, catcher or choice sets."""
    if "Assign" not in rule:
        return {}
    values: Mapping[str, Any] = jsonata.evaluate(rule["Assign"], visit.bindings(**made), f"{location}Assign")
    return values


def assigned_by_paths(visit: Visit, rule: Mapping[str, Any], data: Any) -> Mapping[str, Any]:
    """Return the variables that the JSONPath field Assign sets from this data."""
    if "Assign" not in rule:
        return {}
    values: Mapping[str, Any] = templates.fill(rule["Assign"], visit.scope(data), "Assign")
    return values
