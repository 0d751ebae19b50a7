"""A web server on another port of 127.0.0.1: of a page that attacks, or of a service that is open to attacks."""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Serves a page, answers everything else as a service that lets all origins in, and remembers it."""

    daemon_threads = True

    def __init__(self, page: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.page = page
        self.asked: list[str] = []
        self.found: queue.Queue[dict[str, str]] = queue.Queue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/found":
            self.server.found.put(json.loads(body))
        self.server.asked.append(f"{self.command} {self.path} {body.decode()}")
        answer = self.server.page.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(answer)))
        for name in ("origin", "headers", "methods"):
            self.send_header(f"access-control-allow-{name}", self.headers.get(f"access-control-request-{name}", "*"))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""


@contextmanager
def served(page: str = "") -> Iterator[Server]:
    """Serve a page until the block ends."""
    with Server(page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
