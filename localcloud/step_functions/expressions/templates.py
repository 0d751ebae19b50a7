"""Payload templates: Parameters, ItemSelector, ResultSelector and Assign of JSONPath states.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-inputpath-params.html#input-output-parameters
"""

from typing import Any

from localcloud.step_functions.expressions import ExpressionError, Scope, intrinsics, paths


def fill(template: Any, scope: Scope, field: str) -> Any:
    """Return a template with its computed fields: each whose name ends in ".$" has a path or an intrinsic function.

    Args:
        field: The field of the state that holds the template, Parameters.

    Raises:
        ExpressionError: A path has no match (States.Runtime) or a function failed (States.IntrinsicFailure).
    """
    if isinstance(template, list):
        return [fill(item, scope, field) for item in template]
    if not isinstance(template, dict):
        return template
    return dict(_member(name, value, scope, field) for name, value in template.items())


def _member(name: str, value: Any, scope: Scope, field: str) -> tuple[str, Any]:
    if not name.endswith(".$"):
        return name, fill(value, scope, field)
    return name.removesuffix(".$"), value_of(value, scope, name)


def value_of(expression: Any, scope: Scope, field: str) -> Any:
    """Return what a path or a call of an intrinsic function gives: of `name.$`, ErrorPath and the like.

    Raises:
        ExpressionError: As `fill` does.
    """
    if not isinstance(expression, str):
        kind = "an ARRAY" if isinstance(expression, list) else f"{type(expression).__name__.upper()}"
        cause = f"The value for the field '{field}' must be a STRING that contains a JSONPath but was {kind}"
        raise ExpressionError("States.Runtime", cause)
    if expression.startswith("States."):
        return intrinsics.evaluate(expression, scope)
    return paths.read(expression, scope, field)
