"""Start and stop the processes of the cloud that belongs to a directory, and find them again."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from localcloud import LocalCloudError
from localcloud.environment import server_environment, temporary_directory

DEFAULT_PORT = 4566  # what local AWS emulators use
START_SECONDS = 60
STOP_SECONDS = 60


class PortTakenError(LocalCloudError):
    """When another program listens on the port."""


@dataclass(frozen=True)
class Cloud:
    """A server: its port on 127.0.0.1 and its process. It writes itself down when it answers."""

    port: int
    pid: int

    def save(self, state: Path) -> None:
        part = state / "cloud.json.part"
        part.write_text(json.dumps(asdict(self)))
        part.replace(state / "cloud.json")


def log_path(state: Path) -> Path:
    return state / "cloud.log"


def remembered(state: Path) -> Cloud | None:
    """Return the cloud that last answered in this directory, running or not."""
    try:
        return Cloud(**json.loads((state / "cloud.json").read_text()))
    except FileNotFoundError:
        return None


def running(state: Path) -> Cloud | None:
    """Return the cloud that runs in this directory."""
    cloud = remembered(state)
    if cloud is None:
        return None
    with suppress(psutil.NoSuchProcess):
        return cloud if is_ours(psutil.Process(cloud.pid), state) else None
    return None


def is_ours(process: psutil.Process, state: Path) -> bool:
    """Tell whether a process belongs to this directory's cloud.

    Its number alone does not tell: after a crash the system may have given that to another program.
    """
    try:
        return process.environ().get("TMPDIR") == str(temporary_directory(state))
    except psutil.Error:  # ended, or another user's
        return False


def processes(state: Path) -> list[psutil.Process]:
    """Return the server, its supervisor, and the jobs and endpoints that they started, also after a crash."""
    return [process for process in psutil.process_iter() if is_ours(process, state)]


# Start ---------------------------------------------------------------------------------------------------------


def up(state: Path, port: int | None) -> Cloud:
    """Start the cloud unless it runs, and return when it answers. Who comes second waits and finds it running.

    Args:
        port: None for the port it had before, else 4566 or, when that is taken, one that is free.

    Raises:
        LocalCloudError: The port is taken, or the server does not come up.
    """
    with locked(state):
        cloud = running(state)
        if cloud and port not in (None, cloud.port):
            raise LocalCloudError(
                f"The local cloud already runs on port {cloud.port}: stop it with `python -m localcloud down`."
            )
        return cloud or start(state, port)


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Let one process at a time start or stop this directory's cloud; the system frees the lock if it dies."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start(state: Path, port: int | None) -> Cloud:
    before = remembered(state)
    try:
        return launch(state, port or (before.port if before else DEFAULT_PORT))
    except PortTakenError:
        if port:
            raise
        return launch(state, free_port())


def launch(state: Path, port: int) -> Cloud:
    """Start the server with what it kept; if it does not come up, or the user interrupts, leave nothing behind."""
    stop(state)  # what a crash has left
    check_free(port)
    (state / "cloud.json").unlink(missing_ok=True)
    shutil.rmtree(temporary_directory(state), ignore_errors=True)
    temporary_directory(state).mkdir()
    with log_path(state).open("a") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "localcloud", "serve"],
            env=server_environment(port, state.resolve()), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        return wait_until_it_answers(supervisor, state, port)
    except BaseException:
        stop(state)
        raise


def wait_until_it_answers(supervisor: subprocess.Popen[bytes], state: Path, port: int) -> Cloud:
    deadline = time.monotonic() + START_SECONDS
    while (cloud := remembered(state)) is None:
        if supervisor.poll() is not None:
            check_free(port)  # it may have been taken meanwhile
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
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as err:
            raise PortTakenError(f"Port {port} is taken by another program: choose another one with --port.") from err


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# The server's side ---------------------------------------------------------------------------------------------


def supervise() -> None:
    """Run the server as a child, and when it ends, however it ends, end everything that it started.

    This process leads the process group of the server, the functions, the training jobs and the endpoints. The
    server in turn stops when its standard input ends, which is when this process is killed.
    """
    server = subprocess.Popen([sys.executable, "-m", "localcloud.server"], stdin=subprocess.PIPE)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.terminate())
    server.wait()
    end_group()


def end_group() -> None:
    """End this process's group, this process included."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgrp(), signal.SIGTERM)
    time.sleep(0.5)
    os.killpg(os.getpgrp(), signal.SIGKILL)


# Stop ----------------------------------------------------------------------------------------------------------


def down(state: Path) -> bool:
    """Stop the cloud and keep its state; returns whether it ran."""
    with locked(state):
        return stop(state)


def reset(state: Path) -> None:
    """Stop the cloud and forget everything in it."""
    with locked(state):
        stop(state)
        for path in state.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()


def stop(state: Path) -> bool:
    """Stop the server in order, then what is left of the cloud; returns whether there was anything."""
    found = processes(state)
    cloud = remembered(state)
    end([process for process in found if cloud and process.pid == cloud.pid], state)
    end(processes(state), state)
    return bool(found)


def end(ours: list[psutil.Process], state: Path) -> None:
    """Ask processes of the cloud to end, and kill those that do not within STOP_SECONDS."""
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        for process in ours:
            with suppress(psutil.NoSuchProcess):
                ask(process)
        deadline = time.monotonic() + STOP_SECONDS
        while ours and time.monotonic() < deadline:
            time.sleep(0.02)
            ours = [process for process in ours if is_ours(process, state)]
