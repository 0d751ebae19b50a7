import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from localcloud import LocalCloudError, instances, process
from localcloud.environment import temporary_directory
from localcloud.ports import free_port

Start = Callable[[Path | None, str], psutil.Process]
# Each prints a line when it is ready.
SLEEP = "import time; print(flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
NOTE_THE_END = """
import signal, sys, time
def end(*_):
    time.sleep({pause})
    open({path!r}, "a").write({name!r})
    sys.exit()
signal.signal(signal.SIGTERM, end)
print(flush=True)
time.sleep(60)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program that belongs to a cloud's directory, or to none."""
    started: list[subprocess.Popen[bytes]] = []

    def run(state: Path | None, program: str) -> psutil.Process:
        environment = {**os.environ, "TMPDIR": str(temporary_directory(state))} if state else None
        child = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE)
        started.append(child)
        assert child.stdout is not None
        child.stdout.readline()
        return psutil.Process(child.pid)

    yield run
    for child in started:
        child.kill()
        child.communicate()


def remember(state: Path, pid: int) -> None:
    state.mkdir(exist_ok=True)
    instances.Cloud(4599, pid).save(state)


def test_a_directory_without_a_cloud_has_none(tmp_path: Path) -> None:
    assert instances.running(tmp_path) is None
    assert process.down(tmp_path / "new") is False


def test_a_cloud_that_is_required_but_does_not_run_is_an_error_that_names_up(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"^The local cloud does not run: start it with `localcloud up`\.$"):
        instances.require_running(tmp_path)


def test_its_own_process_runs(tmp_path: Path, start: Start) -> None:
    server = start(tmp_path, SLEEP)
    remember(tmp_path, server.pid)
    assert instances.running(tmp_path) == instances.Cloud(4599, server.pid)


def test_a_process_that_was_given_the_number_is_neither_trusted_nor_ended(tmp_path: Path, start: Start) -> None:
    for other in (start(None, SLEEP), start(tmp_path / "elsewhere", SLEEP)):
        remember(tmp_path / "cloud", other.pid)
        assert instances.running(tmp_path / "cloud") is None
        assert process.down(tmp_path / "cloud") is False
        assert other.is_running()


def test_a_process_that_has_ended_does_not_run(tmp_path: Path, start: Start) -> None:
    server = start(tmp_path, SLEEP)
    remember(tmp_path, server.pid)
    server.kill()  # nobody has waited for it: it is a zombie
    while server.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert instances.running(tmp_path) is None


def test_down_ends_the_server_before_what_it_started(tmp_path: Path, start: Start) -> None:
    order = tmp_path / "order"
    server = start(tmp_path, NOTE_THE_END.format(pause=0.3, path=str(order), name="server "))
    start(tmp_path, NOTE_THE_END.format(pause=0, path=str(order), name="endpoint "))
    remember(tmp_path, server.pid)
    assert process.down(tmp_path) is True
    assert order.read_text() == "server endpoint "


def test_a_process_that_does_not_end_is_killed(tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 0.3)
    stubborn = start(tmp_path, STUBBORN)
    assert process.down(tmp_path) is True
    assert instances.processes(tmp_path) == []
    assert stubborn.wait(60) == -signal.SIGKILL


def test_the_lock_is_held_by_one(tmp_path: Path) -> None:
    order = []

    def second() -> None:
        with process.locked(tmp_path):
            order.append("second")

    with process.locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LocalCloudError, match=rf"^Port {port} is taken by another program: choose .* --port\.$"):
            process.up(tmp_path, port)


def test_the_port_of_the_last_run_is_kept_or_refused(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        instances.Cloud(port, instances.NOT_YET).save(tmp_path)
        try:
            with pytest.raises(
                LocalCloudError, match=rf"^Port {port} is taken by another program: choose .* --port\.$"
            ):
                process.up(tmp_path, None)
        finally:
            process.down(tmp_path)  # when it has started nevertheless
    assert instances.remembered(tmp_path) == instances.Cloud(port, instances.NOT_YET)


def test_a_first_start_on_another_port_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def launch(_: Path, port: int) -> instances.Cloud:
        process.check_free(port)
        return instances.Cloud(port, 1)

    monkeypatch.setattr(process, "launch", launch)
    monkeypatch.setattr(process, "is_free", lambda port: port != process.DEFAULT_PORT)
    port = process.start(tmp_path, None).port
    assert capsys.readouterr().err == f"Port 4566 is taken by another program: {port} is used from now on.\n"


def test_a_second_port_for_a_cloud_that_runs_is_refused(tmp_path: Path, start: Start) -> None:
    remember(tmp_path, start(tmp_path, SLEEP).pid)
    assert process.up(tmp_path, None).port == 4599
    with pytest.raises(LocalCloudError, match="already runs on port 4599"):
        process.up(tmp_path, 4600)


def test_a_server_that_does_not_come_up_shows_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "localcloud.py").write_text("raise SystemExit('Out of cocoa')")  # what `python -m localcloud` runs here
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LocalCloudError, match=r"did not start; its log .*cloud\.log ends with: Out of cocoa"):
        process.up(tmp_path / "cloud", port := free_port())
    remembered = instances.remembered(tmp_path / "cloud")
    assert remembered is not None
    assert remembered.port == port
    assert instances.running(tmp_path / "cloud") is None


def test_only_the_user_may_look_into_the_directory(tmp_path: Path) -> None:
    state = tmp_path / "cloud"
    for _ in range(2):
        with process.locked(state):
            assert state.stat().st_mode & 0o777 == 0o700
        state.chmod(0o755)  # as an earlier version made it


def test_a_directory_of_another_user_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(LocalCloudError, match=r"cannot be closed to other users \(Operation not permitted\): choose"):
        process.down(tmp_path)


def test_down_ends_a_cloud_whose_record_is_damaged(tmp_path: Path, start: Start) -> None:
    server = start(tmp_path, SLEEP)
    (tmp_path / "cloud.json").write_text('{"port": 4599, "pid": ')
    assert process.down(tmp_path) is True
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE


def test_reset_forgets_all_but_the_lock(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    (tmp_path / "cloud.json").write_text(json.dumps({"port": 4599, "pid": 1}))
    process.reset(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
