"""The front door between a client that signs with botocore and a recorder in place of the services."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from ministack.services import sts

from localcloud import front_door, identity
from localcloud.front_door import BODY_LIMIT, BODY_LIMITS, HEADER_LIMIT, FrontDoor

PORT = 4599
HERE = f"http://127.0.0.1:{PORT}"
ROOT = Credentials("AKIAFRONTDOORTESTKEY", "secret")
PAGE = [(b"access-control-allow-origin", b"*"), (b"content-type", b"text/plain")]

Scope = dict[str, Any]


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    identity.use_root(ROOT.access_key, ROOT.secret_key)
    yield
    sts.reset()


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


# Who is let in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["iam", "s3", "sagemaker", "states"])
def test_a_signed_request_comes_in_with_its_body(service: str) -> None:
    visit = Visit(signed(service, body=b"Action=ListRoles"), b"Action=", b"ListRoles")
    assert (visit.body, visit.status, visit.answer) == (b"Action=ListRoles", 200, "done")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_both_names_of_this_machine_are_taken(name: str) -> None:
    assert Visit(signed(headers={"host": f"{name}:{PORT}"})).status == 200


def test_the_port_80_is_not_named() -> None:
    assert b"127.0.0.1" in front_door.hosts_of(80)
    assert b"127.0.0.1" not in front_door.hosts_of(81)


def test_a_presigned_url_comes_in() -> None:
    assert Visit(presigned()).status == 200


def test_a_session_comes_in_with_its_token() -> None:
    session = identity.assume_role("arn:aws:iam::000000000000:role/r", "s")
    keys = Credentials(session.access_key_id, session.secret_access_key, session.token)
    assert Visit(signed(keys=keys)).status == 200
    without = Credentials(session.access_key_id, session.secret_access_key)
    check_refused(Visit(signed(keys=without)), 403, "InvalidClientTokenId")


def test_life_events_pass() -> None:
    seen: list[Scope] = []

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        seen.append(scope)

    asyncio.run(FrontDoor(application, PORT)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == [{"type": "lifespan"}]


def test_no_answer_allows_another_origin_to_read_it() -> None:
    assert Visit(signed()).sent[0]["headers"] == [(b"content-type", b"text/plain")]


# What browsers send ---------------------------------------------------------------------------------------------

FOREIGN_HOSTS = [b"evil.example:4599", b"127.0.0.1:1", b"127.0.0.1", b"localhost.evil.example:4599", b"", b"[::1]:4599"]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_another_host_is_refused(host: bytes) -> None:
    check_refused(Visit(with_header(signed(), b"host", host)), 403, "The Host header must be 127.0.0.1:4599")


def test_two_hosts_or_none_are_refused() -> None:
    request = signed()
    host = [one for one in request["headers"] if one[0] == b"host"]
    rest = [one for one in request["headers"] if one[0] != b"host"]
    for headers in (rest, rest + host * 2):
        check_refused(Visit({**request, "headers": headers}), 403, "The Host header")


FOREIGN = [
    (b"origin", b"http://127.0.0.1:8000"),
    (b"origin", b"https://evil.example"),
    (b"origin", b"null"),
    (b"sec-fetch-site", b"cross-site"),
    (b"sec-fetch-site", b"same-site"),
]


@pytest.mark.parametrize(("name", "value"), FOREIGN)
def test_a_request_of_another_page_is_refused_even_if_signed(name: bytes, value: bytes) -> None:
    check_refused(Visit(with_header(signed(), name, value)), 403, "not accepted")


@pytest.mark.parametrize("requested", [{}, {"access-control-request-method": "POST"}])
def test_a_preflight_is_refused_and_allows_nothing(requested: dict[str, str]) -> None:
    visit = Visit(signed(method="OPTIONS", headers=requested))
    check_refused(visit, 403, "no preflight")
    assert not [name for name, _ in visit.sent[0]["headers"] if name.startswith(b"access-control")]


def test_a_websocket_is_refused() -> None:
    visit = Visit({**signed(), "type": "websocket"})
    assert (visit.body, visit.sent) == (None, [{"type": "websocket.close", "code": 1008}])


# MiniStack's own pages ------------------------------------------------------------------------------------------

PAGES = [
    "/_ministack/reset",
    "/%5fministack/config",
    "/_ministack/lambda-code/f",
    "/_localstack/health",
    "/_aws/sqs/messages",
    "/_aws/ses",
    "/health",
    "/logout",
    "/oauth2/userInfo",
    "/iceberg/v1/config",
    "/v2/email/identities",
    "/v20180820/mrap/instances",
    "/Execute",
    "/WriteGetObjectResponse",
    "//evil.example",
]


@pytest.mark.parametrize("service", ["s3", "iam", "lambda", "sagemaker", "monitoring"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_ministack_is_refused_whoever_asks(service: str, page: str) -> None:
    check_refused(Visit(signed(service, page)), 403, "AccessDenied")


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("s3", "/bucket"),
        ("s3", "/iceberg"[:4] + "land/key"),
        ("s3", "/health-photos/_ministack/reset"),
        ("s3", "/bucket//a%0Ab/../.well-known/x"),
        ("lambda", "/2015-03-31/functions/f/invocations"),
        ("sagemaker", "/endpoints/e/invocations"),
        ("monitoring", "/"),
    ],
)
def test_the_paths_of_services_are_open(service: str, path: str) -> None:
    assert Visit(signed(service, path)).status == 200


@pytest.mark.parametrize(
    ("service", "path", "headers"),
    [
        ("iam", "/?Action=GetUser", {}),
        ("iam", "/", {"content-type": "text/plain"}),
        ("s3", "/bucket/key", {"x-amz-target": "a.GetObject"}),
    ],
)
def test_a_request_that_names_two_actions_is_refused(service: str, path: str, headers: dict[str, str]) -> None:
    check_refused(Visit(signed(service, path, headers=headers)), 400, "InvalidAction")


# Signatures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/bucket/key", "/?Action=ListRoles", "/?Signature=x"])
def test_an_unsigned_request_is_refused(path: str) -> None:
    visit = Visit(scope_of("GET", HERE + path, {"host": f"127.0.0.1:{PORT}"}))
    assert visit.body is None
    assert visit.status in (400, 403)


@pytest.mark.parametrize("key", ["test", "000000000000", "123456789012", "AKIAUNKNOWNUNKNOWN00"])
@pytest.mark.parametrize(("service", "code"), [("iam", "InvalidClientTokenId"), ("s3", "InvalidAccessKeyId")])
def test_an_unknown_key_is_refused_before_its_body_is_read(key: str, service: str, code: str) -> None:
    visit = Visit(signed(service, keys=Credentials(key, key), body=b"x"), b"x")
    check_refused(visit, 403, code)
    assert visit.taken == 0


def test_a_wrong_signature_of_s3_is_refused_before_the_body_is_read() -> None:
    visit = Visit(signed("s3", "/bucket/key", b"x", keys=Credentials(ROOT.access_key, "wrong")), b"x")
    check_refused(visit, 403, "SignatureDoesNotMatch")
    assert visit.taken == 0


@pytest.mark.parametrize(
    ("service", "status", "code"),
    [("iam", 403, "SignatureDoesNotMatch"), ("sagemaker", 403, "InvalidSignatureException")],
)
def test_a_wrong_signature_is_refused(service: str, status: int, code: str) -> None:
    check_refused(Visit(signed(service, keys=Credentials(ROOT.access_key, "wrong"))), status, code)


@pytest.mark.parametrize(("service", "code"), [("iam", "SignatureDoesNotMatch"), ("s3", "XAmzContentSHA256Mismatch")])
def test_another_body_than_the_signed_one_is_refused(service: str, code: str) -> None:
    check_refused(Visit(signed(service, body=b"Action=ListRoles"), b"Action=ListUsers"), 403, code)


CONFUSING = [
    "AWS test:signature",
    "Basic dGVzdDp0ZXN0",
    "{0}, Credential=AKIAOTHER/20260101/us-east-1/iam/aws4_request",
    "AWS4-HMAC-SHA256 Credential=AKIAOTHER/20260101/us-east-1/iam/aws4_request, {1}",
    "{0},{0}",
]


@pytest.mark.parametrize("form", CONFUSING)
def test_an_authorization_that_can_be_read_in_two_ways_is_refused(form: str) -> None:
    request = signed()
    right = next(value.decode() for name, value in request["headers"] if name == b"authorization")
    header = form.format(right, right.removeprefix("AWS4-HMAC-SHA256 "))
    visit = Visit(with_header(request, b"authorization", header.encode()))
    assert visit.body is None
    assert visit.status in (400, 403)
    assert "IncompleteSignature" in visit.answer


@pytest.mark.parametrize("query", ["AWSAccessKeyId=test&Signature=x", "X-Amz-Credential=a", "x-amz-signature=b"])
def test_a_second_signature_in_the_query_is_refused(query: str) -> None:
    assert Visit({**signed(), "query_string": query.encode()}).body is None
    check_refused(Visit({**presigned(), "query_string": query.encode()}), 403, "IncompleteSignature")


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_signature_of_another_time_is_refused(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    then = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: then)
    check_refused(Visit(signed()), 403, "SignatureDoesNotMatch")
    check_refused(Visit(signed("s3")), 403, "RequestTimeTooSkewed")


def test_a_date_that_is_none_is_refused() -> None:
    check_refused(Visit(with_header(signed(), b"x-amz-date", b"yesterday")), 403, "SignatureDoesNotMatch")


def test_a_signature_must_cover_the_host() -> None:
    request = signed()
    header = next(value for name, value in request["headers"] if name == b"authorization")
    visit = Visit(with_header(request, b"authorization", header.replace(b"host;", b"")))
    assert (visit.body, visit.status) == (None, 400)


def test_a_presigned_url_of_another_method_is_refused() -> None:
    check_refused(Visit({**presigned(), "method": "DELETE"}), 403, "SignatureDoesNotMatch")


def test_a_presigned_url_of_another_object_is_refused() -> None:
    request = {**presigned(), "path": "/bucket/other", "raw_path": b"/bucket/other"}
    check_refused(Visit(request), 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("expires", [-1, 604_801, 10**9])
def test_a_presigned_url_that_has_expired_or_never_does_is_refused(expires: int) -> None:
    check_refused(Visit(presigned(expires=expires)), 403, "AccessDenied")


def test_a_presigned_url_of_another_service_is_refused() -> None:
    assert Visit(presigned("iam")).body is None


# Sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "limit", "code"),
    [
        ("s3", BODY_LIMITS["s3"], "EntityTooLarge"),
        ("lambda", BODY_LIMITS["lambda"], "RequestEntityTooLargeException"),
        ("sagemaker", BODY_LIMIT, "413"),
        ("iam", BODY_LIMIT, "RequestEntityTooLargeException"),
    ],
)
def test_a_body_over_the_limit_is_not_read(service: str, limit: int, code: str) -> None:
    path = {"s3": "/bucket/key", "lambda": "/2015-03-31/functions"}.get(service, "/")
    visit = Visit(with_header(signed(service, path), b"content-length", b"%d" % (limit + 1)))
    check_refused(visit, 413, code)
    assert f"HTTP content length exceeded {limit} bytes." in visit.answer
    assert visit.taken == 0


def test_a_body_without_a_length_is_cut_off_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "BODY_LIMIT", 10)
    request = signed()
    headers = [one for one in request["headers"] if one[0] != b"content-length"]
    visit = Visit({**request, "headers": headers}, *[b"12345"] * 100)
    check_refused(visit, 413, "exceeded 10 bytes")
    assert visit.taken == 3


def compressed(body: bytes, service: str = "monitoring") -> Visit:
    path = "/bucket/key" if service == "s3" else "/"
    return Visit(signed(service, path, body, headers={"content-encoding": "gzip"}), body)


def test_a_compressed_body_comes_in_as_it_is() -> None:
    body = gzip.compress(bytes(BODY_LIMIT))
    assert compressed(body).body == body


def test_what_a_compressed_body_holds_is_limited() -> None:
    bomb = gzip.compress(bytes(BODY_LIMIT + 1))
    check_refused(compressed(bomb), 413, f"exceeded {BODY_LIMIT} bytes")
    assert compressed(bomb, "s3").body == bomb  # S3 keeps it as it is


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"no gzip", "not gzip: Error -3"),
        (gzip.compress(b"a")[:-9], "one whole gzip member"),
        (gzip.compress(b"") * 2, "one whole gzip member"),
    ],
    ids=["no gzip", "truncated", "two members"],  # the bytes have the time in them
)
def test_a_compressed_body_that_is_damaged_or_of_many_members_is_refused(body: bytes, sentence: str) -> None:
    check_refused(compressed(body), 400, sentence)


@pytest.mark.parametrize("body", [b"\xff", b'{"input": "\xed\xa0\x80"}'])
def test_json_is_utf_8(body: bytes) -> None:
    check_refused(Visit(signed("states", body=body), body), 400, "SerializationException")
    assert Visit(signed("s3", "/bucket/key", body), body).body == body


def test_headers_over_the_limit_are_refused() -> None:
    visit = Visit(with_header(signed(), b"x-amz-meta-long", b"x" * HEADER_LIMIT))
    check_refused(visit, 431, "exceed 65536 bytes")


def test_a_client_that_leaves_is_not_an_error_of_the_server() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(FrontDoor(None, PORT)(signed(), receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 400


@pytest.mark.parametrize(("expect", "closes"), [({"expect": "100-continue"}, True), ({}, False)])
def test_a_connection_ends_where_the_client_withholds_its_body(expect: dict[str, str], closes: bool) -> None:
    """What it would send next would be read as the body."""
    visit = Visit(signed(keys=Credentials("test", "test"), headers=expect))
    assert ((b"connection", b"close") in visit.sent[0]["headers"]) == closes


def test_an_error_of_a_json_service_is_json() -> None:
    visit = Visit(signed("states", keys=Credentials("test", "test"), headers={"x-amz-target": "AWSStepFunctions.X"}))
    assert json.loads(visit.answer)["__type"] == "UnrecognizedClientException"
