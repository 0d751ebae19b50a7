"""The syntax of JSONPath, reference paths and intrinsic functions.

https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html,
https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

import re
from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition.problem import Problem, schema_error, wrong_type

INDEX = r"-?\d+"
QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
# What follows the root of a path, one at a time; the filter ends at the bracket that closes it, see `end_of_filter`.
SEGMENT = re.compile(
    rf"""
    \.\.?(?:[^.\[\]()'"\s,*]+(?:\(\))?|\*)              # .name ..name .* .length()
    |\.?\.?\[\s*(?:\*|{QUOTED}(?:\s*,\s*{QUOTED})*      # [*] ['name'] ['one', 'two']
        |{INDEX}(?:\s*,\s*{INDEX})*                     # [0] [-1] [0, 1]
        |(?:{INDEX})?:(?:{INDEX})?(?::(?:{INDEX})?)?    # [1:2] [:2] [1:2:3]
    )\s*\]
    """,
    re.VERBOSE,
)
ROOT = re.compile(r"\$\$|\$[^\W\d]\w*|\$")
# A reference path leads to one node.
MANY = re.compile(r"\.\.|\*|\?|\[[^'\]]*[,:]|\[\s*'[^']*'\s*,|@")
CALL = re.compile(r"\s*(States\.[A-Za-z0-9]+)\s*\(")
LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
ARGUMENT_OF_PATH = re.compile(r"""(?:[^,()'"\[]|\[(?:[^\[\]'"]|'[^']*'|"[^"]*"|\[[^\]]*\])*\])+""")

FUNCTIONS = tuple(
    f"States.{name}"
    for name in (
        *("Array", "ArrayPartition", "ArrayContains", "ArrayRange", "ArrayGetItem", "ArrayLength", "ArrayUnique"),
        *("Base64Encode", "Base64Decode", "Hash", "JsonMerge", "StringToJson", "JsonToString"),
        *("MathRandom", "MathAdd", "StringSplit", "UUID", "Format"),
    )
)


def is_path(text: str) -> bool:
    """Return whether a text is a JSONPath, of the input, the context object (`$$`) or a variable (`$name`)."""
    root = ROOT.match(text)
    if not root:
        return False
    at = root.end()
    while at < len(text):
        at = next_segment(text, at)
        if not at:
            return False
    return True


def next_segment(text: str, at: int) -> int:
    """Return where the next segment of a path begins, 0 when there is no segment here."""
    if text.startswith(("[?", ".[?", "..[?"), at):
        return end_of_filter(text, text.index("[", at))
    found = SEGMENT.match(text, at)
    return found.end() if found else 0


def end_of_filter(text: str, at: int) -> int:
    """Return where a filter `[?(...)]` ends, 0 when it does not."""
    depth = 0
    for token in re.finditer(rf"{QUOTED}|[\[\]()]", text[at:]):
        depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(token[0], 0)
        if depth == 0:
            body = text[at : at + token.end()]
            return at + token.end() if re.fullmatch(r"\[\?\s*\(.+\)\s*\]", body, re.DOTALL) else 0
    return 0


def is_intrinsic_call(text: str) -> bool:
    """Return whether a text is one call of an intrinsic function that exists."""
    end = end_of_call(text, 0)
    return bool(end) and not text[end:].strip()


def end_of_call(text: str, at: int) -> int:
    """Return where a call ends that begins here, 0 when none does."""
    call = CALL.match(text, at)
    if not call or call[1] not in FUNCTIONS:
        return 0
    at = skip_spaces(text, call.end())
    if text.startswith(")", at):
        return at + 1
    while at := end_of_argument(text, at):
        at = skip_spaces(text, at)
        if text.startswith(")", at):
            return at + 1
        if not text.startswith(",", at):
            return 0
        at = skip_spaces(text, at + 1)
    return 0


def end_of_argument(text: str, at: int) -> int:
    if text.startswith("$", at):
        path = ARGUMENT_OF_PATH.match(text, at)
        return path.end() if path and is_path(path[0].rstrip()) else 0
    literal = LITERAL.match(text, at)
    return literal.end() if literal else end_of_call(text, at)


def skip_spaces(text: str, at: int) -> int:
    return at + len(text[at:]) - len(text[at:].lstrip())


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
    elif not is_path(given) or (not may_match_many and MANY.search(given)):
        yield schema_error("Value is not a Reference Path", location)


def path_or_call_problems(given: Any, location: str) -> Iterator[Problem]:
    if not isinstance(given, str):
        yield wrong_type(str, location)
    elif not is_path(given) and not is_intrinsic_call(given):
        yield schema_error("Value must be a valid JSONPath or a valid intrinsic function call", location)
