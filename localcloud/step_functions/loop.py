"""The event loop that runs all executions, in a thread of its own; calls of functions run in threads beside it."""

import asyncio
import functools
import threading
from concurrent.futures import ThreadPoolExecutor

CALLS_AT_ONCE = 64  # more calls wait here; a few functions run at once on this machine


@functools.cache
def event_loop() -> asyncio.AbstractEventLoop:
    """Return the loop; it starts when it is first asked for."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="step-functions", daemon=True).start()
    return loop


@functools.cache
def call_threads() -> ThreadPoolExecutor:
    """Return the threads that call functions."""
    return ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="step-functions-call")


@functools.cache
def file_threads() -> ThreadPoolExecutor:
    """Return the threads that read and write files in S3."""
    return ThreadPoolExecutor(4, thread_name_prefix="step-functions-files")
