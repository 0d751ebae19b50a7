"""JSONata in fields of states: "{% $states.input.total > 3 %}".

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
The sentences of its errors were recorded on AWS: https://github.com/floci-io/floci/issues/2665, 2668 and 2736.
"""

import json
import math
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from localcloud.step_functions.expressions import ExpressionError
from localcloud.step_functions.expressions.jsonata_functions import FUNCTIONS, OutOfMemoryError

ERROR = "States.QueryEvaluationError"
DEEPEST = 100  # AWS refuses a chain of 101 additions, and 100 nested parentheses
MOST_ITEMS = 873_782  # AWS refuses [1..873783]
MOST_CHARACTERS = 2**23 - 1  # AWS takes a string of 2 ** 22 characters and refuses one of 2 ** 23
LONGEST_S = 10.0  # not known of AWS; 100,000 calls of a function take 5 s here
_MOST_CACHED = 256
_PATH = re.compile(r"\$[a-z_]\w*(\.[a-z_]\w*){0,20}", re.ASCII | re.IGNORECASE)
_OPERATORS = ("and", "or", "in")  # words that are no names of members
_TYPES = {"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}
_compiled = threading.local()  # the library's expressions belong to the thread that made them


class _TimeoutError(Exception):
    pass


class _TooDeepError(Exception):
    pass


_LIMITS = {
    OutOfMemoryError: "Expression evaluation memory limit exceeded: Check for excessive memory usage",
    MemoryError: "Expression evaluation memory limit exceeded: Check for excessive memory usage",
    _TimeoutError: "Expression evaluation timeout: Check for infinite loop",
    _TooDeepError: "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as"
    " tail-recursive",
    RecursionError: "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as"
    " tail-recursive",
}


class _Expression(Jsonata):  # type: ignore[misc]  # the library has no type information
    def evaluate_numeric_expression(self, lhs: Any, rhs: Any, op: Any) -> Any:
        """Calculate beyond what JSON can say, as JavaScript does; AWS then writes "Infinity" or "NaN"."""
        if op in ("/", "%") and Utils.is_numeric(lhs) and Utils.is_numeric(rhs) and rhs == 0:
            return math.nan if op == "%" or lhs == 0 or math.isnan(lhs) else math.copysign(math.inf, lhs)
        try:
            return super().evaluate_numeric_expression(lhs, rhs, op)
        except JException as err:
            if err.error != "D1001":  # the number is out of range
                raise
            return err.current

    def evaluate_range_expression(self, lhs: Any, rhs: Any) -> Any:
        """Refuse a range that is too long before anything fills it."""
        numbers = super().evaluate_range_expression(lhs, rhs)
        if numbers is not None and rhs - lhs >= MOST_ITEMS:
            raise OutOfMemoryError
        return numbers


class _Bounds:
    """Ends an evaluation that nests too deep, takes too long or makes too large a value."""

    def __init__(self) -> None:
        self.depth = 0
        self.until = time.monotonic() + LONGEST_S

    def enter(self, _expression: Any, _input: Any, _environment: Any) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _TooDeepError
        if time.monotonic() > self.until:
            raise _TimeoutError

    def leave(self, _expression: Any, _input: Any, _environment: Any, result: Any) -> None:
        self.depth -= 1
        if isinstance(result, str) and len(result) > MOST_CHARACTERS:
            raise OutOfMemoryError
        if isinstance(result, list) and len(result) > MOST_ITEMS and not isinstance(result, Utils.RangeList):
            raise OutOfMemoryError


def is_expression(value: Any) -> bool:
    """Return whether a value is a string that is a JSONata expression as a whole."""
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}") and len(value) >= 4


def evaluate(template: Any, bindings: Mapping[str, Any], field: str) -> Any:
    """Return a JSON value whose strings "{% ... %}" are replaced by what the expressions give.

    Args:
        bindings: The variables without their "$": {"states": {...}, "count": 1}.
        field: The field of the state that holds the template, Output; it grows to Output/total[0] on the way down.

    Raises:
        ExpressionError: An expression failed or gave nothing (States.QueryEvaluationError); its location is the field.
    """
    if isinstance(template, dict):
        return {name: evaluate(value, bindings, f"{field}/{name}") for name, value in template.items()}
    if isinstance(template, list):
        return [evaluate(value, bindings, f"{field}[{index}]") for index, value in enumerate(template)]
    if not is_expression(template):
        return template
    return _value(template[2:-2].strip(), bindings, field)


