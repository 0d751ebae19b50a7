"""HTTP clients that cost next to nothing: they send the same bytes again and again over connections that stay open."""

import re
import selectors
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def post(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a request as it is sent."""
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


class Connection:
    """One client: a request is under way at all times."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._answer = b""
        self.socket.sendall(request)

    def read(self) -> bool:
        """Read what has arrived; return whether it completes an answer, after which the next request is sent.

        Raises:
            AssertionError: The answer is not 200.
        """
        self._answer += self.socket.recv(65536)
        headers, end, body = self._answer.partition(b"\r\n\r\n")
        if not end:
            assert headers, "The server closed the connection."
            return False
        assert headers.startswith(b"HTTP/1.1 200 "), self._answer
        length = LENGTH.search(headers)
        assert length, headers
        if len(body) < int(length[1]):
            return False
        self._answer = b""
        self.socket.sendall(self._request)
        return True


def requests_per_second(port: int, request: bytes, clients: int, seconds: float) -> float:
    """Return how many answers several clients get from a server on this machine, each over its own connection."""
    answers = 0
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(clients):
            connection = Connection(port, request)
            stack.enter_context(connection.socket)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            answers += sum(key.data.read() for key, _ in selector.select(0.1))
    return answers / seconds
