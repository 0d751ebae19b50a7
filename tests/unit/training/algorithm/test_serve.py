"""The serving program as SageMaker runs it: a process, a port, HTTP."""

import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import onnx
import pytest
import torch
from PIL import Image

from tests.unit.training.algorithm.jobs import stripes
from training.algorithm.export import build_model
from training.algorithm.fit import predict
from training.algorithm.network import Network, build_network

COMMAND = [sys.executable, "-m", "training.algorithm", "serve"]
SHAPE = (16, 16, 3)
PICTURES = torch.from_numpy(stripes(1, 4))


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return build_network(PICTURES, 3)


@pytest.fixture(scope="module")
def base(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("ml")
    (base / "model").mkdir()
    onnx.save(build_model(network, SHAPE, 1.0), base / "model/model.onnx")
    (base / "model/metadata.json").write_text(json.dumps({"network_shape": SHAPE}))
    return base


@contextmanager
def start(base: Path, port: int = 0, workers: str = "") -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "SAGEMAKER_BASE_DIR": str(base),
        "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": workers,
    }
    with subprocess.Popen(COMMAND, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            yield server
        finally:
            server.terminate()


def wait_for_port(server: subprocess.Popen[str]) -> int:
    assert server.stderr is not None
    line = server.stderr.readline()
    found = re.search(r"serving on 127\.0\.0\.1:(\d+)", line)
    assert found, line
    return int(found[1])


@pytest.fixture(scope="module")
def port(base: Path) -> Iterator[int]:
    with start(base) as server:
        yield wait_for_port(server)


@pytest.fixture
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    yield connection
    connection.close()


def invoke(
    connection: http.client.HTTPConnection, body: bytes, content_type: str = "image/png", path: str = "/invocations"
) -> tuple[int, str]:
    connection.request("POST", path, body, {"Content-Type": content_type})
    response = connection.getresponse()
    return response.status, response.read().decode()


def encoded(index: int, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.fromarray(PICTURES[index].numpy()).save(buffer, kind)
    return buffer.getvalue()


def test_ping(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/ping")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"")


@pytest.mark.parametrize("content_type", ["image/png", "application/x-image", "image/png; charset=binary"])
def test_probabilities_are_those_of_the_network(
    connection: http.client.HTTPConnection, network: Network, content_type: str
) -> None:
    status, answer = invoke(connection, encoded(2), content_type)
    expected = torch.softmax(predict(network, PICTURES[2:3]), dim=1)[0].tolist()
    assert status == 200
    assert json.loads(answer) == pytest.approx(expected, abs=1e-5)


def test_jpeg(connection: http.client.HTTPConnection) -> None:
    status, answer = invoke(connection, encoded(0, "JPEG"), "image/jpeg")
    assert (status, len(json.loads(answer))) == (200, 3)


@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [
        ((b"no image", "image/png", "/invocations"), 400, "The bytes must be an image"),
        ((encoded(0)[:-300], "image/png", "/invocations"), 400, "cut off or damaged"),
        ((b"", "image/png", "/invocations"), 400, "The bytes must be an image"),
        ((encoded(0), "text/csv", "/invocations"), 415, "Content type text/csv is not read"),
        ((bytes(6 * 1024 * 1024 + 1), "image/png", "/invocations"), 413, "has 6,291,457 bytes; at most 6,291,456"),
        ((bytes(6 * 1024 * 1024), "image/png", "/invocations"), 400, "The bytes must be an image"),
        ((encoded(0), "image/png", "/predict"), 404, "There is no /predict"),
    ],
)
def test_refusals_keep_the_connection(
    connection: http.client.HTTPConnection, sent: tuple[bytes, str, str], status: int, sentence: str
) -> None:
    refused, reason = invoke(connection, *sent)
    assert refused == status and sentence in reason and "\n" not in reason
    used = connection.sock
    assert invoke(connection, encoded(0))[0] == 200
    assert connection.sock is used


@pytest.mark.parametrize("header", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "none"}])
def test_a_web_page_gets_no_answer(connection: http.client.HTTPConnection, header: dict[str, str]) -> None:
    """Not even under a name that was pointed at this address: the page's own requests have an Origin then."""
    connection.request("POST", "/invocations", encoded(0), {"Content-Type": "image/png", **header})
    response = connection.getresponse()
    assert (response.status, response.read()) == (403, b"Requests of web pages are not answered.")


SIMPLE = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", None]


@pytest.mark.parametrize("content_type", SIMPLE)
def test_what_a_page_may_send_without_asking_first_is_refused(
    connection: http.client.HTTPConnection, content_type: str | None
) -> None:
    connection.request("POST", "/invocations", encoded(0), {"Content-Type": content_type} if content_type else {})
    assert connection.getresponse().status == 415


def test_who_asks_first_gets_no_permission(connection: http.client.HTTPConnection) -> None:
    connection.request("OPTIONS", "/invocations", headers={"Access-Control-Request-Headers": "content-type"})
    response = connection.getresponse()
    assert response.status == 501
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_a_request_without_length_is_refused(connection: http.client.HTTPConnection) -> None:
    connection.putrequest("POST", "/invocations")
    connection.endheaders()
    assert connection.getresponse().status == 411


@pytest.mark.parametrize(("length", "status"), [("9" * 5000, 411), ("1" + "0" * 18, 413), ("-1", 411), ("1e3", 411)])
def test_odd_lengths_are_refused_at_once(connection: http.client.HTTPConnection, length: str, status: int) -> None:
    connection.putrequest("POST", "/invocations")
    connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status == status


def test_other_pages_are_not_found(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/")
    assert connection.getresponse().status == 404


def test_concurrent_requests_get_their_own_answers(port: int, network: Network) -> None:
    expected = torch.softmax(predict(network, PICTURES), dim=1).tolist()

    def ask(i: int) -> bool:
        own = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        status, answer = invoke(own, encoded(i % 4))
        own.close()
        return status == 200 and json.loads(answer) == pytest.approx(expected[i % 4], abs=1e-5)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(64)))


def test_a_client_that_hangs_up_leaves_one_line(base: Path) -> None:
    with start(base) as server:
        port = wait_for_port(server)
        with socket.create_connection(("127.0.0.1", port)) as half:
            half.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
            half.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, don't close
        assert server.stderr is not None
        assert "ended early: ConnectionResetError" in server.stderr.readline()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        assert invoke(connection, encoded(0))[0] == 200
        connection.close()
        server.terminate()
        assert "Traceback" not in server.communicate(timeout=60)[1]


def test_sigterm_ends_it_while_a_connection_is_open(base: Path) -> None:
    with start(base) as server:
        connection = http.client.HTTPConnection("127.0.0.1", wait_for_port(server))
        assert invoke(connection, encoded(0))[0] == 200
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=60)
        connection.close()
    assert (server.returncode, errors) == (0, "")


def test_a_missing_model_and_a_taken_port_are_one_sentence(base: Path, port: int, tmp_path: Path) -> None:
    for directory, taken, sentence in ((tmp_path, 0, "model.onnx is missing"), (base, port, "Address already in use")):
        with start(directory, taken) as server:
            _, errors = server.communicate(timeout=30)
        assert server.returncode == 1
        assert sentence in errors and "Traceback" not in errors
