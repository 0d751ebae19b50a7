"""Calls of intrinsic functions, evaluated."""

import inspect
from typing import Any

from localcloud.step_functions.expressions import ExpressionError, Scope, paths
from localcloud.step_functions.expressions.calls import Call, Literal, PathArgument, parse, unescaped
from localcloud.step_functions.expressions.functions import FUNCTIONS, FunctionError

_ARITIES = {name: inspect.signature(function) for name, function in FUNCTIONS.items()}


def evaluate(text: str, scope: Scope) -> Any:
    """Return what a call of an intrinsic function, `States.Array($.a, 1)`, returns.

    Raises:
        ExpressionError: An argument does not suit the function (States.IntrinsicFailure), or a path among the
            arguments has no match (States.Runtime).
    """
    return _result(parse(text), scope)


def _result(call: Call, scope: Scope) -> Any:
    if call.name not in FUNCTIONS:
        raise ExpressionError("States.Runtime", f"The function 'States.{call.name}' is not an intrinsic function")
    arguments = [_argument(argument, call, scope) for argument in call.arguments]
    try:
        _ARITIES[call.name].bind(*arguments)
    except TypeError as err:
        raise _failure(call, f"Invalid number of arguments for States.{call.name}: {len(arguments)}") from err
    try:
        return FUNCTIONS[call.name](*arguments)
    except FunctionError as err:
        raise _failure(call, str(err)) from err


def _failure(call: Call, problem: str) -> ExpressionError:
    return ExpressionError("States.IntrinsicFailure", f"The function '{call.text}' had the following error: {problem}")


def _argument(argument: Call | Literal | PathArgument, call: Call, scope: Scope) -> Any:
    if isinstance(argument, Call):
        return _result(argument, scope)
    if isinstance(argument, Literal):
        is_template = call.name == "Format" and argument is call.arguments[0]
        escaped = isinstance(argument.value, str) and not is_template
        return unescaped(argument.value) if escaped else argument.value
    try:
        return paths.read(argument.path, scope, argument.path)
    except ExpressionError as err:
        # AWS's answer: https://github.com/floci-io/floci/issues/2870
        found = err.cause.replace(f"The JSONPath '{argument.path}' specified for", "The JsonPath argument for")
        raise ExpressionError(err.error, f"The function '{call.text}' had the following error: {found}") from err
