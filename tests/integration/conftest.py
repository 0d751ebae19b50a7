"""A local cloud of the tests' own, on a free port; with INTEGRATION_TARGET=account, the account of the environment.

The tests themselves speak AWS's APIs only, so they run against either.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.environment import client_environment

ROOT = Path(__file__).parents[2]


def localcloud(state: Path, *command: str) -> None:
    subprocess.run([sys.executable, "-m", "localcloud", "--directory", state, *command], cwd=ROOT, check=True)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of AWS clients, in this process too."""
    if os.environ.get("INTEGRATION_TARGET") == "account":
        yield dict(os.environ)
        return
    state = tmp_path_factory.mktemp("cloud")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with pytest.MonkeyPatch.context() as environment:
        localcloud(state, "up", "--port", str(port))
        for name, value in client_environment(port).items():
            environment.setenv(name, value)
        environment.delenv("AWS_PROFILE", raising=False)
        environment.delenv("AWS_SESSION_TOKEN", raising=False)
        try:
            yield dict(os.environ)
        finally:
            localcloud(state, "down")
