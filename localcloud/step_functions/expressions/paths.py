"""Paths into the state's data, its context object and its variables: read, test and write.

https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

import json
from typing import Any

from localcloud.step_functions.expressions import ExpressionError, Scope
from localcloud.step_functions.expressions.syntax import CONTEXT, INPUT, Path, Step, parse

# Fields that AWS answers with the sentence of its JSONPath library.
_FILTERS = {"InputPath", "OutputPath", "ItemsPath", "TimeoutSecondsPath", "HeartbeatSecondsPath"}
_WAITS = {"SecondsPath", "TimestampPath"}
CHOICE_RULE = "Variable"  # the field of a choice rule, also for the paths it compares with


class _NotFoundError(Exception):
    """When a path has no match; its text is the sentence of AWS's JSONPath library."""


def read(path: str, scope: Scope, field: str) -> Any:
    """Return the value that a path leads to, or the list of values where the path may select several.

    Raises:
        ExpressionError: There is no match (States.Runtime); the cause names field, path and input as AWS does.
    """
    parsed = parse(path)
    document = _document(parsed, scope)
    try:
        return _find(parsed, document)
    except _NotFoundError as err:
        raise ExpressionError("States.Runtime", _cause(path, document, field, str(err))) from err


def exists(path: str, scope: Scope) -> bool:
    """Return whether a path has a match: what IsPresent tells."""
    parsed = parse(path)
    try:
        _find(parsed, _document(parsed, scope))
    except _NotFoundError:
        return False
    return True


def write(path: str, data: Any, value: Any) -> Any:
    """Return a new document: the data with the value at a reference path, whose objects are made where missing.

    Raises:
        ExpressionError: The place is inside something that is not an object (States.ResultPathMatchFailure).
    """
    parsed = parse(path)
    if parsed.root != INPUT or not parsed.is_reference:
        raise ExpressionError("States.Runtime", f"Invalid path '{path}' : it must be a reference path")
    try:
        return _with(data, [step for step in parsed.steps if not isinstance(step, tuple)], value)
    except _NotFoundError as err:
        cause = f"Unable to apply ReferencePath {path} to input {compact(data)}"
        raise ExpressionError("States.ResultPathMatchFailure", cause) from err


def compact(value: Any) -> str:
    """Return a value as AWS writes JSON in its sentences."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _document(path: Path, scope: Scope) -> Any:
    if path.root == INPUT:
        return scope.data
    return dict(scope.context if path.root == CONTEXT else scope.variables)


def _find(path: Path, document: Any) -> Any:
    value = document
    if path.root not in (INPUT, CONTEXT):
        value = _child(value, path.root.removeprefix("$"), (), True)
    for number, step in enumerate(path.steps):
        value = _child(value, step, path.steps[:number], number == len(path.steps) - 1 and path.rest is None)
    if path.rest is None:
        return value
    if path.selects_elements and not isinstance(value, list):
        raise _NotFoundError(f"Filter: {path.text} can only be applied to arrays. Current context is: {value}")
    return [match.obj for match in path.rest.finditer(document if path.whole else value)]


def _child(value: Any, step: Step, before: tuple[Step, ...], is_last: bool) -> Any:
    if isinstance(step, int):
        return _element(value, step, before)
    if not isinstance(value, dict):
        raise _NotFoundError(
            f"Expected to find an object with property {_written([step])} in path {_canonical(before)}"
        )
    if isinstance(step, tuple):
        return {name: value[name] for name in step if name in value}
    if step in value:
        return value[step]
    found = "No results for path:" if is_last else "Missing property in path"
    raise _NotFoundError(f"{found} {_canonical((*before, step))}")


def _element(value: Any, index: int, before: tuple[Step, ...]) -> Any:
    if not isinstance(value, list):
        raise _NotFoundError(f"Filter: [{index}] can only be applied to arrays. Current context is: {compact(value)}")
    if not -len(value) <= index < len(value):
        raise _NotFoundError(f"No results for path: {_canonical((*before, index))}")
    return value[index]


def _canonical(steps: tuple[Step, ...]) -> str:
    return "$" + _written(steps)


def _written(steps: tuple[Step, ...] | list[Step]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in steps)


def _cause(path: str, document: Any, field: str, found: str) -> str:
    """Return AWS's sentence: which one depends on the field that the path stands in.

    Sources: InputPath, OutputPath and the timeouts are recorded answers of AWS
    (https://github.com/localstack/localstack/pull/12094); Parameters, ErrorPath and the like are in
    https://github.com/localstack/localstack/issues/11951; choice rules in the forum of Step Functions.
    """
    if field in _FILTERS:
        return f"Invalid path '{path}' : {found}"
    if field in _WAITS:
        return f"The {field} parameter does not reference an input value: {path}"
    if field == CHOICE_RULE:
        return f"Invalid path '{path}': The choice state's condition path references an invalid value."
    return (
        f"The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{compact(document)}'"
    )


def _with(data: Any, steps: list[str | int], value: Any) -> Any:
    if not steps:
        return value
    step, *rest = steps
    if isinstance(step, int):
        if not isinstance(data, list) or not 0 <= step < len(data):
            raise _NotFoundError
        return [*data[:step], _with(data[step], rest, value), *data[step + 1 :]]
    if not isinstance(data, dict):
        raise _NotFoundError
    return {**data, step: _with(data.get(step, {} if rest else None), rest, value)}
