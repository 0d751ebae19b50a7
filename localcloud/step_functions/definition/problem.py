"""One finding about a definition, and the sentence that CreateStateMachine makes of several."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard

LONGEST_DEFINITION = 1_048_576  # characters

TYPE_NAMES = {str: "[STRING]", bool: "[BOOLEAN]", dict: "[OBJECT]", list: "[ARRAY]", int: "Integer", float: "Number"}


@dataclass(frozen=True)
class Problem:
    """A diagnostic of ValidateStateMachineDefinition."""

    severity: str  # ERROR or WARNING
    code: str
    message: str
    location: str | None  # such as /States/A/Next

    def sentence(self) -> str:
        return f"{self.code}: {self.message} at {self.location or 'null'}"


def refusal(problems: Iterable[Problem]) -> str | None:
    """Return AWS's sentence for the errors among the problems, None when there are only warnings."""
    errors = [one.sentence() for one in problems if one.severity == "ERROR"]
    return f"Invalid State Machine Definition: '{', '.join(errors)}'" if errors else None


def error(code: str, message: str, location: str | None) -> Problem:
    return Problem("ERROR", code, message, location)


def schema_error(message: str, location: str) -> Problem:
    return error("SCHEMA_VALIDATION_FAILED", message, location or "/")


def wrong_type(kind: type, location: str) -> Problem:
    return schema_error(f"Expected value of type {TYPE_NAMES[kind]}", location)


def not_one_of(values: Iterable[Any], location: str) -> Problem:
    return schema_error(f"Value should be one of the following: [{', '.join(map(str, values))}]", location)


def is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
