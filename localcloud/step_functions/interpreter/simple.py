"""The states that call nothing and start nothing: Pass, Choice, Wait, Succeed and Fail."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localcloud.step_functions.expressions import ExpressionError, choices, templates
from localcloud.step_functions.interpreter.documents import Document
from localcloud.step_functions.interpreter.failures import RUNTIME, StateFailedError
from localcloud.step_functions.interpreter.results import (
    assigned,
    assigned_by_paths,
    outcome_of,
    output_of,
    passed_on,
)
from localcloud.step_functions.interpreter.visit import Outcome, Visit

# AWS documents the name States.NoChoiceMatched, but answers States.Runtime with this cause.
NO_NEXT_STATE = "Failed to transition out of the state. The state does not point to a next state."
OFFSET_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)")  # ISO 8601, extended
LONGEST_SLEEP = 86_400.0  # seconds; a longer wait takes several


async def pass_on(visit: Visit) -> Outcome:
    if visit.is_jsonata:
        return outcome_of(visit, visit.input)
    document = visit.arguments(visit.effective_input())
    return outcome_of(visit, Document(visit.state["Result"]) if "Result" in visit.state else document)


async def succeed(visit: Visit) -> Outcome:
    return passed_on(visit, visit.effective_input())


async def fail(visit: Visit) -> Outcome:
    raise StateFailedError(failure_field(visit, "Error"), failure_field(visit, "Cause"))


def failure_field(visit: Visit, name: str) -> str | None:
    """Return Error or Cause of a Fail state, None when the state has none.

    Raises:
        ExpressionError: It is no string.
    """
    if visit.is_jsonata or f"{name}Path" not in visit.state:
        value: str | None = visit.read(name, "string", visit.input)
        return value
    path = visit.state[f"{name}Path"]
    found = templates.value_of(path, visit.scope(visit.input.value), f"{name}Path")
    if isinstance(found, str):
        return found
    raise ExpressionError(RUNTIME, f"The {name}Path field must refer to a string: {path}")


async def choose(visit: Visit) -> Outcome:
    document = visit.effective_input()
    rule, location = matching_rule(visit, document)
    following = rule.get("Next") or rule.get("Default")
    if following is None:
        raise ExpressionError(RUNTIME, NO_NEXT_STATE)
    if visit.is_jsonata:
        return Outcome(output_of(visit, rule, document, location), following, assigned(visit, rule, location))
    output = visit.select(visit.state.get("OutputPath", "$"), document, "OutputPath")
    return Outcome(output, following, assigned_by_paths(visit, rule, document.value))


def matching_rule(visit: Visit, document: Document) -> tuple[Mapping[str, Any], str]:
    """Return the first choice that matches and its location in the state; without one, the state itself."""
    for number, rule in enumerate(visit.state["Choices"]):
        location = f"Choices[{number}]/"
        if visit.is_jsonata:
            found = visit.evaluate(rule["Condition"], f"{location}Condition", "boolean")
        else:
            found = choices.matches(rule, visit.scope(document.value))
        if found:
            return rule, location
    return visit.state, ""


async def wait(visit: Visit) -> Outcome:
    document = visit.effective_input()
    seconds = seconds_to_wait(visit, document)
    while seconds > 0:
        await asyncio.sleep(min(seconds, LONGEST_SLEEP))
        seconds -= LONGEST_SLEEP
    return passed_on(visit, document)


def seconds_to_wait(visit: Visit, document: Document) -> float:
    """Return how long a Wait state waits; nothing when its time has passed.

    Raises:
        ExpressionError: A path or an expression gave no time.
    """
    seconds = visit.read("Seconds", "number", document)
    if seconds is None:
        return (moment_of(visit, document) - datetime.now(UTC)).total_seconds()
    name = "SecondsPath" if "SecondsPath" in visit.state else "Seconds"
    given = f"{visit.state[name]} == {seconds}"
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise ExpressionError(RUNTIME, f"The {name} parameter cannot be parsed as a long value: {given}")
    if seconds < 0:
        raise ExpressionError(RUNTIME, f"The {name} parameter references a negative value: {given}")
    return float(seconds)


def moment_of(visit: Visit, document: Document) -> datetime:
    """Return the time that Timestamp or TimestampPath says."""
    given = visit.read("Timestamp", "string", document)
    moment = None
    if isinstance(given, str) and OFFSET_DATE_TIME.fullmatch(given):
        with contextlib.suppress(ValueError):  # the 30th of February
            moment = datetime.fromisoformat(given)
    if moment is None:
        name = "TimestampPath" if "TimestampPath" in visit.state else "Timestamp"
        written = f"{visit.state[name]} == {given}"
        sentence = "does not reference a valid ISO-8601 extended offset date-time format string"
        raise ExpressionError(RUNTIME, f"The {name} parameter {sentence}: {written}")
    return moment
