"""Which retrier or catcher matches an error, and how long a retrier waits."""

import random
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions

# "States.ALL can't catch the States.DataLimitExceeded terminal error or Runtime error types", nor can
# States.TaskFailed (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html).
TERMINAL_ERRORS = ("States.DataLimitExceeded", "States.Runtime")


def match_terminal_errors_by_name(
    original: Callable[[list[str], str], bool],
) -> Callable[[list[str], str], bool]:
    """Let a terminal error match only a retrier or catcher that names it."""

    def matches(error_equals: list[str], error: str) -> bool:
        return error in error_equals if error in TERMINAL_ERRORS else original(error_equals, error)

    return matches


def wait_as_the_retrier_says(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wait here, where the retrier is chosen, and return it with an interval of 0 for MiniStack's own wait."""

    def find(retriers: list[dict[str, Any]], error: str, retry_counts: dict[int, int]) -> Any:
        retrier, index = original(retriers, error, retry_counts)
        if retrier is None:
            return None, -1
        stepfunctions._scaled_sleep(delay_seconds(retrier, retry_counts.get(index, 0)))
        return {**retrier, "IntervalSeconds": 0}, index

    return find


def delay_seconds(retrier: dict[str, Any], retries: int) -> float:
    """Return how long to wait before the next attempt, after this many retries.

    Full jitter draws from 0 to the delay (https://states-language.net/#errors).
    """
    delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** retries
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    return float(random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay)
