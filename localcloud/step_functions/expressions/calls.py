"""How a call of an intrinsic function is written: States.Format('{} of {}', $.count, States.ArrayLength($.all)).

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from localcloud.step_functions.expressions import ExpressionError

MOST_NESTED = 10  # "You can nest up to 10 intrinsic functions within a field"
_NAME = re.compile(r"States\.([A-Za-z0-9]+)\s*\(")
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'")
_LITERAL = re.compile(r"(true|false|null|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?=\s*[,)])")
_ESCAPE = re.compile(r"\\(.)")
_SPACE = re.compile(r"\s*")
_CONSTANTS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Literal:
    """A string without its quotes but with its escapes, which States.Format reads itself; a number or a constant."""

    value: Any


@dataclass(frozen=True)
class PathArgument:
    """A path into the input, the context object or a variable."""

    path: str


@dataclass(frozen=True)
class Call:
    """A function's name without "States.", its arguments, and the text it was read from."""

    name: str
    arguments: "tuple[Call | Literal | PathArgument, ...]"
    text: str


@lru_cache(maxsize=1024)
def parse(text: str) -> Call:
    """Read a call.

    Raises:
        ExpressionError: The text is not a call of an intrinsic function (States.Runtime).
    """
    call, end = _call(text, 0, 1)
    if text[end:].strip():
        raise _malformed(text)
    return call


def unescaped(text: str) -> str:
    """Return a string literal without the backslashes that escape its characters."""
    return _ESCAPE.sub(r"\1", text)


def _malformed(text: str) -> ExpressionError:
    return ExpressionError("States.Runtime", f"The value '{text}' is not a valid intrinsic function call")


def _call(text: str, start: int, depth: int) -> tuple[Call, int]:
    match = _NAME.match(text, start)
    if match is None or depth > MOST_NESTED:
        raise _malformed(text)
    arguments: list[Call | Literal | PathArgument] = []
    position = _after_space(text, match.end())
    if text[position : position + 1] != ")":
        while True:
            argument, position = _argument(text, position, depth)
            arguments.append(argument)
            position = _after_space(text, position)
            if text[position : position + 1] != ",":
                break
            position = _after_space(text, position + 1)
    if text[position : position + 1] != ")":
        raise _malformed(text)
    return Call(match[1], tuple(arguments), text[start : position + 1]), position + 1


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _argument(text: str, position: int, depth: int) -> tuple[Call | Literal | PathArgument, int]:
    if text.startswith("States.", position):
        return _call(text, position, depth + 1)
    if text.startswith("$", position):
        end = _end_of_path(text, position)
        return PathArgument(text[position:end].rstrip()), end
    if match := _STRING.match(text, position):
        return Literal(match[1]), match.end()
    if match := _LITERAL.match(text, position):
        return Literal(_constant(match[1])), match.end()
    raise _malformed(text)


def _constant(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


def _end_of_path(text: str, position: int) -> int:
    """Return where a path ends: at the first comma or parenthesis outside its brackets and quotes."""
    depth, quote = 0, ""
    while position < len(text):
        character = text[position]
        if quote:
            position += character == "\\"
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif depth == 0 and character in ",)":
            break
        else:
            depth += (character in "[(") - (character in "])")
        position += 1
    return position
