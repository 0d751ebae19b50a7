"""Who is let in, what browsers send, and MiniStack's own pages."""

import asyncio
from typing import Any

import pytest
from botocore.credentials import Credentials

from localcloud import front_door, identity
from localcloud.front_door import FrontDoor
from tests.unit.localcloud.front_door.visits import PORT, Scope, Visit, check_refused, presigned, signed, with_header

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
    "/v20180820/mrap/instances",
    "//evil.example",
]
PAGES_OF_NO_BUCKET = ["/v2/email/identities", "/Execute", "/WriteGetObjectResponse"]


@pytest.mark.parametrize("service", ["s3", "iam", "lambda", "sagemaker", "monitoring"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_ministack_is_refused_whoever_asks(service: str, page: str) -> None:
    check_refused(Visit(signed(service, page)), 403, "AccessDenied")


@pytest.mark.parametrize("page", PAGES_OF_NO_BUCKET)
def test_a_page_that_cannot_be_a_bucket_is_refused(page: str) -> None:
    check_refused(Visit(signed("s3", page)), 400, "InvalidBucketName")
    check_refused(Visit(signed("iam", page)), 403, "AccessDenied")


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
