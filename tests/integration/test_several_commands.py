"""Several clouds, and several commands of one cloud, at once; commands that Ctrl-C ends."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcloud import instances
from tests.integration.support.command_line import Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path / "cloud")
    yield cloud
    cloud.run("down")


@pytest.mark.aws("Local cloud", "two `up` at the same moment start one cloud; `exec` waits while it starts", "exact")
def test_concurrent_starts_share_one_cloud(cloud: Cloud) -> None:
    starts = [cloud.start(*command) for command in (["up"], ["up"], ["exec", "--", "aws", "s3", "ls"])]
    for one in starts:
        output, errors = one.communicate()
        assert one.returncode == 0, output + errors
    assert len(cloud.family()) == 2


@pytest.mark.aws("Local cloud", "several projects side by side, each with its own port and state", "exact")
def test_two_projects_do_not_collide(tmp_path: Path) -> None:
    clouds = [Cloud(tmp_path / name) for name in ("one", "two")]
    for one in [cloud.start("up") for cloud in clouds]:
        output, errors = one.communicate()
        assert one.returncode == 0, output + errors
    try:
        assert clouds[0].here.port != clouds[1].here.port
        port = str(clouds[0].here.port)
        assert "already runs on port" in clouds[1].run("up", "--port", port, status=1)
        clouds[1].run("down")
        assert f"error: Port {port} is taken by another program" in clouds[1].run("up", "--port", port, status=1)
        assert clouds[0].here.port == int(port)
    finally:
        for cloud in clouds:
            cloud.run("down")


def interrupt(started: subprocess.Popen[str]) -> None:
    """Send SIGINT to every process of the group, as Ctrl-C does, and wait for the end."""
    os.killpg(started.pid, signal.SIGINT)
    try:
        started.wait(30)
    finally:
        with suppress(ProcessLookupError):  # the group has ended
            os.killpg(started.pid, signal.SIGKILL)


def test_ctrl_c_ends_the_command_and_not_the_cloud(cloud: Cloud) -> None:
    cloud.up()
    started = cloud.start_in_terminal("exec", "--", "sleep", "60")
    while not any("sleep" in one.name() for one in [psutil.Process(started.pid)]):
        time.sleep(0.02)
    interrupt(started)
    started.communicate()
    assert started.returncode != 0
    assert psutil.pid_exists(cloud.here.pid)


@pytest.mark.parametrize("inherited", [signal.default_int_handler, signal.SIG_IGN], ids=["terminal", "background"])
def test_ctrl_c_while_it_starts_leaves_nothing(cloud: Cloud, inherited: Any) -> None:
    """The tests themselves may run in a terminal, or in the background, where SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, inherited)
    try:
        started = cloud.start_in_terminal("up")
    finally:
        signal.signal(signal.SIGINT, before)
    while not instances.processes(cloud.state):
        time.sleep(0.02)
    interrupt(started)
    _, errors = started.communicate()
    assert started.returncode == 130
    assert "Traceback" not in errors
    assert instances.processes(cloud.state) == []
