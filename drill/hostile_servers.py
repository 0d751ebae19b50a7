"""Servers that are broken, hostile or endless, on 127.0.0.1."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTENT = os.urandom(200_000)
REFUSED = {  # name -> what the server does instead of sending an archive
    "answers 404": lambda h: h.reply(404),
    "answers 416 for ever": lambda h: h.reply(416),
    "answers 500": lambda h: h.reply(500),
    "answers 204": lambda h: h.reply(204),
    "answers 302 without an address": lambda h: h.reply(302),
    "redirects in a circle": lambda h: h.reply(302, Location="/photos.tar.gz"),
    "redirects to ever longer addresses": lambda h: h.reply(302, Location=f"{h.path}x"),
    "redirects to a file": lambda h: h.reply(302, Location="file:///etc/passwd"),
    "redirects to nonsense": lambda h: h.reply(302, Location="http://[::1"),
    "redirects to a port that is closed": lambda h: h.reply(302, Location="http://127.0.0.1:9/"),
    "sends a web page": lambda h: h.reply(200, b"<html>Log in", Content_Type="text/html"),
    "sends a page that says it is an archive": lambda h: h.reply(200, b"<html>", Content_Type="application/gzip"),
    "sends nothing": lambda h: h.reply(200, Content_Length="0"),
    "sends less than it announced": lambda h: h.reply(200, CONTENT, Content_Length="300000"),
    "announces 5 GB": lambda h: h.reply(200, CONTENT, Content_Length="5000000000"),
    "announces two lengths": lambda h: h.reply(200, CONTENT, Content_Length="1, 2"),
    "announces a length of 5,000 digits": lambda h: h.reply(200, CONTENT, Content_Length="9" * 5000),
    "announces -5 bytes": lambda h: h.reply(200, CONTENT, Content_Length="-5"),
    "announces many bytes": lambda h: h.reply(200, CONTENT, Content_Length="many"),
    "sends broken chunks": lambda h: h.reply(200, b"zz\r\n", Transfer_Encoding="chunked"),
    "sends a chunk of 16 EB": lambda h: h.reply(200, b"f" * 16 + b"\r\n" + CONTENT, Transfer_Encoding="chunked"),
    "sends another part of the file": lambda h: h.reply(206, CONTENT, Content_Range="bytes 7-9/10"),
    "sends gzip that is not": lambda h: h.reply(200, CONTENT, Content_Encoding="gzip"),
    "sends 200 headers": lambda h: h.reply(200, **{f"X_{number}": "x" for number in range(200)}),
    "sends a header of 1 MB": lambda h: h.reply(200, X="x" * 1_000_000),
    "speaks no HTTP": lambda h: h.wfile.write(bytes(5000)),
    "hangs up": lambda h: h.connection.close(),
    "sends without end": lambda h: h.stream(CONTENT, 0.0),
    "sends chunks without end": lambda h: h.stream(
        b"10000\r\n" + CONTENT[:65536] + b"\r\n", 0.0, Transfer_Encoding="chunked"
    ),
    "sends a byte now and then": lambda h: h.stream(b"x", 0.05),
    "sends a header now and then": lambda h: h.drip(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.05),
}


class Handler(BaseHTTPRequestHandler):
    """Answers as its server says."""

    server: "Server"

    def do_GET(self) -> None:
        with suppress(OSError, ValueError):  # the client, or this side, has hung up
            self.server.answer(self)

    def reply(self, status: int, body: bytes = b"", /, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, body: bytes, pause: float, /, **headers: str) -> None:
        """Send the same bytes until the client hangs up, with a pause in seconds."""
        self.reply(200, b"", **headers)
        self.drip(b"", body, pause)

    def drip(self, begin: bytes, body: bytes, pause: float) -> None:
        """Send the beginning of an answer and then the same bytes until the client hangs up."""
        self.wfile.write(begin)
        while True:
            self.wfile.write(body)
            time.sleep(pause)

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Callable[[Any], None]) -> None:
        self.answer = answer
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *_: Any) -> None:
        """Print nothing: clients hang up."""


@contextmanager
def serving(answer: Callable[[Any], None]) -> Iterator[str]:
    """Yield the address of an archive on a server of its own."""
    with Server(answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/photos.tar.gz"
        server.shutdown()