def expect(value: Any, kind: str, template: Any, field: str) -> Any:
    """Return a value that an expression gave, if it is of the JSON type that the field wants.

    Args:
        kind: "number", "string", "boolean", "array" or "object".

    Raises:
        ExpressionError: It is of another type (States.QueryEvaluationError).
    """
    if (found := _kind(value)) == kind:
        return value
    text = template[2:-2].strip() if is_expression(template) else json.dumps(template)
    cause = (
        f"The JSONata expression '{text}' specified for the field '{field}' returned an unexpected result type."
        f" Expected '{kind}', but was '{found}' for value: {json.dumps(value, separators=(',', ':'))}"
    )
    raise ExpressionError(ERROR, cause, field)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    kinds: dict[type, str] = {int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return kinds[type(value)]


def _value(expression: str, bindings: Mapping[str, Any], field: str) -> Any:
    sentence = f"The JSONata expression '{expression}' specified for the field '{field}'"
    try:
        result = _at_path(expression, bindings)
        result = _run(expression, bindings) if result is None else result
    except JException as err:
        raise ExpressionError(ERROR, f"{sentence} threw an error during evaluation{_told(err)}", field) from err
    except Exception as err:  # the library lets Python's own errors out of some functions
        told = _LIMITS.get(type(err), str(err))
        raise ExpressionError(ERROR, f"{sentence} threw an error during evaluation: {told}", field) from err
    if result is None:
        raise ExpressionError(ERROR, f"{sentence} returned nothing (undefined).", field)
    try:
        return _plain(result)
    except TypeError as err:
        raise ExpressionError(ERROR, f"{sentence} returned an unsupported result type.", field) from err


def _at_path(expression: str, bindings: Mapping[str, Any]) -> Any:
    """Return what `$states.input.photo.key` leads to; None for other expressions, and where a list or null needs care.

    Most expressions are such paths, and the library takes ten times as long for them.
    """
    if not _PATH.fullmatch(expression):
        return None
    name, *members = expression[1:].split(".")
    value = bindings.get(name)
    for member in members:
        value = value.get(member) if isinstance(value, dict) and member not in _OPERATORS else None
    return None if isinstance(value, list) else value


def _run(expression: str, bindings: Mapping[str, Any]) -> Any:
    compiled = _compile(expression)
    Jsonata.CURRENT.jsonata = compiled  # the library evaluates with the instance that its thread used last
    frame = compiled.create_frame(compiled.environment)
    bounds = _Bounds()
    frame.set_evaluate_entry_callback(bounds.enter)
    frame.set_evaluate_exit_callback(bounds.leave)
    for name, value in (*FUNCTIONS.items(), *bindings.items()):
        frame.bindings[name] = Utils.NULL_VALUE if value is None and name in bindings else value
    return compiled.evaluate(None, frame)


def _compile(expression: str) -> Any:
    cache: dict[str, Any] = _compiled.__dict__
    if expression not in cache:
        if len(cache) >= _MOST_CACHED:
            cache.clear()
        compiled = _Expression(expression)
        compiled.set_output_convert_nulls(False)  # its null and its undefined would both be None
        compiled.set_validate_input(False)
        cache[expression] = compiled
    return cache[expression]


def _plain(value: Any) -> Any:
    """Return the result as JSON: whole numbers are integers, and what JSON cannot say is a string, as on AWS.

    Raises:
        TypeError: There is a function in it.
    """
    if value is None or value is Utils.NULL_VALUE:
        return None
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list) and not Functions.is_lambda(value):
        return [_plain(item) for item in value]
    raise TypeError(type(value))


def _number(value: float) -> Any:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


def _told(error: Any) -> str:
    """Return an error of JSONata as AWS tells it: ". T0410: Argument 1 of function \\"abs\\" ...", or ": ..."."""
    template = JException.error_codes.get(error.error)
    if template is None:  # the library raised it with a sentence in place of a code
        return f": {error.error}"
    inserts = [error.current, error.expected, _TYPES.get(error.extra, error.extra)]
    if "{{{message}}}" in template:
        return f". {error.error}: {error.current}"
    remaining = iter(inserts)
    filled = re.sub(
        r"\{\{(\{?)\w+\}?\}\}",
        lambda match: str(next(remaining, "")) if match[1] else json.dumps(next(remaining, ""), default=str),
        template.replace("Object", "function"),  # the library's catalogue has the words exchanged
    )
    return f". {error.error}: {filled}"
