"""The Runtime API of Lambda: a function's process asks it for events and posts the answers to it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BROWSER_HEADERS = ("Origin", "Referer", "Sec-Fetch-Site")  # no runtime client sends them
STOP_SECONDS = 0.1  # at most this long after `stop`, the server ends


@dataclass(frozen=True)
class Message:
    """What an environment learns from its process: ready, response, error, init_error, exit, memory or timeout."""

    kind: str
    payload: bytes = b""


class RuntimeApi(BaseHTTPRequestHandler):
    """Hands events to the process and takes its answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "RuntimeServer"

    def parse_request(self) -> bool:
        """Read the request's headers; refuse one of a web page, which would take events or answer them."""
        if not super().parse_request():
            return False
        is_named = self.headers.get_all("Host") == [f"127.0.0.1:{self.server.server_port}"]
        if is_named and not any(name in self.headers for name in BROWSER_HEADERS):
            return True
        self.send_error(403)
        return False

    def do_GET(self) -> None:
        self.server.messages.put(Message("ready"))
        invocation = self.server.invocations.get()
        if invocation is None:
            self.close_connection = True
            return
        headers, event = invocation
        self.send_response(200)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(event))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers["Content-Length"]))
        kind = "init_error" if self.path.endswith("/init/error") else self.path.rsplit("/", 1)[-1]
        self.server.messages.put(Message(kind, payload))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class RuntimeServer(ThreadingHTTPServer):
    """The Runtime API of one process."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RuntimeApi)
        self.messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.invocations: queue.SimpleQueue[tuple[dict[str, str], bytes] | None] = queue.SimpleQueue()
        threading.Thread(target=self.serve_forever, args=(STOP_SECONDS,), daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        """Ignore a connection that breaks: its process was killed."""

    def stop(self) -> None:
        self.invocations.put(None)
        self.shutdown()
        self.server_close()
