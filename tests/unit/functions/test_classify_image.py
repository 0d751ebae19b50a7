import base64
import io
import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

PNG = b"\x89PNG\r\n\x1a\n and the rest"
Wrap = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def app(load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("ENDPOINT_NAME", "scones")
    return load("classify_image")


@pytest.fixture
def endpoint(app: ModuleType) -> Iterator[Stubber]:
    with Stubber(app.runtime) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def request(image: bytes = PNG, content_type: str = "image/png", inference_id: Any = "images/a.png") -> dict[str, Any]:
    return {
        "EndpointName": "scones",
        "ContentType": content_type,
        "Accept": "application/json",
        "InferenceId": inference_id,
        "Body": image,
    }


def answer(probabilities: list[float]) -> dict[str, Any]:
    body = json.dumps(probabilities).encode()
    return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ContentType": "application/json"}


def event(image: bytes = PNG, key: str = "images/a.png") -> dict[str, Any]:
    return {"s3_bucket": "photos", "s3_key": key, "image_data": base64.b64encode(image).decode(), "inferences": []}


def test_the_answer_has_the_probabilities_and_not_the_photo(app: ModuleType, endpoint: Stubber, wrap: Wrap) -> None:
    endpoint.add_response("invoke_endpoint", answer([0.9, 0.1]), request())
    result = app.lambda_handler(wrap(event()), None)
    body = {"s3_bucket": "photos", "s3_key": "images/a.png", "image_data": "", "inferences": [0.9, 0.1]}
    assert result == {"statusCode": 200, "body": body}


@pytest.mark.parametrize(
    ("image", "content_type"),
    [(PNG, "image/png"), (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"), (b"GIF89a", "application/x-image")],
)
def test_the_content_type_comes_from_the_bytes(
    app: ModuleType, endpoint: Stubber, image: bytes, content_type: str
) -> None:
    endpoint.add_response("invoke_endpoint", answer([1.0, 0.0]), request(image, content_type))
    app.lambda_handler(event(image), None)


def test_a_reference_is_read_at_its_version(app: ModuleType, endpoint: Stubber, bucket: Any) -> None:
    version = bucket.put_object(Key="images/a.png", Body=PNG + b"1").version_id
    bucket.put_object(Key="images/a.png", Body=b"another photo")
    endpoint.add_response("invoke_endpoint", answer([1.0, 0.0]), request(PNG + b"1"))
    app.lambda_handler({**event(), "image_data": "", "s3_version_id": version}, None)


def test_the_inference_id_is_ascii_and_at_most_64_characters(app: ModuleType, endpoint: Stubber) -> None:
    key = f"images/{'x' * 80}/fahrräder.png"
    endpoint.add_response("invoke_endpoint", answer([1.0, 0.0]), request(inference_id=ANY))
    sent: dict[str, Any] = {}
    app.runtime.meta.events.register("provide-client-params.*.InvokeEndpoint", lambda params, **_: sent.update(params))
    app.lambda_handler(event(key=key), None)
    assert len(sent["InferenceId"]) == 64
    assert sent["InferenceId"].isascii()
    assert sent["InferenceId"].endswith("x/fahrr%C3%A4der.png")


def test_a_refused_photo_is_an_invalid_image(app: ModuleType, endpoint: Stubber) -> None:
    refusal = {"OriginalStatusCode": 400, "OriginalMessage": "not an image"}
    endpoint.add_client_error("invoke_endpoint", "ModelError", "m", 424, modeled_fields=refusal)
    with pytest.raises(app.InvalidImageError, match=r"refused images/a\.png: not an image"):
        app.lambda_handler(event(), None)


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ServiceUnavailable", "InternalFailure", "ModelNotReadyException"]
)
def test_a_busy_endpoint_is_unavailable(app: ModuleType, endpoint: Stubber, code: str) -> None:
    endpoint.add_client_error("invoke_endpoint", code, "later", 503)
    with pytest.raises(app.EndpointUnavailableError):
        app.lambda_handler(event(), None)


def test_a_failing_container_is_unavailable(app: ModuleType, endpoint: Stubber) -> None:
    failure = {"OriginalStatusCode": 500, "OriginalMessage": "out of memory"}
    endpoint.add_client_error("invoke_endpoint", "ModelError", "m", 424, modeled_fields=failure)
    with pytest.raises(app.EndpointUnavailableError, match="ModelError"):
        app.lambda_handler(event(), None)


def test_a_read_timeout_is_unavailable(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def invoke_endpoint(self, **_: Any) -> None:
            raise ReadTimeoutError(endpoint_url="https://runtime")

    monkeypatch.setattr(app, "runtime", Silent())
    with pytest.raises(app.EndpointUnavailableError, match="Read timeout"):
        app.lambda_handler(event(), None)


@pytest.mark.parametrize(
    ("code", "status", "message", "error"),
    [
        ("ValidationError", 400, "Endpoint scones of account 1 not found.", "EndpointNotFoundError"),
        ("ValidationError", 400, "1 validation error detected", "InvalidImageError"),
        ("AccessDeniedException", 403, "not authorized to perform: sagemaker:InvokeEndpoint", "AccessDeniedError"),
        ("ExpiredTokenException", 403, "expired", "AccessDeniedError"),
        ("TooManyRequestsException", 429, "later", "EndpointUnavailableError"),
        ("Unknown", 500, "failed", "EndpointUnavailableError"),
        ("Unknown", 413, "too large", "InvalidImageError"),
    ],
)
def test_each_refusal_of_sagemaker_has_a_name(
    app: ModuleType, endpoint: Stubber, code: str, status: int, message: str, error: str
) -> None:
    endpoint.add_client_error("invoke_endpoint", code, message, status)
    with pytest.raises(getattr(app, error), match=message):
        app.lambda_handler(event(), None)


@pytest.mark.parametrize("status", [408, 429, 500, 507])
def test_a_busy_container_is_unavailable(app: ModuleType, endpoint: Stubber, status: int) -> None:
    busy = {"OriginalStatusCode": status, "OriginalMessage": "busy \ud800" + "x" * 5000}
    endpoint.add_client_error("invoke_endpoint", "ModelError", "m", 424, modeled_fields=busy)
    with pytest.raises(app.EndpointUnavailableError, match="ModelError: busy") as caught:
        app.lambda_handler(event(), None)
    assert len(str(caught.value).encode()) < 1100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "{}",
        "[0.5, 0.5",
        "[]",
        "[1.0]",
        "[2, 0]",
        "[true, false]",
        "[NaN, 0.5]",
        "[1e999, 0]",
        "[" * 99999,
    ],
)
def test_an_answer_without_probabilities_has_a_name(app: ModuleType, endpoint: Stubber, text: str) -> None:
    body = {"Body": StreamingBody(io.BytesIO(text.encode()), len(text)), "ContentType": "application/json"}
    endpoint.add_response("invoke_endpoint", body, request())
    with pytest.raises(app.InvalidInferencesError, match="The endpoint answered no"):
        app.lambda_handler(event(), None)


def test_image_data_that_is_not_base64_is_an_invalid_image(app: ModuleType) -> None:
    with pytest.raises(app.InvalidImageError, match="not base64"):
        app.lambda_handler({**event(), "image_data": "no base64!"}, None)


def test_an_event_without_a_key_is_refused(app: ModuleType) -> None:
    with pytest.raises(app.InvalidEventError, match="needs s3_bucket and s3_key"):
        app.lambda_handler({"image_data": "aaaa"}, None)


@pytest.mark.parametrize("image_data", [5, True, ["aaaa"], {"data": "aaaa"}])
def test_image_data_that_is_no_text_is_an_invalid_event(app: ModuleType, image_data: Any) -> None:
    with pytest.raises(app.InvalidEventError, match="image_data must be text in base64"):
        app.lambda_handler({**event(), "image_data": image_data}, None)


@pytest.mark.parametrize("version", ["", 5, True, [], "\ud800", "v" * 1025])
def test_a_version_that_s3_cannot_have_is_an_invalid_event(app: ModuleType, version: Any) -> None:
    with pytest.raises(app.InvalidEventError, match="s3_version_id must be the id of a version"):
        app.lambda_handler({**event(), "image_data": "", "s3_version_id": version}, None)


def test_a_version_that_was_deleted_is_not_found(app: ModuleType, bucket: Any) -> None:
    version = bucket.put_object(Key="images/a.png", Body=PNG).version_id
    bucket.put_object(Key="images/a.png", Body=b"another photo")
    bucket.Object("images/a.png").Version(version).delete()
    with pytest.raises(app.ImageNotFoundError, match=r"s3://photos/images/a\.png does not exist"):
        app.lambda_handler({**event(), "image_data": "", "s3_version_id": version}, None)


def test_an_empty_photo_is_an_invalid_image(app: ModuleType, bucket: Any) -> None:
    bucket.put_object(Key="images/a.png", Body=b"")
    with pytest.raises(app.InvalidImageError, match=r"s3://photos/images/a\.png is empty"):
        app.lambda_handler({**event(), "image_data": ""}, None)


def test_a_photo_that_became_too_large_is_refused(app: ModuleType, bucket: Any) -> None:
    bucket.put_object(Key="images/a.png", Body=b"x" * (app.SIZE_LIMIT + 1))
    with pytest.raises(app.ImageTooLargeError, match="has 6,291,457 bytes; at most 6,291,456"):
        app.lambda_handler({**event(), "image_data": ""}, None)


def test_a_lone_surrogate_in_the_key_is_an_invalid_event(app: ModuleType) -> None:
    with pytest.raises(app.InvalidEventError, match="needs s3_bucket and s3_key") as caught:
        app.lambda_handler(event(key="\ud800.png"), None)
    str(caught.value).encode()
