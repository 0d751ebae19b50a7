"""The serving program: `GET /ping` and `POST /invocations`, as SageMaker's container contract requires.

The standard library's threaded server is fast enough: on one connection it adds 0.2 ms to the model's 0.4 ms for a
32x32 PNG, as much as uvicorn with httptools. It needs no package and starts sooner. There is one process for each core.
"""

import json
import logging
import os
import re
import signal
import sys
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from . import workers
from .errors import InputError
from .paths import base_directory

if TYPE_CHECKING:
    from .model import Model

CONTENT_TYPES = ("image/png", "image/jpeg", "application/x-image")
MOST_BYTES = 6 * 1024 * 1024  # of a request's body; InvokeEndpoint takes no more
_READ_AT_ONCE = 64 * 1024  # bytes
_MOST_DISCARDED = 64 * 1024 * 1024  # bytes
_BROWSER_HEADERS = ("Origin", "Sec-Fetch-Site")  # InvokeEndpoint forwards neither

logger = logging.getLogger(__name__)


class Server(ThreadingTCPServer):
    """One thread per connection. (HTTPServer would first look up its own name in the DNS.)"""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128  # connections that wait to be accepted

    model: "Model"

    def __init__(self, host: str, port: int) -> None:
        """Bind the port; connections are accepted once `server_activate` is called.

        Raises:
            OSError: The port is taken.
        """
        super().__init__((host, port), Handler, bind_and_activate=False)
        self.server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log one line instead of a traceback: clients may hang up at any time."""
        logger.warning("connection with %s ended early: %r", client_address, sys.exception())


class RefusedError(Exception):
    """When a request is answered with a status of 4xx; the message is the answer's body."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Server
    protocol_version = "HTTP/1.1"  # keep-alive
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together

    def do_GET(self) -> None:
        """Answer /ping: the server listens only once the model is loaded."""
        if self.path == "/ping":
            self._answer(200, b"", "text/plain")
        else:
            self._answer(404, f"There is no {self.path}; ask for /ping.".encode(), "text/plain")

    def do_POST(self) -> None:
        """Answer /invocations with one probability per class."""
        try:
            probabilities = self.server.model.classify(self._image())
        except RefusedError as err:
            self._answer(err.status, str(err).encode(), "text/plain")
        except InputError as err:
            self._answer(400, str(err).encode(), "text/plain")
        except ConnectionError:
            raise  # the client has gone
        except Exception as err:  # the edge of the process: the request fails, the server continues
            logger.exception("invocation failed")
            self._answer(500, f"{type(err).__name__}: {err}".encode(), "text/plain")
        else:
            self._answer(200, json.dumps(probabilities).encode(), "application/json")

    def _image(self) -> bytes:
        """Return the request's body; a refused body is read to its end too, so that the connection can be reused."""
        given = self.headers.get("Content-Length", "")
        if not (given.isascii() and given.isdigit() and len(given) < 20):
            self.close_connection = True
            raise RefusedError(411, "The request needs a Content-Length in bytes.")
        length = int(given)
        if any(name in self.headers for name in _BROWSER_HEADERS):
            self.close_connection = True
            raise RefusedError(403, "Requests of web pages are not answered.")
        if length > MOST_BYTES:
            self._discard(length)
            raise RefusedError(413, f"The image has {length:,} bytes; at most {MOST_BYTES:,} are read.")
        body = self.rfile.read(length)
        if self.path != "/invocations":
            raise RefusedError(404, f"There is no {self.path}; post to /invocations.")
        if (content_type := self.headers.get_content_type()) not in CONTENT_TYPES:
            raise RefusedError(415, f"Content type {content_type} is not read; send {', '.join(CONTENT_TYPES)}.")
        return body

    def _discard(self, length: int) -> None:
        """Read a body without keeping it; one that would take long is left, and the connection is closed."""
        if length > _MOST_DISCARDED:
            self.close_connection = True
            return
        while length > 0 and (read := len(self.rfile.read(min(length, _READ_AT_ONCE)))):
            length -= read

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: a line per request would cost more than the request's HTTP."""


def main() -> int:
    """Load the model and serve until SIGTERM; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    host = os.environ.get("SAGEMAKER_BIND_TO_HOST", "0.0.0.0")
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    signal.signal(signal.SIGTERM, workers.leave)
    try:
        number, server = number_of_workers(), Server(host, port)
    except (InputError, OSError) as err:
        print(err, file=sys.stderr)
        return 1
    with server, TemporaryFile() as lock:
        return workers.run(
            number,
            lambda ready: serve(server, number, lock, ready),
            lambda: logger.info("serving on %s:%d", host, server.server_address[1]),
        )


def number_of_workers() -> int:
    """Return SAGEMAKER_MODEL_SERVER_WORKERS, by default the number of cores that this process may use.

    Raises:
        InputError: The variable is not a number from 1 to 999.
    """
    given = os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS", "")
    if not given:
        return workers.usable_cores()
    if not re.fullmatch("[1-9][0-9]{0,2}", given):
        raise InputError(f"SAGEMAKER_MODEL_SERVER_WORKERS is {given!r}: give the number of processes that serve.")
    return int(given)


def serve(server: Server, number: int, lock: IO[bytes], ready: workers.Ready) -> int:
    """Load the model and answer requests in one of several processes; return an exit code if that is not possible."""
    from .images import DECODING  # these start threads: see workers.py
    from .model import Model

    DECODING.share(number, lock)
    try:
        server.model = Model(base_directory() / "model")
    except (InputError, OSError) as err:
        print(err, file=sys.stderr)
        return 1
    server.server_activate()
    ready()
    server.serve_forever()
    return 0
