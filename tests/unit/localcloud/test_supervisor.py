"""The end of a process group: at once where all end by themselves, in any case soon."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[3]
# Starts a child, prints its process id, and ends their group after at most so many seconds.
PROGRAM = """
import subprocess, sys
from localcloud import supervisor
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
supervisor.GRACE_SECONDS = float(sys.argv[2])
supervisor.end_group()
"""
OBEDIENT = "import time; print(flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(("child", "grace"), [(OBEDIENT, 40), (STUBBORN, 0.3)])
def test_a_group_ends_as_soon_as_it_can(child: str, grace: float) -> None:
    command = [sys.executable, "-c", PROGRAM, child, str(grace)]
    begin = time.monotonic()
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=60, start_new_session=True)
    assert ended.returncode == -signal.SIGKILL
    while runs(int(ended.stdout)):  # SIGKILL is sent to all at once, and each ends in its own time
        assert time.monotonic() - begin < 20
        time.sleep(0.02)
    assert time.monotonic() - begin < 20
