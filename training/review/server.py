"""Serves the page of a review to a browser on this machine, and to nobody else.

The address has a secret key, which other users of the machine and other web pages do not know. It is part of the path
and not a cookie: a browser sends the cookies of 127.0.0.1 to the servers of all its ports. Requests under another host
name (DNS rebinding), from another origin or from another site are refused before the key is looked at.
"""

import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from training.review.photos import Photos, for_browser
from training.review.session import Session
from training.review.tries import Tries

MOST_ANSWER_BYTES = 4096
MOST_PHOTO_BYTES = 20 << 20  # the workflow itself refuses photos of more than 6 MB, and says so
SILENT_SECONDS = 30.0  # after which a connection that sends nothing is closed
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the key is in the address
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Review:
    """What the page shows."""

    session: Session
    photos: Photos
    tries: Tries
    page: Callable[[str], str]  # takes the nonce of style and script
    finish: Callable[[], None]  # called when the person ends the review on the page
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))


class Server(ThreadingHTTPServer):
    """A server on a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self, review: Review) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.review = review

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def address(self) -> str:
        """The page, with its key."""
        return f"http://{self.host}/{self.review.key}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a browser that closes a connection is no error."""


class RefusedError(Exception):
    """When a request is not answered; carries the status and a sentence."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = SILENT_SECONDS
    server_version, sys_version = "review", ""

    def do_GET(self) -> None:
        self._answer({"": self._page, "state": self._state, "photos": self._photo, "tries": self._described_try})

    def do_POST(self) -> None:
        self._answer(
            {"answer": self._take_answer, "skip": self._skip, "undo": self._undo, "tries": self._try, "end": self._end}
        )

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""

    def _answer(self, routes: dict[str, Callable[[str], None]]) -> None:
        try:
            name, argument = self._checked_path()
            if name not in routes:
                raise RefusedError(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
            routes[name](argument)
        except RefusedError as err:
            self.close_connection = True  # a body may be unread
            self._send_json({"error": str(err)}, err.status)
        except (ClientError, BotoCoreError) as err:
            self._send_json({"error": " ".join(str(err).split())}, HTTPStatus.BAD_GATEWAY)
        except OSError as err:
            self.close_connection = True
            self._send_json({"error": f"The answer was not kept: {err.strerror}."}, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _checked_path(self) -> tuple[str, str]:
        """Return the name and the argument of `/<key>/<name>/<argument>`.

        Raises:
            RefusedError: The request is not one of the page's.
        """
        if self.headers.get_all("Host") != [self.server.host]:
            raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "This server answers at its own address only.")
        origin, site = self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site", "none")
        is_opened = self.command == "GET" and self.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        own = f"http://{self.server.host}"
        if origin not in (own,) if self.command == "POST" else origin not in (None, own):
            raise RefusedError(HTTPStatus.FORBIDDEN, "Requests from other pages are refused.")
        if site not in ("same-origin", "none") and not is_opened:
            raise RefusedError(HTTPStatus.FORBIDDEN, "Requests from other pages are refused.")
        key, _, rest = self.path.removeprefix("/").partition("/")
        if not hmac.compare_digest(key.encode(), self.server.review.key.encode()):
            raise RefusedError(HTTPStatus.FORBIDDEN, "The key in the address is wrong: open the one that was printed.")
        name, _, argument = rest.partition("/")
        return name, argument

    # What is asked ---------------------------------------------------------------------------------------------

    def _page(self, _: str) -> None:
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' blob: data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        content = self.server.review.page(nonce).encode()
        self._send(content, "text/html; charset=utf-8", {"Content-Security-Policy": policy})

    def _state(self, _: str) -> None:
        self._send_json(self.server.review.session.state())

    def _photo(self, number: str) -> None:
        tasks = self.server.review.session.tasks
        if not (number.isascii() and number.isdigit() and int(number) < len(tasks)):
            raise RefusedError(HTTPStatus.NOT_FOUND, f"There is no photo {number!r:.20}.")
        content = self.server.review.photos.find(tasks[int(number)].fields)
        shown = for_browser(content) if content is not None else None
        if shown is None:
            reason = "is gone" if content is None else "cannot be shown"
            raise RefusedError(HTTPStatus.NOT_FOUND, f"This photo {reason}.")
        self._send(
            shown[1], shown[0], {"Cache-Control": "private, max-age=600"}
        )  # the page asks for the next one early

    def _take_answer(self, _: str) -> None:
        given = self._json("event_id", "answer")
        self._change(lambda session: session.answer(given["event_id"], given["answer"]))

    def _skip(self, _: str) -> None:
        given = self._json("event_id")
        self._change(lambda session: session.skip(given["event_id"]))

    def _undo(self, _: str) -> None:
        given = self._json("event_id")
        self._change(lambda session: session.undo(given["event_id"]))

    def _change(self, change: Callable[[Session], dict[str, Any]]) -> None:
        try:
            self._send_json(change(self.server.review.session))
        except ValueError as err:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"{err}.") from err

    def _try(self, _: str) -> None:
        photo = self._body(MOST_PHOTO_BYTES)
        if not photo:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The file is empty.")
        self._send_json(self.server.review.tries.start(photo))

    def _described_try(self, execution: str) -> None:
        try:
            self._send_json(self.server.review.tries.describe(execution))
        except ValueError as err:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"{err}.") from err

    def _end(self, _: str) -> None:
        self._body(MOST_ANSWER_BYTES)
        self._send_json({})
        self.server.review.finish()

    # Reading and sending ---------------------------------------------------------------------------------------

    def _body(self, most: int) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or self.headers.get("Transfer-Encoding"):
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "The request does not say how long it is.")
        if int(length) > most:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{int(length):,} bytes are too many: {most:,} are taken."
            )
        return self.rfile.read(int(length))

    def _json(self, *names: str) -> dict[str, str]:
        """Return the text fields of a request."""
        try:
            found = json.loads(self._body(MOST_ANSWER_BYTES))
            return {name: found[name] for name in names if isinstance(found[name], str) or _refuse(name)}
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"The request needs {' and '.join(names)}.") from err

    def _send_json(self, value: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(value).encode(), "application/json", {}, status)

    def _send(self, body: bytes, kind: str, headers: dict[str, str], status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _refuse(name: str) -> bool:
    raise ValueError(name)
