"""Retriers: which one matches a failure, and how long it waits; catchers: where the branch goes on."""

import random
from collections.abc import Mapping
from typing import Any

from localcloud.step_functions.interpreter.documents import Document
from localcloud.step_functions.interpreter.failures import StateFailedError
from localcloud.step_functions.interpreter.results import assigned, assigned_by_paths, combine, output_of
from localcloud.step_functions.interpreter.visit import Outcome, Visit

MAX_ATTEMPTS = 3  # by default


def retry_delay(visit: Visit, failure: StateFailedError) -> float | None:
    """Return how many seconds to wait before the state is tried again, None when it is not."""
    for number, retrier in enumerate(visit.state.get("Retry", ())):
        if failure.matches(retrier["ErrorEquals"]):
            retries = visit.retries_by_rule.get(number, 0)
            if retries >= retrier.get("MaxAttempts", MAX_ATTEMPTS):
                return None
            visit.retries_by_rule[number] = retries + 1
            visit.retries += 1
            return delay_seconds(retrier, retries)
    return None


def delay_seconds(retrier: Mapping[str, Any], retries: int) -> float:
    """Return how long a retrier waits after this many retries.

    Full jitter draws from 0 to the delay (https://states-language.net/#errors).
    """
    most = retrier.get("MaxDelaySeconds", 31_622_400)  # a year is the longest delay; a power of 2.0 may overflow
    delay = retrier.get("IntervalSeconds", 1)
    for _ in range(retries):
        delay = min(delay * retrier.get("BackoffRate", 2.0), most)
    delay = min(delay, most)
    return float(random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay)


def caught(visit: Visit, failure: StateFailedError) -> Outcome | None:
    """Return where a catcher leads the branch, None when none matches."""
    for number, catcher in enumerate(visit.state.get("Catch", ())):
        if failure.matches(catcher["ErrorEquals"]):
            return led(visit, catcher, f"Catch[{number}]/", Document(failure.output))
    return None


def led(visit: Visit, catcher: Mapping[str, Any], location: str, error: Document) -> Outcome:
    if visit.is_jsonata:
        made = {"errorOutput": error.value}
        output = output_of(visit, catcher, error, location, **made)
        return Outcome(output, catcher["Next"], assigned(visit, catcher, location, **made))
    output = combine(visit, catcher.get("ResultPath", "$"), error)
    return Outcome(output, catcher["Next"], assigned_by_paths(visit, catcher, error.value))
