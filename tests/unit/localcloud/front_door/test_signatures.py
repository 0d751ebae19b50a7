"""Requests with no signature, a wrong one or one that may be read in two ways."""

import json
from datetime import UTC, datetime, timedelta

import botocore.auth
import pytest
from botocore.credentials import Credentials

from tests.unit.localcloud.front_door.visits import (
    HERE,
    PORT,
    ROOT,
    Visit,
    check_refused,
    presigned,
    scope_of,
    signed,
    with_header,
)


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


def test_an_error_of_a_json_service_is_json() -> None:
    visit = Visit(signed("states", keys=Credentials("test", "test"), headers={"x-amz-target": "AWSStepFunctions.X"}))
    assert json.loads(visit.answer)["__type"] == "UnrecognizedClientException"
