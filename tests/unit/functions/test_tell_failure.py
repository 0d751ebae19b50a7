import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EVENT = json.loads((Path(__file__).parents[3] / "events/tell_failure.json").read_text())
TOPIC = "arn:aws:sns:us-east-1:000000000000:alerts"


class Sns:
    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []

    def publish(self, **message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def tell(load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Return a function that tells of an execution and returns the message; `changes` replace members of its detail."""
    app, sns = load("tell_failure"), Sns()
    monkeypatch.setattr(app, "sns", sns)
    monkeypatch.setenv("TOPIC_ARN", TOPIC)

    def run(**changes: Any) -> dict[str, str]:
        app.lambda_handler({**EVENT, "detail": {**EVENT["detail"], **changes}}, None)
        return sns.messages[-1]

    return run


def test_a_message_says_what_which_photo_why_and_where(tell: Callable[..., dict[str, str]]) -> None:
    message = tell()
    arn = "arn:aws:states:us-east-1:000000000000:execution:scones-unlimited-imageClassification:one"
    assert message["TopicArn"] == TOPIC
    assert message["Subject"] == "scones-unlimited-imageClassification: FAILED, EndpointNotFoundError"
    assert message["Message"].splitlines() == [
        "What: execution one of scones-unlimited-imageClassification has status FAILED (EndpointNotFoundError).",
        "Photo: s3_bucket scones-unlimited-000000000000-us-east-1, s3_key images/test/a.png",
        "Why: Endpoint scones-unlimited of account 000000000000 not found.",
        f"Look: https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/{arn}",
    ]


def test_a_message_holds_no_image(tell: Callable[..., dict[str, str]]) -> None:
    text = json.dumps({"s3_key": "images/a.png", "image_data": "iVBORw0KGgo="})
    assert "iVBOR" not in tell(input=text)["Message"]


def test_a_batch_is_named_by_its_prefix(tell: Callable[..., dict[str, str]]) -> None:
    message = tell(input='{"prefix": "images/test/"}', error="TooManyFailedError", cause="9 of 10 photos")["Message"]
    assert "Photo: prefix images/test/\nWhy: 9 of 10 photos" in message


@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED"])
def test_an_execution_without_an_error_is_told(tell: Callable[..., dict[str, str]], status: str) -> None:
    message = tell(status=status, error=None, cause=None)
    assert message["Subject"].endswith(f": {status}, no error")
    assert "Why: not told" in message["Message"]


@pytest.mark.parametrize("text", [None, "", "[1]", "7", "{", "[" * 99999])
def test_an_input_that_names_no_photo_is_told_too(tell: Callable[..., dict[str, str]], text: Any) -> None:
    assert "Photo: not named by the input" in tell(input=text)["Message"]


def test_a_message_is_as_short_as_sns_demands(tell: Callable[..., dict[str, str]]) -> None:
    key = json.dumps({"s3_key": "é" * 9000})
    message = tell(error="Ü\n" * 200, cause="ß" * 99_000, input=key)
    assert len(message["Subject"]) <= 100 and message["Subject"].isascii() and "\n" not in message["Subject"]
    assert len(message["Message"].encode()) < 10_000


@pytest.mark.parametrize(
    ("partition", "domain"), [("aws-cn", "console.amazonaws.cn"), ("aws-us-gov", "console.amazonaws-us-gov.com")]
)
def test_the_link_leads_to_the_partition_s_console(
    tell: Callable[..., dict[str, str]], partition: str, domain: str
) -> None:
    arn = f"arn:{partition}:states:r:000000000000:execution:m:one"
    assert f"https://r.{domain}/states/home?region=r#" in tell(executionArn=arn)["Message"]


def test_a_message_with_half_a_character_is_sent(tell: Callable[..., dict[str, str]]) -> None:
    message = tell(input='{"s3_key": "\\ud83d.png"}')["Message"]
    assert "Photo: s3_key ?.png" in message.encode().decode()


@pytest.mark.parametrize("changes", [{"name": None}, {"executionArn": "none"}, {"status": ["FAILED"]}])
def test_an_event_without_an_execution_is_refused(tell: Callable[..., dict[str, str]], changes: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="The event does not tell of an execution: ") as caught:
        tell(**changes)
    assert type(caught.value).__name__ == "InvalidEventError"
