import asyncio
import json
from typing import Any

import pytest

from localcloud import server


def scope(service: str | None, method: str = "POST") -> dict[str, Any]:
    """A request, signed for a service or not at all."""
    credential = f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host"
    headers = [(b"host", b"127.0.0.1")] + ([(b"authorization", credential.encode())] if service else [])
    return {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": headers}


class Recorder:
    """Stands for an ASGI application, or for the thread that saves; remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.problem = ""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.seen.append(scope)

    def note(self, method: str) -> None:
        self.seen.append(method)


class Composed:
    """The composed application between recorders."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sagemaker, self.ministack, self.saver = Recorder(), Recorder(), Recorder()
        monkeypatch.setattr(server, "ministack", self.ministack)
        self._application = server.compose(self.sagemaker, self.saver)  # type: ignore[arg-type]

    def request(self, scope: dict[str, Any]) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self._application(scope, None, send))  # type: ignore[arg-type]
        return sent


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> Composed:
    return Composed(monkeypatch)


@pytest.mark.parametrize("service", ["s3", "states", "sagemaker", None])
def test_the_signature_names_the_service(service: str | None) -> None:
    assert server.signed_service(scope(service)) == (service or "")


def test_sagemaker_gets_its_requests(composed: Composed) -> None:
    composed.request(scope("sagemaker"))
    assert (len(composed.sagemaker.seen), composed.ministack.seen, composed.saver.seen) == (1, [], [])


@pytest.mark.parametrize("service", ["s3", "states", "cloudcontrolapi", None])
def test_ministack_gets_all_others(composed: Composed, service: str | None) -> None:
    composed.request(scope(service, "PUT"))
    assert (composed.sagemaker.seen, len(composed.ministack.seen), composed.saver.seen) == ([], 1, ["PUT"])


def test_requests_count_as_received_over_tls(composed: Composed) -> None:
    composed.request(scope("s3"))
    assert (b"x-forwarded-proto", b"https") in composed.ministack.seen[0]["headers"]


def test_life_events_go_to_ministack_as_they_are(composed: Composed) -> None:
    composed.request({"type": "lifespan"})
    assert composed.ministack.seen == [{"type": "lifespan"}]
    assert composed.saver.seen == []


def test_an_absent_service_is_refused_by_name(composed: Composed) -> None:
    start, body = composed.request(scope("dynamodb"))
    assert start["status"] == 400
    assert json.loads(body["body"])["message"] == "The local cloud does not emulate dynamodb."
    assert composed.ministack.seen == []


def test_a_change_is_refused_while_the_state_cannot_be_saved(composed: Composed) -> None:
    composed.saver.problem = "No space left on device."
    start, body = composed.request(scope("states", "POST"))
    assert start["status"] == 503
    assert json.loads(body["body"]) == {"__type": "ServiceUnavailable", "message": "No space left on device."}
    form = scope("iam", "POST")
    form["headers"].append((b"content-type", b"application/x-www-form-urlencoded; charset=utf-8"))
    _, body = composed.request(form)
    assert b"<Message>No space left on device.</Message>" in body["body"]
    assert composed.ministack.seen == []


READS = [
    ("states", "POST", b"AWSStepFunctions.DescribeExecution"),
    ("logs", "POST", b"Logs_20140328.FilterLogEvents"),
    ("lambda", "GET", b""),
    ("s3", "PUT", b""),
    ("sts", "POST", b""),
]


@pytest.mark.parametrize(("service", "method", "target"), READS)
def test_what_changes_nothing_that_is_unsaved_is_answered(
    composed: Composed, service: str, method: str, target: bytes
) -> None:
    composed.saver.problem = "No space left on device."
    request = scope(service, method)
    request["headers"].append((b"x-amz-target", target))
    composed.request(request)
    assert len(composed.ministack.seen) == 1
