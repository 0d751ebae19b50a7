"""The names of variables (https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html)."""

from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition.problem import Problem, error

LONGEST_VARIABLE_NAME = 80  # characters


def assigned_name_problems(assign: dict[str, Any], location: str) -> Iterator[Problem]:
    for field in assign:
        name = field.removesuffix(".$")
        if name == "states":
            yield error("RESERVED_VARIABLE_NAME", "Cannot assign to reserved variable '$states'.", location)
        elif not name.isidentifier() or name.startswith("_") or len(name) > LONGEST_VARIABLE_NAME:
            reason = "the variable name contains invalid characters."
            if len(name) > LONGEST_VARIABLE_NAME:
                reason = f"the variable name is longer than {LONGEST_VARIABLE_NAME} characters."
            yield error("INVALID_VARIABLE_NAME", f"Invalid variable name '{name}': {reason}", location)
