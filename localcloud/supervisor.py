"""The process that starts the server, and ends everything that the server has started when the server ends."""

import os
import signal
import subprocess
import sys
import time

import psutil

GRACE_SECONDS = 0.5  # between SIGTERM and SIGKILL


def supervise() -> None:
    """Run the server as a child process. When the server ends, even by a crash, end everything that it started.

    This process leads the process group of the server, the functions, the training jobs and the endpoints. If this
    process is killed, the server's standard input ends, and the server shuts down.
    """
    server = subprocess.Popen([sys.executable, "-m", "localcloud.server"], stdin=subprocess.PIPE)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.terminate())
    server.wait()
    end_group()


def end_group() -> None:
    """End every process of this process's group, this process included."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgrp(), signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while group_runs() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def group_runs() -> bool:
    """Return whether a process of this group runs, besides this one and the supervisor that waits for it."""
    return any(runs_in_group(process) for process in psutil.process_iter())


def runs_in_group(process: psutil.Process) -> bool:
    if process.pid in (os.getpid(), os.getppid()):
        return False
    try:
        return os.getpgid(process.pid) == os.getpgrp() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ProcessLookupError):  # it has just ended
        return False
