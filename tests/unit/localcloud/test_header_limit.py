"""The protocol behind a real socket, in front of an application that answers `done` without reading."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from localcloud.front_door import HEADER_LIMIT
from localcloud.header_limit import LimitedProtocol
from localcloud.ports import free_port

START = b"POST / HTTP/1.1\r\nhost: x\r\n"
PIECE = 16 * 1024


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while scope["method"] == "POST" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config: Any = {"http": LimitedProtocol, "ws": "none", "lifespan": "off", "log_config": None}
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, **config))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join()


def send_endlessly(port: int, start: bytes) -> tuple[int, bytes]:
    """Send `start` and then letters; returns after how many bytes the server ended the connection, and its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(start)
        sent = 0
        with suppress(OSError):
            while sent < 20 * 1024 * 1024:
                client.sendall(b"x" * PIECE)
                sent += PIECE
                time.sleep(0.002)
        with suppress(OSError):
            return sent, client.recv(4096)
    return sent, b""


@pytest.mark.parametrize(
    "start",
    [
        b"GET /",
        START + b"long: ",
        START + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\ntrailer: ",
    ],
    ids=["request line", "header", "trailer"],
)
def test_endless_headers_end_the_connection(port: int, start: bytes) -> None:
    sent, answer = send_endlessly(port, start)
    assert sent < 20 * HEADER_LIMIT
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


def test_many_small_headers_end_the_connection(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(START)
        with pytest.raises(OSError):
            for _ in range(10_000):
                client.sendall(b"a: " + b"b" * 1000 + b"\r\n")
                time.sleep(0.0005)


def test_bodies_and_many_requests_are_no_headers(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        for _ in range(3):
            client.sendall(START + b"content-length: %d\r\n\r\n" % (10 * HEADER_LIMIT))
            client.sendall(b"x" * 10 * HEADER_LIMIT)
            answer = b""
            while not answer.endswith(b"done"):
                answer += client.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200")
