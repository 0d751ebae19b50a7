"""The Runtime API answers the process of its function, and no web page that found its port."""

import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from localcloud.function_runtime.runtime_api import HEADER_LIMIT, NEXT, Message, RuntimeApi

RESPONSE = "/2018-06-01/runtime/invocation/id/response"
INIT_ERROR = "/2018-06-01/runtime/init/error"


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    api = RuntimeApi()
    yield api
    api.stop()


@pytest.fixture
def ready(api: RuntimeApi) -> RuntimeApi:
    """Return an API that has an event."""
    api.hand_over({"Lambda-Runtime-Aws-Request-Id": "id"}, b'"event"')
    return api


def ask(
    api: RuntimeApi, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> tuple[bytes, list[Message]]:
    """Return status and body of the answer, and what the API learnt meanwhile."""

    def request() -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=60)
        try:
            connection.request(method, path, body, {"Host": f"127.0.0.1:{api.port}", **(headers or {})})
            answer = connection.getresponse()
            return b"%d %s" % (answer.status, answer.read())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(request)
        learnt = messages_until(future, api)
        return future.result(), learnt


def messages_until(future: "Future[bytes]", api: RuntimeApi) -> list[Message]:
    found = []
    while not future.done():
        if message := api.receive(0.01):
            found.append(message)
    return found


def request(api: RuntimeApi, method: str, path: str, body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    return b"%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %d\r\n\r\n%s" % (
        *(method.encode(), path.encode(), api.port, len(body)),
        body,
    )


def test_the_process_gets_an_event_and_answers_it(ready: RuntimeApi) -> None:
    assert ask(ready, "GET", NEXT) == (b'200 "event"', [Message("ready")])
    assert ask(ready, "POST", RESPONSE, {}, b"answer") == (b"202 ", [Message("response", b"answer")])
    assert ask(ready, "POST", INIT_ERROR, {}, b"{}") == (b"202 ", [Message("init_error", b"{}")])


def test_an_event_reaches_a_process_that_waits_for_it(api: RuntimeApi) -> None:
    with socket.create_connection(("127.0.0.1", api.port)) as process:
        process.sendall(request(api, "GET", NEXT))
        assert api.receive(5) == Message("ready")
        assert api.receive(0.01) is None
        api.hand_over({"Lambda-Runtime-Aws-Request-Id": "id"}, b"event")
        headers, _, event = process.recv(1000).partition(b"\r\n\r\n")
        assert event == b"event"
        assert b"\r\nLambda-Runtime-Aws-Request-Id: id\r\n" in headers + b"\r\n"


def test_a_request_may_come_in_pieces_and_two_in_one(api: RuntimeApi) -> None:
    with socket.create_connection(("127.0.0.1", api.port)) as process:
        both = request(api, "POST", RESPONSE, b"one") + request(api, "POST", RESPONSE, b"two")
        for i in range(len(both)):
            process.sendall(both[i : i + 1])
            if i < 40:
                assert api.receive(0) is None
        assert [api.receive(5), api.receive(5)] == [Message("response", b"one"), Message("response", b"two")]
        process.sendall(both)
        assert [api.receive(5), api.receive(5)] == [Message("response", b"one"), Message("response", b"two")]


def test_a_process_that_does_not_read_its_event_stops_nobody(api: RuntimeApi) -> None:
    with socket.create_connection(("127.0.0.1", api.port)) as process:
        process.sendall(request(api, "GET", NEXT))
        assert api.receive(5) == Message("ready")
        api.hand_over({}, b"x" * 20_000_000)
        assert api.receive(0.05) is None
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read_to_the_end, process, 20_000_000)
            while not reading.done():
                assert api.receive(0.01) is None
        assert reading.result()[-5:] == b"xxxxx"


def read_to_the_end(process: socket.socket, length: int) -> bytes:
    """Read an answer whose body has this length."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += process.recv(1)
    body = bytearray()
    while len(body) < length:
        body += process.recv(1 << 20)
    return bytes(body)


def test_a_client_that_leaves_takes_no_event_with_it(api: RuntimeApi) -> None:
    with socket.create_connection(("127.0.0.1", api.port)) as gone:
        gone.sendall(request(api, "GET", NEXT))
        assert api.receive(5) == Message("ready")
    assert api.receive(0.1) is None
    api.hand_over({}, b'"event"')
    assert ask(api, "GET", NEXT) == (b'200 "event"', [Message("ready")])


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"x" * HEADER_LIMIT,
    ],
)
def test_what_is_no_request_is_refused(ready: RuntimeApi, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", ready.port)) as client:
        client.sendall(sent)
        assert ready.receive(0.2) is None
        assert client.recv(1000).startswith(b"HTTP/1.1 400 ")
        assert client.recv(1000) == b""
    assert ask(ready, "GET", NEXT)[0] == b'200 "event"'


@pytest.mark.parametrize(("method", "path", "body"), [("GET", NEXT, None), ("POST", RESPONSE, b"false")])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "localhost:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Referer": "http://evil.example/page"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin"},  # of a name that was pointed at 127.0.0.1
    ],
)
def test_a_web_page_takes_no_event_and_answers_none(
    ready: RuntimeApi, headers: dict[str, str], method: str, path: str, body: bytes | None
) -> None:
    sent = {name: value.format(port=ready.port) for name, value in headers.items()}
    answer, messages = ask(ready, method, path, sent, body)
    assert answer.startswith(b"403 ")
    assert messages == []
    assert ask(ready, "GET", NEXT)[0] == b'200 "event"'  # it is still there
