"""Waiting for what the cloud does in the background."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

Reached = TypeVar("Reached")


def wait_for(reached: Callable[[], Reached | None], seconds: float = 120, pause: float = 0.1) -> Reached:
    """Call `reached` until its value is true, and return that value.

    Raises:
        AssertionError: No value was true within `seconds`, or WAIT_AT_MOST seconds where the tests are to fail.
    """
    seconds = min(seconds, float(os.environ.get("WAIT_AT_MOST", seconds)))
    deadline = time.monotonic() + seconds
    while not (value := reached()):
        assert time.monotonic() < deadline, f"nothing true within {seconds} seconds"
        time.sleep(pause)
    return value
