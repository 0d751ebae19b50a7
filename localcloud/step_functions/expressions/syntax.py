"""How a path is written: where it starts, its plain steps, and the rest that may select several values.

Step Functions reads paths as Jayway's JsonPath does. Most paths have plain steps only and are walked by us; wildcards,
slices, filters and `..` are left to the library python-jsonpath.
https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from jsonpath import JSONPath, JSONPathError

from localcloud.step_functions.expressions import ExpressionError
from localcloud.step_functions.expressions.filters import Environment

INPUT, CONTEXT = "$", "$$"
_ROOT = re.compile(r"\$\$|\$[A-Za-z_][A-Za-z0-9_]*|\$")
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_STEP = re.compile(
    rf"""\.?\[\s*(?P<quoted>{_QUOTED})\s*\]      # ['name'], and .['name'] as in AWS's documentation
    | \.?\[\s*(?P<names>(?:{_QUOTED})(?:\s*,\s*(?:{_QUOTED}))+)\s*\]
    | \.?\[\s*(?P<index>-?\d+)\s*\]
    | \.(?P<name>[^.\[\]\s*'"]+)
    """,
    re.VERBOSE,
)
_QUOTED_NAME = re.compile(_QUOTED)
_ESCAPE = re.compile(r"\\(.)")
_environment = Environment()

Step = str | int | tuple[str, ...]  # a field, an index, or several fields that become an object


@dataclass(frozen=True)
class Path:
    """A path that was read once and may be evaluated by many threads."""

    text: str
    root: str  # "$", "$$", or "$" with the name of a variable
    steps: tuple[Step, ...]  # lead to one value
    rest: JSONPath | None  # what follows them and selects a list of values; starts at that value
    selects_elements: bool  # the rest starts with a slice or several indexes, which only an array has
    whole: bool  # the rest starts at the document instead, because a filter in it compares with a path from there

    @property
    def is_reference(self) -> bool:
        """Whether the path leads to exactly one place, so that it may also be written to."""
        return self.rest is None and not any(isinstance(step, tuple) for step in self.steps)


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """Read a path.

    Raises:
        ExpressionError: The text is not a path (States.Runtime).
    """
    root = _ROOT.match(text)
    if root is None:
        raise ExpressionError("States.Runtime", f"Invalid path '{text}' : a path starts with '$'")
    steps, rest = _plain_steps(text, root.end())
    whole = "$" in rest and root.group() == INPUT
    selecting = text[root.end() :] if whole else rest
    try:
        compiled = _environment.compile("$" + _for_library(selecting)) if rest else None
    except JSONPathError as err:
        raise ExpressionError("States.Runtime", f"Invalid path '{text}' : {err.args[0]}") from err
    if compiled is not None and not isinstance(compiled, JSONPath):  # a union of paths, which Jayway does not know
        raise ExpressionError("States.Runtime", f"Invalid path '{text}'")
    selects_elements = bool(re.match(r"\[\s*[-\d:]", rest))
    return Path(text, root.group(), tuple(steps), compiled, selects_elements, whole)


def _plain_steps(text: str, position: int) -> tuple[list[Step], str]:
    steps: list[Step] = []
    while match := _STEP.match(text, position):
        steps.append(_step(match))
        position = match.end()
        if isinstance(steps[-1], tuple) and position < len(text):  # not the end: it selects several values
            steps.pop()
            return steps, text[match.start() :]
    return steps, text[position:]


def _step(match: re.Match[str]) -> Step:
    if (name := match["name"]) is not None:
        return name
    if (index := match["index"]) is not None:
        return int(index)
    if (quoted := match["quoted"]) is not None:
        return _unquoted(quoted)
    return tuple(_unquoted(name) for name in _QUOTED_NAME.findall(match["names"]))


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(r"\1", text[1:-1])


def _for_library(rest: str) -> str:
    """Return the rest of a path as the library reads it: `.[` is a plain `[` there, `..[` stays."""
    return re.sub(r"(?<!\.)\.\[", "[", rest)
