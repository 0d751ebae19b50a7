import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from localcloud.sagemaker import images
from localcloud.sagemaker.hosting import variants
from localcloud.sagemaker.hosting.variants import FleetFailedError, Variant, VariantContext
from localcloud.sagemaker.images import Program
from tests.unit.localcloud.sagemaker.conftest import IMAGE, ROLE_ARN, Log, RunAsImage

SERVE = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(os.environ.get("PING", "200")))
        self.end_headers()
    def do_POST(self):
        os._exit(3)
    def log_message(self, *_):
        pass

HTTPServer((os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""

MakeVariant = Callable[..., Variant]


def wait(reached: Callable[[], Any], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


@pytest.fixture
def make_variant(
    tmp_path: Path, log: Log, run_as_image: RunAsImage, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeVariant]:
    """Return a function that makes a variant, not started yet; its container answers /ping with PING."""
    run_as_image(SERVE)
    monkeypatch.setattr(variants, "FIRST_RESTART_SECONDS", 0.1)
    monkeypatch.setattr(variants, "WATCH_SECONDS", 0.02)
    made = []

    def make(seconds: float = 10, **environment: str) -> Variant:
        config = {
            "VariantName": "A",
            "InitialInstanceCount": 2,
            "ContainerStartupHealthCheckTimeoutInSeconds": seconds,
        }
        model = {"ExecutionRoleArn": ROLE_ARN, "PrimaryContainer": {"Image": IMAGE, "Environment": environment}}
        place: Any = VariantContext(tmp_path / "ml", "us-east-1", log, "arn", None)  # type: ignore[arg-type]
        made.append(Variant(config, model, place))
        return made[-1]

    yield make
    for variant in made:
        variant.stop()


def kill(variant: Variant) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.post(f"http://127.0.0.1:{variant.port}/invocations", timeout=60)


def test_a_container_that_answers_ping_is_in_service(make_variant: MakeVariant) -> None:
    variant = make_variant()
    assert variant.summary()["CurrentInstanceCount"] == 0
    variant.start()
    assert variant.summary()["CurrentInstanceCount"] == 2
    assert requests.get(f"http://127.0.0.1:{variant.port}/ping", timeout=60).status_code == 200


@pytest.mark.parametrize("ping", ["500", "404"])
def test_a_container_that_never_answers_ping_fails(make_variant: MakeVariant, ping: str) -> None:
    variant = make_variant(seconds=1, PING=ping)
    with pytest.raises(FleetFailedError, match="variant A did not pass the ping health check"):
        variant.start()


def test_a_container_that_ends_fails_at_once(make_variant: MakeVariant, run_as_image: RunAsImage) -> None:
    run_as_image("print('no model'); raise SystemExit(1)")
    started = time.monotonic()
    with pytest.raises(FleetFailedError, match="did not pass the ping health check"):
        make_variant(seconds=60).start()
    assert time.monotonic() < started + 10


def test_a_program_that_is_missing_fails_and_is_logged(
    make_variant: MakeVariant, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(images.PROGRAMS, "script", Program(("no-such-program",)))
    with pytest.raises(FleetFailedError, match="did not pass the ping health check"):
        make_variant().start()
    assert log.lines == ["no-such-program: No such file or directory"]


def test_a_dead_container_is_started_again_and_says_so(make_variant: MakeVariant, log: Log) -> None:
    variant = make_variant()
    variant.start()
    first = variant.port
    kill(variant)
    wait(lambda: "VariantStatus" in variant.summary())
    assert variant.summary()["VariantStatus"][0]["StatusMessage"].startswith("The container ended with exit code 3.")
    assert variant.summary()["CurrentInstanceCount"] == 0
    wait(lambda: variant.port)
    assert variant.port != first
    assert "VariantStatus" not in variant.summary()
    assert any("exit code 3" in line for line in log.lines)


def test_a_container_that_keeps_ending_is_started_less_and_less_often(
    make_variant: MakeVariant, log: Log, run_as_image: RunAsImage
) -> None:
    variant = make_variant()
    variant.start()
    run_as_image("raise SystemExit(5)")
    kill(variant)
    wait(lambda: sum("is started again in" in line for line in log.lines) == 4)
    pauses = [line.rsplit(" in ")[1] for line in log.lines if "is started again in" in line]
    assert pauses == ["0.1 s.", "0.2 s.", "0.4 s.", "0.8 s."]


def test_nothing_is_left_of_a_stopped_variant(make_variant: MakeVariant, log: Log, tmp_path: Path) -> None:
    variant = make_variant()
    variant.start()
    assert variant._container is not None
    process = psutil.Process(variant._container.pid)
    variant.stop()
    assert not process.is_running()
    assert log.is_closed
    assert not (tmp_path / "ml").exists()
