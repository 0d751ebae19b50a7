"""Processes that do the same work together: the threads of one Python process share one core for all but the network.

The parent forks before it imports anything that starts threads, as NumPy and ONNX Runtime do: a lock that one of their
threads held would stay locked in the child. It replaces a worker that dies, and ends all of them when it ends.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

REPLACE_SECONDS = 1.0  # before a worker is replaced: one that always dies at once should cost little

logger = logging.getLogger(__name__)

Ready = Callable[[], None]
Work = Callable[[Ready], int]  # calls its argument when it can serve; returns an exit code


def usable_cores() -> int:
    """Return on how many cores this process may run; 1 where other systems than Linux make forking unsafe."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def leave(_number: int, _frame: FrameType | None) -> None:
    """Handle a signal by ending with exit code 0."""
    sys.exit(0)


def run(number: int, work: Work, ready: Ready) -> int:
    """Do work in several processes, or in this one when the number is 1; return the exit code.

    The first worker starts alone: what keeps it from serving is told once. SIGTERM must be handled by `leave`.

    Args:
        ready: Called when the first worker can serve.
    """
    if number == 1:
        return work(ready)
    alive, held = os.pipe()  # nobody writes into it: the parent holds one end open for as long as it lives
    loaded, told = os.pipe()
    workers: set[int] = set()
    try:
        workers.add(fork(lambda: work(lambda: tell(told)), alive, held))
        os.close(told)
        if not os.read(loaded, 1):
            return os.waitstatus_to_exitcode(os.waitpid(workers.pop(), 0)[1])
        ready()
        while True:
            while len(workers) < number:
                workers.add(fork(lambda: work(lambda: None), alive, held))
            pid, status = os.wait()
            workers.discard(pid)
            logger.error("worker %d ended (%s) and is replaced", pid, ending(status))
            time.sleep(REPLACE_SECONDS)
    finally:
        end(workers)


def tell(pipe: int) -> None:
    os.write(pipe, b"1")


def fork(work: Callable[[], int], alive: int, held: int) -> int:
    """Return the process id of a new worker; it ends when the other end of `alive` is closed."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        os.close(held)
        threading.Thread(target=end_with_the_parent, args=(alive,), daemon=True).start()
        code = work()
    except SystemExit:
        code = 0
    except BaseException:  # the edge of the process
        logger.exception("worker %d", os.getpid())
    finally:
        os._exit(code)  # nothing that belongs to the parent is cleaned up


def end_with_the_parent(alive: int) -> None:
    os.read(alive, 1)
    os._exit(1)


def ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def end(workers: set[int]) -> None:
    """End workers and wait for them."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not interrupt this
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    for pid in workers:
        os.waitpid(pid, 0)
