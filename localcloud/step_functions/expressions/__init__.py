"""What the Amazon States Language computes: paths, intrinsic functions, templates, choice rules and JSONata."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class ExpressionError(Exception):
    """When an expression cannot be evaluated: the state that holds it fails."""

    def __init__(self, error: str, cause: str, location: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error  # States.Runtime, States.IntrinsicFailure, ...
        self.cause = cause  # AWS's sentence, without the name of the state
        self.location = location  # the field of the state that holds the expression: Output/total


@dataclass(frozen=True)
class Scope:
    """What the JSONPath expressions of a state may read. Nothing in it is ever changed."""

    data: Any  # the effective input or the result: what "$" is
    context: Mapping[str, Any] = field(default_factory=dict)  # what "$$" is
    variables: Mapping[str, Any] = field(default_factory=dict)  # what "$name" is
