"""Start and stop the processes of the cloud that belongs to a directory."""

import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from localcloud import LocalCloudError, keys
from localcloud.environment import server_environment, temporary_directory
from localcloud.instances import COMMAND, NOT_YET, Cloud, is_ours, log_path, processes, remembered, running
from localcloud.ports import free_port, is_free

DEFAULT_PORT = 4566  # what local AWS emulators use
START_SECONDS = 60
STOP_SECONDS = 60
STARTED_MEANWHILE = 2  # looks for processes to end: the supervisor may start the server while it is told to end


class PortTakenError(LocalCloudError):
    """When another program listens on the port."""


# Start ---------------------------------------------------------------------------------------------------------


def up(state: Path, port: int | None) -> Cloud:
    """Start the cloud unless it runs, and return once it answers requests.

    A concurrent call waits for the lock, then returns the running cloud.

    Args:
        port: None for the port of the last run; for the first run 4566 or, if that is taken, a free port.

    Raises:
        LocalCloudError: The port is taken, the cloud runs on another port, or the server does not start.
    """
    with locked(state):
        cloud = running(state)
        if cloud and port not in (None, cloud.port):
            raise LocalCloudError(
                f"The local cloud already runs on port {cloud.port}: stop it first with `{COMMAND} down`."
            )
        return cloud or start(state, port)


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Let one process at a time start or stop this directory's cloud. The lock ends with the process that holds it."""
    state.mkdir(parents=True, exist_ok=True)
    make_private(state)
    with (state / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_private(state: Path) -> None:
    """Let only this user into the directory, also when an earlier version or another program has made it."""
    try:
        state.chmod(0o700)
    except OSError as err:
        raise LocalCloudError(
            f"{state} cannot be closed to other users ({err.strerror}): choose another --directory."
        ) from err


def start(state: Path, port: int | None) -> Cloud:
    """Start on the given port or on that of the last run. Only a first start may choose another one, and says so."""
    before = remembered(state)
    if port or before:
        return launch(state, port or (before.port if before else DEFAULT_PORT))
    try:
        return launch(state, DEFAULT_PORT)
    except PortTakenError:
        cloud = launch(state, free_port())
        print(f"Port {DEFAULT_PORT} is taken by another program: {cloud.port} is used from now on.", file=sys.stderr)
        return cloud


def launch(state: Path, port: int) -> Cloud:
    """Start the server with its saved state. If the start fails or the user interrupts it, stop every process again."""
    stop(state)  # processes that a crash left behind
    check_free(port)
    Cloud(port, NOT_YET).save(state)  # the port is remembered, also when this start fails
    shutil.rmtree(temporary_directory(state), ignore_errors=True)
    temporary_directory(state).mkdir()
    keys.ensure(state)
    with log_path(state).open("a") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "localcloud", "serve"],
            env=server_environment(port, state.resolve()),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        return wait_until_it_answers(supervisor, state, port)
    except BaseException:
        stop(state)
        raise


def wait_until_it_answers(supervisor: subprocess.Popen[bytes], state: Path, port: int) -> Cloud:
    deadline = time.monotonic() + START_SECONDS
    while (cloud := remembered(state)) is None or cloud.pid == NOT_YET:
        if supervisor.poll() is not None:
            check_free(port)  # another program may have taken it after the first check
        if supervisor.poll() is not None or time.monotonic() > deadline:
            raise LocalCloudError(
                f"The local cloud did not start; its log {log_path(state)} ends with: {log_end(state)}"
            )
        time.sleep(0.02)
    return cloud


def log_end(state: Path) -> str:
    lines = log_path(state).read_text(errors="replace").strip().splitlines()
    return " | ".join(lines[-5:]) or "(nothing)"


def check_free(port: int) -> None:
    if not is_free(port):
        raise PortTakenError(f"Port {port} is taken by another program: choose another one with --port.")


# Stop ----------------------------------------------------------------------------------------------------------


def down(state: Path) -> bool:
    """Stop the cloud and keep its state. Returns whether it ran."""
    with locked(state):
        return stop(state)


def reset(state: Path) -> None:
    """Stop the cloud and delete everything in it."""
    with locked(state):
        stop(state)
        for path in state.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()


def stop(state: Path) -> bool:
    """Shut the server down cleanly, then end the cloud's other processes. Returns whether any process ran."""
    found = processes(state)
    cloud = remembered(state)
    end([process for process in found if cloud and process.pid == cloud.pid], state)
    for _ in range(STARTED_MEANWHILE):
        end(processes(state), state)
    return bool(found)


def end(ours: list[psutil.Process], state: Path) -> None:
    """Ask processes of the cloud to end, and kill those that still run after STOP_SECONDS."""
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        for process in ours:
            with suppress(psutil.NoSuchProcess):
                ask(process)
        deadline = time.monotonic() + STOP_SECONDS
        while ours and time.monotonic() < deadline:
            time.sleep(0.02)
            ours = [process for process in ours if is_ours(process, state)]
