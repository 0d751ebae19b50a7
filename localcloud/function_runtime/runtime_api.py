"""The Runtime API of Lambda: a function's process asks it for events and posts the answers to it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

It needs no thread: whoever waits for the process reads its requests meanwhile. `http.server`, with a thread for each
connection and two queues, took two thirds of the server's processor time for an invocation.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

NEXT = "/2018-06-01/runtime/invocation/next"
BROWSER_HEADERS = {"origin", "referer", "sec-fetch-site"}  # no runtime client sends them
HEADER_LIMIT = 64 * 1024  # bytes
READ_AT_ONCE = 256 * 1024  # bytes


@dataclass(frozen=True)
class Message:
    """What an environment learns from its process: ready, response, error, init_error, exit, memory or timeout."""

    kind: str
    payload: bytes = b""


@dataclass(frozen=True)
class Request:
    """A request of which all has arrived."""

    method: str
    path: str
    headers: list[tuple[str, str]]  # names in lower case
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for found, value in self.headers if found == name]


class MalformedError(Exception):
    """When bytes are no request of a runtime client."""


class Connection:
    """What one client has sent, and what it has not been sent yet."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connected
        self.unsent = memoryview(b"")
        self.is_closing = False  # once all is sent
        self._received = bytearray()

    def read(self) -> bool:
        """Read what has arrived; return False when the client has gone."""
        try:
            data = self.socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._received += data
        return bool(data)

    def take_request(self) -> Request | None:
        """Return the first request, None when it has not all arrived.

        Raises:
            MalformedError: There is no such request in HTTP.
        """
        end = self._received.find(b"\r\n\r\n", 0, HEADER_LIMIT)
        if end < 0:
            if len(self._received) >= HEADER_LIMIT:
                raise MalformedError
            return None
        method, path, headers = parse(bytes(self._received[:end]))
        lengths = [value for name, value in headers if name == "content-length"] or ["0"]
        if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit() and len(lengths[0]) < 12):
            raise MalformedError
        begin, stop = end + 4, end + 4 + int(lengths[0])
        if len(self._received) < stop:
            return None
        request = Request(method, path, headers, bytes(self._received[begin:stop]))
        del self._received[:stop]
        return request

    def answer(self, status: HTTPStatus, headers: Mapping[str, str], body: bytes = b"") -> None:
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.unsent = memoryview("\r\n".join([*lines, "", ""]).encode() + body)
        self.flush()

    def refuse(self, status: HTTPStatus) -> None:
        self.is_closing = True
        self.answer(status, {"Connection": "close"})

    def flush(self) -> None:
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return
        except OSError:  # the client has gone: the next `read` tells
            self.unsent = memoryview(b"")


def parse(head: bytes) -> tuple[str, str, list[tuple[str, str]]]:
    """Return method, path and headers of the bytes before a request's body.

    Raises:
        MalformedError: They are none.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    try:
        method, path, _version = first.split(" ")
        pairs = [line.split(":", 1) for line in lines]
        return method, path, [(name.lower(), value.strip()) for name, value in pairs]
    except ValueError as err:
        raise MalformedError from err


class RuntimeApi:
    """The Runtime API of one process."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._poll = select.poll()
        self._poll.register(self._listener, select.POLLIN)
        self._connections: dict[int, Connection] = {}
        self._messages: deque[Message] = deque()
        self._event: tuple[Mapping[str, str], bytes] | None = None  # for the next request for one
        self._asking: Connection | None = None  # the client that waits for an event

    def hand_over(self, headers: Mapping[str, str], event: bytes) -> None:
        """Give the process an event, now or when it asks for one."""
        self._event = headers, event
        self._answer_the_asking()

    def receive(self, seconds: float) -> Message | None:
        """Return what the process says next, None when it says nothing within so many seconds."""
        deadline = time.monotonic() + seconds
        while not self._messages:
            ready = self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            if not ready:
                return None
            for descriptor, _ in ready:
                self._serve(descriptor)
        return self._messages.popleft()

    def stop(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.socket.close()
        self._listener.close()

    def _serve(self, descriptor: int) -> None:
        """Take a connection, or read from one and write to it."""
        if descriptor == self._listener.fileno():
            try:
                connection = Connection(self._listener.accept()[0])
            except OSError:  # it has gone
                return
            self._connections[connection.socket.fileno()] = connection
        else:
            connection = self._connections[descriptor]
        if connection.unsent:
            connection.flush()
        if not connection.read() or not self._answer_requests(connection):
            self._close(connection)
        else:
            self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        self._poll.register(connection.socket, select.POLLIN | (select.POLLOUT if connection.unsent else 0))

    def _close(self, connection: Connection) -> None:
        del self._connections[connection.socket.fileno()]
        if connection is self._asking:
            self._asking = None
        try:
            self._poll.unregister(connection.socket)
        except KeyError:
            pass  # it was new
        connection.socket.close()

    def _answer_requests(self, connection: Connection) -> bool:
        """Answer what has arrived; return False when the connection is to be closed."""
        try:
            while (request := connection.take_request()) is not None:
                self._answer(connection, request)
        except MalformedError:
            connection.refuse(HTTPStatus.BAD_REQUEST)
        return bool(connection.unsent) or not connection.is_closing

    def _answer(self, connection: Connection, request: Request) -> None:
        """Answer a request; one of a web page would take events or answer them."""
        is_named = request.values("host") == [f"127.0.0.1:{self.port}"]
        if not is_named or any(request.values(name) for name in BROWSER_HEADERS):
            connection.refuse(HTTPStatus.FORBIDDEN)
        elif request.method == "GET" and request.path == NEXT:
            self._messages.append(Message("ready"))
            self._asking = connection
            self._answer_the_asking()
        elif request.method == "POST":
            kind = "init_error" if request.path.endswith("/init/error") else request.path.rsplit("/", 1)[-1]
            self._messages.append(Message(kind, request.body))
            connection.answer(HTTPStatus.ACCEPTED, {})
        else:
            connection.refuse(HTTPStatus.NOT_FOUND)

    def _answer_the_asking(self) -> None:
        if self._asking is None or self._event is None:
            return
        connection, (headers, event) = self._asking, self._event
        self._asking = self._event = None
        connection.answer(HTTPStatus.OK, {"Content-Type": "application/json", **headers}, event)
        self._watch(connection)
