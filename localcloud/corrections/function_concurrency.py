"""Corrections of MiniStack's throttling: invocations are counted as they would run at once on AWS."""

import contextvars
import math
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc

from localcloud.function_runtime.concurrency import Concurrency, Slot

# AWS runs 1,000 at once by default. Processes on this machine cost more, so invocations beyond these queue.
CONCURRENT_INVOCATIONS = 4

# Whether the invocation of this context runs at once: those of an event source mapping are few, and wait for others.
beside_the_queue: contextvars.ContextVar[bool] = contextvars.ContextVar("beside_the_queue", default=False)

Acquire = Callable[[dict[str, Any], dict[str, Any]], tuple[Any, str | None]]

concurrency = Concurrency(CONCURRENT_INVOCATIONS)
# The slot of the invocation of this context.
taken: contextvars.ContextVar[Slot | None] = contextvars.ContextVar("taken", default=None)
# The place that the invocation of this context took before, when Step Functions scheduled it.
scheduled: contextvars.ContextVar["FunctionPlace | None"] = contextvars.ContextVar("scheduled", default=None)


def count_what_would_run_at_once(original: Acquire) -> Acquire:
    """Return what admits an invocation, or names the limit that it would exceed: function or account."""

    def acquire(func: dict[str, Any], config: dict[str, Any]) -> tuple[Any, str | None]:
        name = config["FunctionName"]
        place = scheduled.get() or take_place(name)
        taken.set(place.slot)
        if place.slot is None:
            return None, "function" if name in reservations() else "account"
        return place.slot, None

    return acquire


class FunctionPlace:
    """What an invocation got when it asked to run: a slot, or None because as many run as AWS allows."""

    def __init__(self, slot: Slot | None) -> None:
        self.slot = slot

    @property
    def is_refused(self) -> bool:
        return self.slot is None

    def release(self) -> None:
        """Give the slot back, if that has not been done."""
        if self.slot is not None:
            concurrency.end(self.slot)


def take_place(name: str) -> FunctionPlace:
    """Let an invocation of a function ask to run."""
    limit = lambda_svc._ACCOUNT_CONCURRENCY_CAP or math.inf
    return FunctionPlace(concurrency.admit(name, reservations(), limit))


def reservations() -> dict[str, int]:
    """Return the reserved concurrency of the functions that have it. It holds for all their versions together."""
    functions = list(lambda_svc._functions._data.values())  # copied at once: others may create functions
    found = {func["config"]["FunctionName"]: func.get("concurrency") for func in functions}
    return {name: int(number) for name, number in found.items() if number is not None}


def begin() -> None:
    """Note that a process takes the invocation of this context."""
    if slot := taken.get():
        concurrency.begin(slot)


def release_once_ended(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return what gives back what `count_what_would_run_at_once` gave."""

    def release(key: Any) -> None:
        if isinstance(key, Slot):
            concurrency.end(key)
        else:
            original(key)

    return release


def word_throttling(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Say `Rate Exceeded.`; the Reason tells the account's limit from the function's."""

    def throttle_response(reason_code: str, msg: str, retry_after: int = 1) -> dict[str, Any]:
        answer = original(reason_code, "Rate Exceeded.", retry_after)
        answer["body"]["Type"] = "User"
        return answer

    return throttle_response
