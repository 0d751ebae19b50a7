"""The rules of a Choice state that uses JSONPath.

https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html#amazon-states-language-choice-state-rules
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from localcloud.step_functions.expressions import ExpressionError, Scope, paths

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThanEquals": operator.ge,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "LessThan": operator.lt,
}
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})")


def matches(rule: Mapping[str, Any], scope: Scope) -> bool:
    """Return whether a choice rule holds. A value of another type than the operator's does not match.

    Raises:
        ExpressionError: The Variable, or a path it is compared with, has no match and the rule is not IsPresent
            (States.Runtime).
    """
    if "And" in rule:
        return all(matches(part, scope) for part in rule["And"])
    if "Or" in rule:
        return any(matches(part, scope) for part in rule["Or"])
    if "Not" in rule:
        return not matches(rule["Not"], scope)
    if "IsPresent" in rule:
        return paths.exists(rule["Variable"], scope) is rule["IsPresent"]
    value = paths.read(rule["Variable"], scope, paths.CHOICE_RULE)
    comparison = next((name for name in rule if name in OPERATORS), None)
    if comparison is None:
        raise ExpressionError("States.Runtime", f"No known comparison in the choice rule {paths.compact(dict(rule))}")
    return _holds(comparison, value, rule[comparison], scope)


def _holds(comparison: str, value: Any, expected: Any, scope: Scope) -> bool:
    if comparison.endswith("Path"):
        expected = paths.read(expected, scope, paths.CHOICE_RULE)
    return OPERATORS[comparison](value, expected)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_null(value: Any) -> bool:
    return value is None


def _is_timestamp(value: Any) -> bool:
    return _moment(value) is not None


def _moment(value: Any) -> datetime | None:
    """Return the moment that an RFC 3339 text names, with an upper-case T and Z; None for anything else."""
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _tells(test: Callable[[Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, expected: test(value) is expected


def _compares(test: Callable[[Any], bool], order: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, expected: test(value) and test(expected) and order(value, expected)


def _in_time(order: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(value: Any, expected: Any) -> bool:
        moment, other = _moment(value), _moment(expected)
        return moment is not None and other is not None and order(moment, other)

    return holds


def _string_matches(value: Any, pattern: Any) -> bool:
    return isinstance(value, str) and isinstance(pattern, str) and _glob(pattern).fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    r"""Return the expression of a StringMatches pattern: `*` is any text, `\*` and `\\` are characters."""
    parts = re.findall(r"\\[*\\]|\*+|[^*]", pattern, re.DOTALL)
    return re.compile("".join(".*" if part[0] == "*" else re.escape(part[-1]) for part in parts), re.DOTALL)


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "BooleanEquals": _compares(_is_boolean, operator.eq),
    "StringMatches": _string_matches,
    "IsNull": _tells(_is_null),
    "IsString": _tells(_is_text),
    "IsNumeric": _tells(_is_number),
    "IsBoolean": _tells(_is_boolean),
    "IsTimestamp": _tells(_is_timestamp),
}
for _suffix, _order in _ORDERS.items():
    OPERATORS[f"String{_suffix}"] = _compares(_is_text, _order)
    OPERATORS[f"Numeric{_suffix}"] = _compares(_is_number, _order)
    OPERATORS[f"Timestamp{_suffix}"] = _in_time(_order)
OPERATORS |= {f"{name}Path": test for name, test in list(OPERATORS.items()) if name.endswith(("Equals", "Than"))}
