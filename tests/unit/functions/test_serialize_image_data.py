import base64
from collections.abc import Callable
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber

Wrap = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def app(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("serialize_image_data")


def event(key: str) -> dict[str, Any]:
    return {"s3_bucket": "photos", "s3_key": key, "image_data": "", "inferences": []}


def test_a_small_photo_is_put_into_the_state(app: ModuleType, bucket: Any, wrap: Wrap) -> None:
    bucket.put_object(Key="a.png", Body=b"pixels")
    answer = app.lambda_handler(wrap(event("a.png")), None)
    assert answer == {
        "statusCode": 200,
        "body": {**event("a.png"), "image_data": base64.b64encode(b"pixels").decode()},
    }


def test_image_data_and_inferences_are_optional(app: ModuleType, bucket: Any) -> None:
    bucket.put_object(Key="a.png", Body=b"pixels")
    assert app.lambda_handler({"s3_bucket": "photos", "s3_key": "a.png"}, None)["body"]["inferences"] == []


@pytest.mark.parametrize(("excess", "inline"), [(0, True), (1, False)])
def test_a_photo_above_the_budget_is_referenced(app: ModuleType, bucket: Any, excess: int, inline: bool) -> None:
    bucket.put_object(Key="a.png", Body=b"x" * (app.INLINE_BUDGET + excess))
    body = app.lambda_handler(event("a.png"), None)["body"]
    assert bool(body["image_data"]) is inline
    assert ("s3_version_id" in body) is not inline


def test_the_budget_leaves_room_in_a_state_of_step_functions(app: ModuleType) -> None:
    assert len(base64.b64encode(b"x" * app.INLINE_BUDGET)) + 3000 < 262_144


def test_a_reference_names_the_version_that_was_seen(app: ModuleType, bucket: Any) -> None:
    version = bucket.put_object(Key="a.png", Body=b"x" * (app.INLINE_BUDGET + 1)).version_id
    body = app.lambda_handler(event("a.png"), None)["body"]
    assert body == {**event("a.png"), "s3_version_id": version}


def test_a_reference_into_an_unversioned_bucket_has_no_version(app: ModuleType) -> None:
    boto3.resource("s3").create_bucket(Bucket="plain").put_object(Key="a", Body=b"x" * (app.INLINE_BUDGET + 1))
    body = app.lambda_handler({"s3_bucket": "plain", "s3_key": "a"}, None)["body"]
    assert set(body) == {"s3_bucket", "s3_key", "image_data", "inferences"}


def test_a_photo_of_exactly_the_endpoint_s_limit_passes(app: ModuleType, bucket: Any) -> None:
    bucket.put_object(Key="a.png", Body=b"x" * app.SIZE_LIMIT)
    assert "s3_version_id" in app.lambda_handler(event("a.png"), None)["body"]


def test_a_photo_above_the_endpoint_s_limit_is_refused(app: ModuleType, bucket: Any) -> None:
    bucket.put_object(Key="a.png", Body=b"x" * (app.SIZE_LIMIT + 1))
    with pytest.raises(app.ImageTooLargeError, match=r"photos/a\.png has 6,291,457 bytes; at most 6,291,456"):
        app.lambda_handler(event("a.png"), None)


@pytest.mark.parametrize(
    "where", [{"s3_bucket": "photos", "s3_key": "gone.png"}, {"s3_bucket": "gone", "s3_key": "a.png"}]
)
def test_a_missing_photo_is_named(app: ModuleType, bucket: Any, where: dict[str, str]) -> None:
    with pytest.raises(app.ImageNotFoundError, match=rf"s3://{where['s3_bucket']}/{where['s3_key']} does not exist"):
        app.lambda_handler(where, None)


@pytest.mark.parametrize(
    "incomplete", [{}, {"s3_bucket": "photos"}, {"s3_key": "a.png"}, {"s3_bucket": "", "s3_key": "a"}]
)
def test_an_event_without_a_photo_is_refused(app: ModuleType, incomplete: dict[str, str]) -> None:
    with pytest.raises(app.InvalidEventError, match="needs s3_bucket and s3_key"):
        app.lambda_handler(incomplete, None)


@pytest.mark.parametrize(
    "where",
    [
        {"s3_bucket": 5, "s3_key": "a.png"},
        {"s3_bucket": "photos", "s3_key": ["a.png"]},
        {"s3_bucket": "photos", "s3_key": {}},
        {"s3_bucket": "photos", "s3_key": True},
        {"s3_bucket": "photos", "s3_key": 10**5000},
        {"s3_bucket": "photos", "s3_key": "\ud800.png"},
        {"s3_bucket": "photos", "s3_key": "k" * 1025},
        {"s3_bucket": "photos", "s3_key": "é" * 513},
        {"s3_bucket": "\ud800", "s3_key": "a.png"},
        {"s3_bucket": "a/b", "s3_key": "a.png"},
        {"s3_bucket": "photos\n", "s3_key": "a.png"},
        {"s3_bucket": "x" * 256, "s3_key": "a.png"},
        {"s3_bucket": "arn:aws:s3:us-east-1:123456789012:accesspoint/photos", "s3_key": "a.png"},
    ],
)
def test_a_place_that_s3_cannot_have_is_an_invalid_event(app: ModuleType, where: dict[str, Any]) -> None:
    with pytest.raises(app.InvalidEventError, match="needs s3_bucket and s3_key") as caught:
        app.lambda_handler(where, None)
    assert len(str(caught.value).encode()) < 400  # Lambda's runtime encodes it: a lone surrogate would end the process


@pytest.mark.parametrize(
    "odd",
    [None, 5, True, [], ["body"], "text", "[]", "{", "[" * 100_000, "9" * 5000, {"body": None}, {"body": ["body"]}],
    ids=lambda value: type(value).__name__,
)
def test_an_event_that_is_no_object_is_invalid(app: ModuleType, odd: Any) -> None:
    with pytest.raises(app.InvalidEventError, match="neither a JSON object nor the text of one"):
        app.lambda_handler(odd, None)


def test_a_body_may_be_nested_deeper_than_python_recurses(app: ModuleType, bucket: Any) -> None:
    bucket.put_object(Key="a.png", Body=b"pixels")
    nested = event("a.png")
    for _ in range(10_000):
        nested = {"body": nested}
    assert app.lambda_handler(nested, None)["body"]["s3_key"] == "a.png"


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDenied", 403, "AccessDeniedError"),
        ("InvalidAccessKeyId", 403, "AccessDeniedError"),
        ("NoSuchVersion", 404, "ImageNotFoundError"),
        ("MethodNotAllowed", 405, "ImageNotFoundError"),
        ("InvalidArgument", 400, "InvalidEventError"),
        ("SlowDown", 503, "ImageUnavailableError"),
        ("InternalError", 500, "ImageUnavailableError"),
        ("TooManyRequests", 429, "ImageUnavailableError"),
        ("PermanentRedirect", 301, "ImageUnavailableError"),
    ],
)
def test_each_refusal_of_s3_has_a_name(app: ModuleType, code: str, status: int, error: str) -> None:
    with Stubber(app.s3) as stubber, pytest.raises(getattr(app, error), match=rf"^s3://photos/a\.png .*{code}"):
        stubber.add_client_error("get_object", code, http_status_code=status)
        app.lambda_handler(event("a.png"), None)


class Unreachable:
    """An S3 whose GetObject, or the reading of its answer, fails."""

    def __init__(self, error: Exception, size: int) -> None:
        self.error, self.size = error, size

    def get_object(self, **_: Any) -> dict[str, Any]:
        if not self.size:
            raise self.error
        return {"ContentLength": self.size, "Body": self}

    def read(self) -> bytes:
        raise self.error


@pytest.mark.parametrize("size", [0, 10])
@pytest.mark.parametrize("error", [EndpointConnectionError, ReadTimeoutError])
def test_an_s3_that_does_not_answer_is_unavailable(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch, error: type[Any], size: int
) -> None:
    monkeypatch.setattr(app, "s3", Unreachable(error(endpoint_url="https://s3"), size))
    with pytest.raises(app.ImageUnavailableError, match=r"s3://photos/a\.png cannot be read now: .*https://s3"):
        app.lambda_handler(event("a.png"), None)
