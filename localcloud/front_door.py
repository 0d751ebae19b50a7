"""The door of the local cloud: what no AWS client sends is refused before any service sees it.

A web page in the user's browser can send requests to 127.0.0.1. It does not have the keys, so every request must be
signed; on top of that, requests that only browsers send are refused, and so are MiniStack's own pages.
"""

import re
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from localcloud import protocols, signatures
from localcloud.protocols import ProtocolError
from localcloud.signatures import SignatureError, SignedRequest, error_reply

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MB = 1024 * 1024
HEADER_LIMIT = 64 * 1024  # bytes of the request line and all headers
# Bytes of a body by the service that the request is signed for. MiniStack holds a whole object in memory, so S3's own
# 5 GB are not offered: larger files go up in parts. Lambda's is that of CreateFunction.
BODY_LIMITS = {"s3": 100 * MB, "lambda": 70_167_211}
BODY_LIMIT = 6 * MB  # of all others, InvokeEndpoint's on AWS; and of all compressed ones, inflated

# The paths of each service, which is `/` alone for those that are not named. MiniStack has pages of its own under
# others: `/_ministack/`, `/_localstack/`, `/_aws/`, `/health`, and of services that are not loaded here.
BUCKET = r"[a-z0-9][a-z0-9.-]{2,62}"
PATHS = {
    "s3": re.compile(rf"/|/(?!(health|iceberg[^/]*|logout|oauth2|v20180820)(/|$)){BUCKET}(/.*)?", re.DOTALL),
    "lambda": re.compile(r"/20\d\d-\d\d-\d\d/.*", re.DOTALL),
    "sagemaker": re.compile(r"/|/endpoints/.*", re.DOTALL),
    "scheduler": re.compile(r"/schedules(/[^/]+)?"),  # schedule groups and tags are not emulated
}
ROOT_PATH = re.compile("/")
INVALID_BUCKET = re.compile(rf"/(?!{BUCKET}(/|$))[A-Za-z0-9][A-Za-z0-9._-]*(/.*)?", re.DOTALL)
OWN_SITE = (b"same-origin", b"none")  # Sec-Fetch-Site of a page of this address, and of an address typed by the user


class Refusal(Exception):
    """When a request is not let in.

    Args:
        status: HTTP; None for the one that the service gives this code.
        service: Whose protocol the answer is in.
    """

    def __init__(self, status: int | None, code: str, message: str, service: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.service = status, code, service


class FrontDoor:
    """An ASGI application that lets signed requests of AWS clients through to another one."""

    def __init__(self, application: Application, port: int) -> None:
        self._application = application
        self._hosts = hosts_of(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})  # no service here has WebSockets
            return
        try:
            check_browser(scope, self._hosts)
            body = await admit(scope, receive)
        except Refusal as refusal:
            await refuse(refusal, scope, send)
            return
        await self._application(scope, replay(body, receive), without_cors(send))


def hosts_of(port: int) -> set[bytes]:
    """Return the values of a Host header that name this server."""
    names = (b"127.0.0.1", b"localhost")
    return {b"%s:%d" % (name, port) for name in names} | (set(names) if port == 80 else set())


def values_of(scope: Scope, name: bytes) -> list[bytes]:
    return [value for header, value in scope["headers"] if header == name]


def check_browser(scope: Scope, hosts: set[bytes]) -> None:
    """Raise a Refusal for a request that a foreign web page sends, or one to a name that was pointed at 127.0.0.1."""
    found = values_of(scope, b"host")
    if len(found) != 1 or found[0].lower() not in hosts:
        raise forbidden(f"The Host header must be {b' or '.join(sorted(hosts)).decode()}.")
    origins = {b"http://" + host for host in hosts}
    if any(origin not in origins for origin in values_of(scope, b"origin")):
        raise forbidden("Requests of web pages are not accepted.")
    if any(site not in OWN_SITE for site in values_of(scope, b"sec-fetch-site")):
        raise forbidden("Requests of other sites are not accepted.")
    if scope["method"] == "OPTIONS":
        raise forbidden("Requests of other origins are not accepted, so there is no preflight.")
    lengths = (len(name) + len(value) for name, value in scope["headers"])
    if sum(lengths) + len(scope["raw_path"]) + len(scope["query_string"]) > HEADER_LIMIT:
        raise Refusal(431, "RequestHeaderSectionTooLarge", f"The headers exceed {HEADER_LIMIT} bytes.")


def forbidden(message: str) -> Refusal:
    return Refusal(403, "AccessDeniedException", message)


