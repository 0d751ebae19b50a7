"""The syntax of JSONPath, reference paths and intrinsic functions: what an execution could not read is refused."""

from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition.problem import Problem, schema_error, wrong_type
from localcloud.step_functions.expressions import ExpressionError, calls, syntax
from localcloud.step_functions.expressions.functions import FUNCTIONS


def is_path(text: str) -> bool:
    """Return whether a text is a JSONPath, of the input, the context object (`$$`) or a variable (`$name`)."""
    try:
        syntax.parse(text)
    except ExpressionError:
        return False
    return True


def is_intrinsic_call(text: str) -> bool:
    """Return whether a text is one call of an intrinsic function that exists."""
    try:
        return calls_functions(calls.parse(text))
    except ExpressionError:
        return False


def calls_functions(argument: calls.Call | calls.Literal | calls.PathArgument) -> bool:
    if isinstance(argument, calls.PathArgument):
        return is_path(argument.path)
    if isinstance(argument, calls.Call):
        return argument.name in FUNCTIONS and all(map(calls_functions, argument.arguments))
    return True


def path_problems(given: Any, location: str) -> Iterator[Problem]:
    if not isinstance(given, str):
        yield wrong_type(str, location)
    elif not is_path(given):
        yield schema_error("Value must be a valid JSONPath.", location)


def reference_path_problems(given: Any, location: str, may_match_many: bool = False) -> Iterator[Problem]:
    """Yield the problems of a path that leads to one node.

    Args:
        may_match_many: AWS takes other paths, too, where it only reads.
    """
    if not isinstance(given, str):
        yield wrong_type(str, location)
    elif not given.startswith("$"):
        yield schema_error("Value is not a Reference Path: Reference path didn't start with '$'", location)
    elif not is_path(given) or (not may_match_many and not syntax.parse(given).is_reference):
        yield schema_error("Value is not a Reference Path", location)


def path_or_call_problems(given: Any, location: str) -> Iterator[Problem]:
    if not isinstance(given, str):
        yield wrong_type(str, location)
    elif not is_path(given) and not is_intrinsic_call(given):
        yield schema_error("Value must be a valid JSONPath or a valid intrinsic function call", location)
