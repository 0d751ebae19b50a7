"""The Runtime API answers the process of its function, and no web page that found its port."""

import http.client
from collections.abc import Iterator

import pytest

from localcloud.function_runtime.runtime_api import Message, RuntimeServer

NEXT = "/2018-06-01/runtime/invocation/next"
RESPONSE = "/2018-06-01/runtime/invocation/id/response"


@pytest.fixture
def server() -> Iterator[RuntimeServer]:
    server = RuntimeServer()
    server.invocations.put(({"Lambda-Runtime-Aws-Request-Id": "id"}, b'"event"'))
    yield server
    server.stop()


def ask(server: RuntimeServer, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
    """Return status and body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    try:
        connection.request(method, path, body, {"Host": f"127.0.0.1:{server.server_port}", **headers})
        answer = connection.getresponse()
        return b"%d %s" % (answer.status, answer.read())
    finally:
        connection.close()


def test_the_process_gets_an_event_and_answers_it(server: RuntimeServer) -> None:
    assert ask(server, "GET", NEXT, {}) == b'200 "event"'
    assert server.messages.get(timeout=5) == Message("ready")
    assert ask(server, "POST", RESPONSE, {}, b"answer") == b"202 "
    assert server.messages.get(timeout=5) == Message("response", b"answer")


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
    server: RuntimeServer, headers: dict[str, str], method: str, path: str, body: bytes | None
) -> None:
    sent = {name: value.format(port=server.server_port) for name, value in headers.items()}
    assert ask(server, method, path, sent, body).startswith(b"403 ")
    assert server.messages.empty()
    assert not server.invocations.empty()