async def admit(scope: Scope, receive: Receive) -> bytes:
    """Return the body of a request whose signature is right; the body is only read when the headers are.

    Raises:
        Refusal: In the protocol of the service that the request is signed for.
    """
    try:
        request = signatures.read(scope)
        check_path(scope["path"], request.service)
        check_protocol(request)
        body = await read_body(request, receive)
        request.verify_body(body)
        check_content(request, body)
    except SignatureError as err:
        raise Refusal(None, err.code, str(err), claimed_service(scope)) from err
    return body


def check_path(path: str, service: str) -> None:
    if not PATHS.get(service, ROOT_PATH).fullmatch(path):
        if service == "s3" and INVALID_BUCKET.fullmatch(path):
            raise Refusal(400, "InvalidBucketName", "The specified bucket is not valid.", service)
        raise Refusal(403, "AccessDenied", f"{service} has no path {path[:200]!r} in the local cloud.", service)


def check_protocol(request: SignedRequest) -> None:
    """Raise a Refusal for a request that names its action in a way that its service does not read."""
    try:
        protocols.check(request.service, request.method, request.query, request.headers)
    except ProtocolError as err:
        raise Refusal(400, "InvalidAction", str(err), request.service) from err


async def read_body(request: SignedRequest, receive: Receive) -> bytes:
    """Return the body, of which no more than the service's limit is ever read.

    Raises:
        Refusal: It is larger, or the client is gone.
    """
    limit = BODY_LIMITS.get(request.service, BODY_LIMIT)
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced[:20]) > limit:
        raise too_large(request.service, limit)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "IncompleteBody", "The connection ended before the body did.", request.service)
        chunks.append(message.get("body", b""))
        size, more = size + len(chunks[-1]), message.get("more_body", False)
        if size > limit:
            raise too_large(request.service, limit)
    return b"".join(chunks)


def check_content(request: SignedRequest, body: bytes) -> None:
    """Raise a Refusal for a body that MiniStack inflates or reads without a limit or as something else."""
    content = body
    if request.service != "s3" and "gzip" in request.headers.get("content-encoding", "").lower():
        content = inflate(request.service, body)
    try:
        protocols.check_text(request.service, content)
    except ProtocolError as err:
        raise Refusal(400, "SerializationException", str(err), request.service) from err


def inflate(service: str, body: bytes) -> bytes:
    """Return what a compressed body holds.

    Raises:
        Refusal: It holds more than the limit, or is not one whole gzip member.
    """
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # gzip's format
    try:
        content = inflater.decompress(body, BODY_LIMIT + 1)
    except zlib.error as err:
        raise Refusal(400, "SerializationException", f"The body is not gzip: {err}.", service) from err
    if len(content) > BODY_LIMIT:
        raise too_large(service, BODY_LIMIT)
    if not inflater.eof or inflater.unused_data:  # Python's gzip takes hours for a million empty members
        raise Refusal(400, "SerializationException", "The body must be one whole gzip member.", service)
    return content


def too_large(service: str, limit: int) -> Refusal:
    """Return the answer to a body over the limit; SageMaker's runtime names the error by its status."""
    code = {"s3": "EntityTooLarge", "sagemaker": "413"}.get(service, "RequestEntityTooLargeException")
    return Refusal(413, code, f"HTTP content length exceeded {limit} bytes.", service)


CREDENTIAL_SCOPE = re.compile(rb"(?:/|%2F)\d{8}(?:/|%2F)[a-z0-9-]+(?:/|%2F)([a-z0-9-]+)(?:/|%2F)aws4_request")


def claimed_service(scope: Scope) -> str:
    """Return the service that a wrong signature names, `""` without one."""
    for text in (*values_of(scope, b"authorization"), scope["query_string"]):
        if found := CREDENTIAL_SCOPE.search(text):
            return str(found.group(1).decode())
    return ""


async def refuse(refusal: Refusal, scope: Scope, send: Send) -> None:
    """Send an AWS-style error. A client that waits for `100 Continue` does not send its body on this connection."""
    headers = signatures.joined(scope["headers"])
    status, reply_headers, body = error_reply(refusal.service, refusal.code, str(refusal), headers)
    reply_headers |= {"Content-Length": str(len(body))} | ({"Connection": "close"} if "expect" in headers else {})
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply_headers.items()]
    await send({"type": "http.response.start", "status": refusal.status or status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def replay(body: bytes, receive: Receive) -> Receive:
    """Return what gives an application the body that was read, and after that what the connection gives."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> dict[str, Any]:
        return pending.pop() if pending else await receive()

    return receive_again


def without_cors(send: Send) -> Send:
    """Return a `send` that never allows another origin to read an answer."""

    async def send_without(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [one for one in message["headers"] if not one[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return send_without
