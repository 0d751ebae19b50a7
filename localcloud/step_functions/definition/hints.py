"""What AWS warns of: values that look like paths where none is evaluated."""

from collections.abc import Iterator
from typing import Any

from localcloud.step_functions.definition.paths import is_intrinsic_call, is_path
from localcloud.step_functions.definition.place import JSONPATH, Place
from localcloud.step_functions.definition.problem import Problem

STATIC = ("Error", "Cause")


def hints(state: dict[str, Any], place: Place) -> Iterator[Problem]:
    if place.language != JSONPATH:
        return
    for field in ("Parameters", "ResultSelector", "ItemSelector"):
        yield from without_dollar(state.get(field), place.at(field).location)
    if place.state_type == "Pass":
        yield from in_result(state.get("Result"), place.at("Result").location)
    for field in STATIC if place.state_type == "Fail" else ():
        if kind := kind_of(state.get(field)):
            sentence = f"Instead of '{field}', use '{field}Path' to evaluate it as {kind} at runtime."
            yield warning("NO_PATH", f"The value of '{field}' looks like {kind}. {sentence}", place.at(field).location)


def warning(code: str, message: str, location: str) -> Problem:
    return Problem("WARNING", code, message, location)


def kind_of(given: Any) -> str | None:
    """Return what a value looks like, None when it looks like nothing that is evaluated."""
    if not isinstance(given, str):
        return None
    if given.startswith(("$.", "$[", "$$.")) and is_path(given):
        return "a JSONPath"
    return "an Intrinsic Function" if is_intrinsic_call(given) else None


def without_dollar(template: Any, location: str) -> Iterator[Problem]:
    for name, child in template.items() if isinstance(template, dict) else ():
        kind = None if name.endswith(".$") else kind_of(child)
        if kind:
            sentence = f"Instead of '{name}', use '{name}.$' to evaluate it as {kind} at runtime."
            yield warning("NO_DOLLAR", f"The value of '{name}' looks like {kind}. {sentence}", location)
        yield from without_dollar(child, f"{location}/{name}")


def in_result(result: Any, location: str) -> Iterator[Problem]:
    for name, child in result.items() if isinstance(result, dict) else ():
        if name.endswith(".$") and kind_of(child):
            sentence = (
                f"The value of '{name}' will not evaluate as a JSONPath or Intrinsic Function at runtime. Instead of "
                "'Result', use 'Parameters' to evaluate it as a JSONPath or Intrinsic Function at runtime."
            )
            yield warning("PASS_RESULT_IS_STATIC", sentence, location)
