"""Local clouds of the tests' own, and the processes that they run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import psutil
import pytest

from localcloud.environment import client_environment
from localcloud.ports import free_port
from tests.integration.support.waiting import wait_for

ROOT = Path(__file__).parents[3]

# Some tests end or look into processes of this machine.
only_local = pytest.mark.skipif("os.environ.get('INTEGRATION_TARGET') == 'account'", reason="needs the local cloud")


def localcloud_command(state: Path, *command: str) -> list[str]:
    return [sys.executable, "-m", "localcloud", "--directory", str(state), *command]


class OwnCloud:
    """A local cloud that runs in a directory of its own while a test needs it."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def run(self, *command: str, **variables: str) -> None:
        """Run a command of `localcloud` with more environment variables."""
        subprocess.run(localcloud_command(self.state, *command), cwd=ROOT, check=True, env={**os.environ, **variables})

    def output(self, *command: str) -> str:
        """Run a command of `localcloud` and return what it prints."""
        done = subprocess.run(localcloud_command(self.state, *command), cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@contextmanager
def own_cloud(state: Path, **variables: str) -> Iterator[OwnCloud]:
    """Start a cloud on a free port, with these variables, and point this process's AWS clients at it."""
    cloud, port = OwnCloud(state), free_port()
    cloud.run("up", "--port", str(port), **variables)
    try:
        with clients_of(state, port):
            yield cloud
    finally:
        cloud.run("down")


@contextmanager
def cloud_to_test(state: Path) -> Iterator[dict[str, str]]:
    """Start a cloud unless INTEGRATION_TARGET names one; gives the environment for AWS clients, this process's own."""
    if os.environ.get("INTEGRATION_TARGET") in ("account", "running"):
        yield dict(os.environ)
        return
    with own_cloud(state):
        yield dict(os.environ)


@contextmanager
def clients_of(state: Path, port: int) -> Iterator[None]:
    """Point this process's AWS clients, and those of its children, at a local cloud."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in client_environment(state, port).items():
            environment.setenv(name, value)
        environment.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the keys that it has read once
        environment.delenv("AWS_PROFILE", raising=False)
        environment.delenv("AWS_SESSION_TOKEN", raising=False)
        yield


def container_process(variable: str, value: str) -> psutil.Process:
    """Return the process of a training job or an endpoint: the one with this value in its environment."""

    def find() -> psutil.Process | None:
        for process in psutil.process_iter():
            try:
                if value in process.environ().get(variable, ""):
                    return process
            except psutil.Error:  # ended, or another user's
                continue
        return None

    return wait_for(find)
