"""S3 and SageMaker that answer anything: botocore checks and signs each request, and none is sent."""

import io
import json
import random
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import ReadTimeoutError as BodyTimeoutError

from drill.odd_events import PNG

URL = "https://aws.invalid"
AnswerOf = Callable[[random.Random], AWSResponse]
ONCE = Config(retries={"total_max_attempts": 1}, region_name="us-east-1")  # waiting between attempts takes seconds


class Body(io.BytesIO):
    """A body as urllib3 hands it out; may break when it is read."""

    def __init__(self, content: bytes, error: Exception | None = None) -> None:
        super().__init__(content)
        self.error = error

    def read(self, size: int | None = -1, /, **_: Any) -> bytes:
        if self.error:
            raise self.error
        return super().read(size)

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def answer(status: int, content: bytes, headers: dict[str, str] | None = None) -> AWSResponse:
    all_headers = HTTPHeaders.from_dict({"Content-Length": str(len(content)), **(headers or {})})
    return AWSResponse(URL, status, all_headers, Body(content))


def breaks(content: bytes, error: Exception | None, length: int) -> AWSResponse:
    """Return an answer whose body ends early or fails while it is read."""
    return AWSResponse(URL, 200, HTTPHeaders.from_dict({"Content-Length": str(length)}), Body(content, error))


# S3 ----------------------------------------------------------------------------------------------------------

S3_ERRORS = (
    *(
        (404, "NoSuchKey"),
        (404, "NoSuchBucket"),
        (404, "NoSuchVersion"),
        (405, "MethodNotAllowed"),
        (403, "AccessDenied"),
    ),
    *((403, "InvalidObjectState"), (403, "SignatureDoesNotMatch"), (400, "InvalidArgument"), (400, "KeyTooLongError")),
    *((400, "ExpiredToken"), (400, "KMS.DisabledException"), (503, "SlowDown"), (500, "InternalError"), (429, "Busy")),
    *((418, "Teapot"), (301, "PermanentRedirect")),
)


def s3_answer(rng: random.Random) -> AWSResponse:
    """Answer GetObject: a photo of any size, a refusal, or silence."""
    kind = rng.random()
    if kind < 0.6:
        return answer(
            200, PNG * rng.choice((0, 1, 1, 1, 1, 20_000)), {"x-amz-version-id": "v1"} if kind < 0.4 else None
        )
    if kind < 0.65:
        return breaks(b"", None, 6 * 1024 * 1024 + 1)  # too large; the body is never read
    if kind < 0.7:
        error = rng.choice((None, ProtocolError("broken"), BodyTimeoutError(None, URL, "silent")))  # type: ignore[arg-type]
        return breaks(b"half", error, 8)
    if kind < 0.75:
        raise_silence(rng)
    status, code = rng.choice(S3_ERRORS)
    return answer(status, f"<Error><Code>{code}</Code><Message>as ordered</Message></Error>".encode())


def raise_silence(rng: random.Random) -> None:
    raise rng.choice((EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError))(endpoint_url=URL)


# SageMaker ---------------------------------------------------------------------------------------------------

INFERENCES = (
    *("[0.97, 0.03]", "[0.97, 0.03]", "[0.97, 0.03]", "[0.97, 0.03]", "[0.97, 0.03]", "[0.97, 0.03]", "[0.5, 0.5]"),
    *(
        "[0.97, 0.03]",
        "[0.97, 0.03]",
        "[1, 0]",
        "[0.2, 0.2, 0.6]",
        "",
        "{}",
        "null",
        "[]",
        "[1.0]",
        "[2, 0]",
        "[NaN, 0]",
    ),
    *("[true, false]", '"[0.9, 0.1]"', '{"predictions": [0.9, 0.1]}', "[0.9, 0.1", "[1e999, 0]", "\xff", "[" * 50_000),
    *("[" + "9" * 5000 + ", 0]", "<html>", '["\\ud800", 0.5]', "x" * 300_000),
)
NOT_FOUND = "Endpoint drill of account 1 not found."
SAGEMAKER_ERRORS = (
    (400, "ValidationError", NOT_FOUND),
    *((400, "ValidationError", NOT_FOUND), (400, "ValidationError", "odd")),
    *((403, "AccessDeniedException", "not authorized"), (403, "ExpiredTokenException", "expired")),
    *((400, "ThrottlingException", "later"), (503, "ServiceUnavailable", "later"), (500, "InternalFailure", "later")),
    *(
        (429, "ModelNotReadyException", "later"),
        (530, "InternalDependencyException", "later"),
        (413, "Odd", "too large"),
    ),
)


def sagemaker_answer(rng: random.Random) -> AWSResponse:
    """Answer InvokeEndpoint: with or without probabilities, a refusal of SageMaker or of the container, or silence."""
    kind = rng.random()
    if kind < 0.6:
        return answer(200, rng.choice(INFERENCES).encode("latin-1"), {"Content-Type": "application/json"})
    if kind < 0.65:
        return breaks(b"[0.9", rng.choice((None, ProtocolError("broken"))), 10)
    if kind < 0.7:
        raise_silence(rng)
    if kind < 0.85:
        status, code, message = rng.choice(SAGEMAKER_ERRORS)
        return answer(status, json.dumps({"message": message}).encode(), {"x-amzn-errortype": code})
    refusal = {"OriginalStatusCode": rng.choice((400, 404, 413, 415, 429, 500)), "OriginalMessage": "\ud800" * 2000}
    return answer(424, json.dumps({"message": "m", **refusal}).encode(), {"x-amzn-errortype": "ModelError"})


# Clients -----------------------------------------------------------------------------------------------------


def replace_clients(app: ModuleType, rng: Callable[[], random.Random]) -> None:
    """Give a function clients whose requests are answered here; `rng` returns the current source of randomness."""
    for name, service, operation, answer_of in (
        ("s3", "s3", "GetObject", s3_answer),
        ("runtime", "sagemaker-runtime", "InvokeEndpoint", sagemaker_answer),
    ):
        if hasattr(app, name):
            client = boto3.client(service, config=ONCE)  # type: ignore[call-overload]
            client.meta.events.register(f"before-send.{service}.{operation}", answering(answer_of, rng))
            setattr(app, name, client)


def answering(answer_of: AnswerOf, rng: Callable[[], random.Random]) -> Callable[..., AWSResponse]:
    def send(**_: Any) -> AWSResponse:
        return answer_of(rng())

    return send
