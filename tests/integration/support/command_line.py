"""The command line of the local cloud, as a user types it."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil

from localcloud import instances
from localcloud.ports import free_port
from tests.integration.support.clouds import ROOT, localcloud_command


class Cloud:
    """A local cloud and its command line."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(localcloud_command(self.state, *command), cwd=ROOT, **pipes, **options)

    def start_in_terminal(self, *command: str) -> subprocess.Popen[str]:
        """Start a command that answers Ctrl-C, in a process group of its own.

        A process that runs in the background (nohup, `&`) ignores SIGINT, and its children inherit that.
        """
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return self.start(*command, start_new_session=True)
        finally:
            signal.signal(signal.SIGINT, before)

    def run(self, *command: str, status: int = 0) -> str:
        with self.start(*command) as started:
            output, errors = started.communicate()
        assert started.returncode == status, output + errors
        return output + errors

    def up(self) -> instances.Cloud:
        self.run("up", "--port", str(free_port()))
        return self.here

    @property
    def here(self) -> instances.Cloud:
        running = instances.running(self.state)
        assert running is not None
        return running

    def family(self) -> list[psutil.Process]:
        """Return the supervisor, the server, and all processes that they started."""
        server = psutil.Process(self.here.pid)
        supervisor = server.parent()
        assert supervisor is not None
        return [supervisor, *supervisor.children(recursive=True)]
