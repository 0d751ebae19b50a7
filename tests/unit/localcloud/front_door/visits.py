"""A client that signs with botocore, the front door, and a recorder in place of the services."""

import asyncio
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.front_door import FrontDoor

PORT = 4599
HERE = f"http://127.0.0.1:{PORT}"
ROOT = Credentials("AKIAFRONTDOORTESTKEY", "secret")
PAGE = [(b"access-control-allow-origin", b"*"), (b"content-type", b"text/plain")]

Scope = dict[str, Any]


def scope_of(method: str, url: str, headers: dict[str, str]) -> Scope:
    parts = urlsplit(url)
    return {
        "type": "http",
        "method": method,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }


PROTOCOLS = {
    "iam": {"content-type": "application/x-www-form-urlencoded"},
    "monitoring": {"content-type": "application/x-www-form-urlencoded"},
    "states": {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AWSStepFunctions.ListStateMachines"},
}


def signed(service: str = "iam", path: str = "/", body: bytes = b"", **options: Any) -> Scope:
    """Return the scope of a request that botocore signs in its header; options: method, keys, headers."""
    method, protocol = options.get("method", "POST"), PROTOCOLS.get(service, {})
    headers = {"host": f"127.0.0.1:{PORT}", **protocol, **options.get("headers", {})}
    request = AWSRequest(method, HERE + path, headers, body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(options.get("keys", ROOT), service, "us-east-1").add_auth(request)
    return scope_of(method, HERE + path, {**dict(request.headers.items()), "content-length": str(len(body))})


def presigned(service: str = "s3", expires: int = 60, method: str = "GET") -> Scope:
    """Return the scope of a request to a presigned URL."""
    request = AWSRequest(method, f"{HERE}/bucket/key", {"host": f"127.0.0.1:{PORT}"})
    signer = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
    signer(ROOT, service, "us-east-1", expires=expires).add_auth(request)
    return scope_of(method, str(request.url), {"host": f"127.0.0.1:{PORT}"})


class Visit:
    """One request to the door: what the application behind it got, and what the client."""

    def __init__(self, scope: Scope, *chunks: bytes) -> None:
        self.body: bytes | None = None  # that the application read; None when it saw nothing
        self.chunks = list(chunks) or [b""]
        self.taken = 0
        self.sent: list[dict[str, Any]] = []
        asyncio.run(FrontDoor(self._application, PORT)(scope, self._receive, self._send))

    async def _application(self, scope: Scope, receive: Any, send: Any) -> None:
        self.body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": PAGE})
        await send({"type": "http.response.body", "body": b"done"})

    async def _receive(self) -> dict[str, Any]:
        self.taken += 1
        return {
            "type": "http.request",
            "body": self.chunks[self.taken - 1],
            "more_body": self.taken < len(self.chunks),
        }

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def answer(self) -> str:
        return str(self.sent[1]["body"].decode())


def with_header(scope: Scope, name: bytes, value: bytes) -> Scope:
    """Return a request with one header replaced or added."""
    return {**scope, "headers": [*(one for one in scope["headers"] if one[0] != name), (name, value)]}


def check_refused(visit: Visit, status: int, code: str) -> None:
    assert (visit.body, visit.status) == (None, status)
    assert code in visit.answer
