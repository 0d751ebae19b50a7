"""Start and stop the server process, and find the one that runs in this directory."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from localcloud import LocalCloudError
from localcloud.environment import endpoint_url, server_environment

DEFAULT_PORT = 4566  # what local AWS emulators use
START_SECONDS = 60
STOP_SECONDS = 60


@dataclass(frozen=True)
class Cloud:
    """A server process: its port on 127.0.0.1, and the process that leads its process group."""

    port: int
    pid: int


def log_path(state: Path) -> Path:
    return state / "cloud.log"


def remembered(state: Path) -> Cloud | None:
    """Return the cloud that was last started in this directory, running or not."""
    path = state / "cloud.json"
    return Cloud(**json.loads(path.read_text())) if path.exists() else None


def running(state: Path) -> Cloud | None:
    """Return the cloud that runs in this directory and answers."""
    cloud = remembered(state)
    return cloud if cloud and is_alive(cloud.pid) and answers(cloud.port) else None


def up(state: Path, port: int | None) -> Cloud:
    """Start the cloud unless it runs, and return when it answers.

    Args:
        port: None for the port it had before, else 4566 or, when that is taken, one that is free.

    Raises:
        LocalCloudError: The port is taken, or the server does not come up.
    """
    cloud = running(state)
    if cloud:
        if port not in (None, cloud.port):
            raise LocalCloudError(
                f"The local cloud already runs on port {cloud.port}: stop it with `python -m localcloud down`."
            )
        return cloud
    cloud = launch(state, choose_port(state, port))
    deadline = time.monotonic() + START_SECONDS
    while not answers(cloud.port):
        if not is_alive(cloud.pid) or time.monotonic() > deadline:
            raise LocalCloudError(
                f"The local cloud did not start; its log {log_path(state)} ends with: {log_end(state)}"
            )
        time.sleep(0.05)
    return cloud


def launch(state: Path, port: int) -> Cloud:
    (state / "tmp").mkdir(parents=True, exist_ok=True)  # TMPDIR of the server
    with log_path(state).open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localcloud", "--directory", str(state), "serve"],
            env=server_environment(port, state.resolve()), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    cloud = Cloud(port, process.pid)
    (state / "cloud.json").write_text(json.dumps(asdict(cloud)))
    return cloud


def supervise() -> None:
    """Run the server as a child, and when it ends, however it ends, end everything that it started.

    This process leads the process group that the server, the functions, the training jobs and the endpoints
    belong to, so that none is left behind when the server is killed.
    """
    server = subprocess.Popen([sys.executable, "-m", "localcloud.server"])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.terminate())
    server.wait()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgrp(), signal.SIGTERM)
    time.sleep(0.5)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def down(state: Path) -> bool:
    """Stop the cloud and keep its state; returns whether it ran."""
    cloud = remembered(state)
    if cloud is None or not is_alive(cloud.pid):
        return False
    os.kill(cloud.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while is_alive(cloud.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    if is_alive(cloud.pid):
        os.killpg(cloud.pid, signal.SIGKILL)
    return True


def reset(state: Path) -> None:
    """Stop the cloud and forget everything in it."""
    down(state)
    shutil.rmtree(state, ignore_errors=True)


def choose_port(state: Path, port: int | None) -> int:
    before = remembered(state)
    wanted = port or (before.port if before else DEFAULT_PORT)
    if is_free(wanted):
        return wanted
    if port:
        raise LocalCloudError(f"Port {port} is taken by another program: choose another one with --port.")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    try:
        with urlopen(f"{endpoint_url(port)}/_ministack/health", timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def is_alive(pid: int) -> bool:
    """Tell whether the process runs; one that has ended but was not waited for does not count."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def log_end(state: Path) -> str:
    lines = log_path(state).read_text(errors="replace").strip().splitlines()
    return " | ".join(lines[-5:]) or "(nothing)"
