"""What all steps share: clients that outlast throttling, and whose a resource is."""

from typing import Any

import boto3
import pytest
from botocore import endpoint
from botocore.awsrequest import AWSResponse, HTTPHeaders

from tests.unit.training.fakes import REGION, Clock
from training.context import Clients


class Raw:
    """A body as urllib3 gives it to botocore."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> list[bytes]:
        return [self._content]


@pytest.fixture
def clients() -> Clients:
    return Clients(boto3.Session("k", "s", region_name=REGION))


@pytest.mark.parametrize(
    "name",
    ["cloudformation", "s3", "sagemaker", "sagemaker_runtime", "lambda_", "stepfunctions", "scheduler", "logs"],
)
def test_every_client_repeats_what_is_throttled(clients: Clients, name: str) -> None:
    retries = getattr(clients, name).meta.config.retries
    assert (retries["mode"], retries["total_max_attempts"]) == ("standard", 8)


def test_a_throttled_start_is_repeated(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    started = b'{"executionArn": "arn", "startDate": 1.0}'
    answers = [(400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}')] * 7 + [(200, started)]
    clock = Clock()
    monkeypatch.setattr(endpoint, "time", clock)

    def answer(request: Any, **_: Any) -> Any:
        status, body = answers.pop(0)
        return AWSResponse(request.url, status, HTTPHeaders(), Raw(body))

    clients.stepfunctions.meta.events.register("before-send.sfn.StartExecution", answer)
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
    assert clients.stepfunctions.start_execution(stateMachineArn=machine)["executionArn"] == "arn"
    assert answers == []
    assert clock.now > 0
