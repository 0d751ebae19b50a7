"""Bodies, headers and connections: what is over a limit or damaged is refused."""

import asyncio
import gzip
from typing import Any

import pytest
from botocore.credentials import Credentials

from localcloud import front_door
from localcloud.front_door import BODY_LIMIT, BODY_LIMITS, HEADER_LIMIT, FrontDoor
from tests.unit.localcloud.front_door.visits import PORT, Visit, check_refused, signed, with_header


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
