"""The client that costs next to nothing counts whole answers only."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from benchmarks.raw_client import post, requests_per_second

bodies: list[bytes] = []  # that the server has read


class Echo(BaseHTTPRequestHandler):
    """Answers with the request's body, in two pieces; a wrong path with 404."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        bodies.append(body)
        self.send_response(200 if self.path == "/echo" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # the client leaves in the middle of an answer
            self.wfile.write(body[:1])
            time.sleep(0.01)
            self.wfile.write(body[1:])

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    bodies.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_each_whole_answer_counts_once(port: int) -> None:
    rate = requests_per_second(port, post("/echo", {"Content-Length": "3"}, b"abc"), clients=2, seconds=0.5)
    answered = rate * 0.5
    assert set(bodies) == {b"abc"}
    assert 2 <= answered <= 100  # two clients, 10 ms each at least
    assert len(bodies) - 2 <= answered <= len(bodies)  # two may be under way at the end


def test_an_error_is_no_answer(port: int) -> None:
    with pytest.raises(AssertionError, match="404"):
        requests_per_second(port, post("/", {"Content-Length": "3"}, b"abc"), clients=1, seconds=0.5)
