"""The serving program with several processes."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.unit.training.algorithm.test_serve import base, encoded, invoke, network, start, wait_for_port
from training.algorithm.workers import usable_cores

__all__ = ["base", "network"]  # fixtures
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="one process serves there")
WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def processes(server: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(server.pid).children()


def ended(found: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in found)


def ask(port: int, image: bytes) -> int:
    """Return the status of an answer over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        return invoke(connection, image)[0]
    finally:
        connection.close()


@pytest.mark.parametrize(("given", "number"), [("3", 3), ("1", 0), ("", len(os.sched_getaffinity(0)))])
def test_each_core_has_a_worker_unless_a_number_is_given(base: Path, given: str, number: int) -> None:
    number = 0 if number == 1 else number
    with start(base, workers=given) as server:
        port = wait_for_port(server)
        wait_until(lambda: len(processes(server)) == number)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: ask(port, encoded(0)), range(24))) == {200}


def test_workers_share_the_connections(base: Path) -> None:
    with start(base, workers="2") as server:
        port = wait_for_port(server)
        wait_until(lambda: sum(one.num_threads() > 1 for one in processes(server)) == 2)
        before = {one.pid: sum(one.cpu_times()[:2]) for one in processes(server)}
        deadline = time.monotonic() + 10
        while min(sum(one.cpu_times()[:2]) - before[one.pid] for one in processes(server)) < 0.1:
            assert time.monotonic() < deadline
            with ThreadPoolExecutor(8) as pool:
                assert set(pool.map(lambda _: ask(port, encoded(0)), range(64))) == {200}


def test_a_worker_that_dies_is_replaced(base: Path) -> None:
    with start(base, workers="2") as server:
        port = wait_for_port(server)
        wait_until(lambda: len(processes(server)) == 2)
        first = processes(server)[0]
        first.kill()
        assert server.stderr is not None
        assert f"worker {first.pid} ended (signal 9) and is replaced" in server.stderr.readline()
        assert ask(port, encoded(0)) == 200  # the other one answers
        wait_until(lambda: len(processes(server)) == 2 and first not in processes(server))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_no_worker_outlives_the_parent(base: Path, number: signal.Signals, code: int) -> None:
    with start(base, workers="3") as server:
        port = wait_for_port(server)
        wait_until(lambda: len(processes(server)) == 3)
        found = processes(server)
        assert ask(port, encoded(0)) == 200
        server.send_signal(number)
        assert server.wait(60) == code
        wait_until(lambda: ended(found))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [("3", "model.onnx is missing"), *((wrong, f"{WORKERS} is {wrong!r}") for wrong in ("0", "two", "-1", "1000"))],
)
def test_what_keeps_workers_from_serving_is_told_once(tmp_path: Path, given: str, sentence: str) -> None:
    with start(tmp_path, workers=given) as server:
        _, errors = server.communicate(timeout=30)
    assert server.returncode == 1
    assert sentence in errors and errors.count("\n") == 1


@pytest.mark.parametrize("given", ["1", "4"])
def test_large_images_at_once_take_no_more_memory_than_a_few(base: Path, given: str) -> None:
    """Each of the six takes 180 MB to decode: more than the share of one of four workers."""
    buffer = BytesIO()
    Image.new("RGBA", (4000, 4000)).save(buffer, "PNG")
    with start(base, workers=given) as server:
        port = wait_for_port(server)
        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(lambda _: ask(port, buffer.getvalue()), range(6))) == {200}
        pids = [server.pid, *(one.pid for one in processes(server))]
        peaks = [re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()) for pid in pids]
    assert sum(int(peak[1]) for peak in peaks if peak) < 800 * 1024


def test_the_parent_starts_no_thread_before_it_forks() -> None:
    program = "import sys, training.algorithm.serve; sys.exit(bool({'numpy', 'onnxruntime', 'PIL'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_other_systems_than_linux_have_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert usable_cores() == 1
