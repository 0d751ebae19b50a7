"""A local cloud that answers each request later, as one far away does.

    python benchmarks/slow_cloud.py PORT STATE MILLISECONDS < /dev/zero

It stops when its standard input ends.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # localcloud/ is imported from the checkout

from localcloud import instances, keys
from localcloud.environment import client_variables, server_environment, temporary_directory
from localcloud.ports import free_port

START_SECONDS = 60


@contextmanager
def slow_cloud(directory: Path, latency: float) -> Iterator[None]:
    """Run a cloud whose answers take `latency` seconds more, and point the AWS clients of this process at it."""
    state, port, before = directory / ".localcloud", free_port(), dict(os.environ)
    temporary_directory(state).mkdir(parents=True)
    keys.ensure(state)
    command = [sys.executable, __file__, str(port), str(state), str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as server:
        try:
            wait_until_it_runs(state, server)
            os.environ.update(client_variables(state, port))
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            assert server.stdin is not None
            server.stdin.close()


def wait_until_it_runs(state: Path, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while (found := instances.remembered(state)) is None or found.pid != server.pid:
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit("error: The slow cloud does not start.")
        time.sleep(0.05)


def main() -> int:
    port, state, latency = int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    settings = server_environment(port, state)
    os.environ.clear()
    os.environ.update(settings)
    from localcloud import server  # MiniStack reads its settings from the environment when it is imported
    from localcloud.front_door import FrontDoor

    class SlowDoor(FrontDoor):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                await asyncio.sleep(latency)
            await super().__call__(scope, receive, send)

    setattr(server, "FrontDoor", SlowDoor)  # noqa: B010  # the server asks for no other door
    server.serve(port, state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
