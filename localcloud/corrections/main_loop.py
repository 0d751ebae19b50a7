"""The thread that serves requests: queues of SQS are changed there alone, because MiniStack does not lock them."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")
ANSWER_SECONDS = 60.0

_loop: list[asyncio.AbstractEventLoop] = []
_thread: list[int] = []  # that runs it


def remember() -> None:
    """Take note of the loop that runs; called once, when the server starts."""
    _loop[:] = [asyncio.get_running_loop()]
    _thread[:] = [threading.get_ident()]


def call(function: Callable[[], Result]) -> Result:
    """Call a function on the loop's thread, in the context of this one, and return what it returns.

    Raises:
        RuntimeError: No server runs.
    """
    if not _loop:
        raise RuntimeError("The server has not been started.")
    if threading.get_ident() in _thread:
        return function()
    future: Future[Result] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(function))
        except BaseException as err:  # the caller's, not the loop's
            future.set_exception(err)

    _loop[0].call_soon_threadsafe(run)
    return future.result(ANSWER_SECONDS)
