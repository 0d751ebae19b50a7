"""What the page tells of an execution follows from its history."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.fakes import make_context
from tests.unit.training.review.scenes import CLASSES, THRESHOLD
from training.executions import BELOW_THRESHOLD, event_for
from training.review.tries import REFUSAL, Tries, shortened, tell

START = datetime(2026, 1, 1, tzinfo=UTC)
PHOTO = "a" * 4096
EVENT = event_for("photos", "images/tries/t.png")
SERIALIZED = {**EVENT, "image_data": PHOTO}


def entered(second: float, name: str, body: Any) -> dict[str, Any]:
    details = {"name": name, "input": json.dumps(body)}
    at = START + timedelta(seconds=second)
    return {"type": "TaskStateEntered", "timestamp": at, "stateEnteredEventDetails": details}


def left(second: float, name: str, body: Any) -> dict[str, Any]:
    details = {"name": name, "output": json.dumps(body)}
    at = START + timedelta(seconds=second)
    return {"type": "TaskStateExited", "timestamp": at, "stateExitedEventDetails": details}


def failed(second: float, error: str, message: str, kind: str = "ExecutionFailed") -> dict[str, Any]:
    member = f"{kind[0].lower()}{kind[1:]}EventDetails"
    details = {"error": error, "cause": json.dumps({"errorMessage": message})}
    return {"type": kind, "timestamp": START + timedelta(seconds=second), member: details}


def classified(probabilities: list[float]) -> list[dict[str, Any]]:
    """Return a history up to the last state."""
    answer = {**EVENT, "inferences": probabilities}
    return [
        {"type": "ExecutionStarted", "timestamp": START, "executionStartedEventDetails": {}},
        entered(0.1, "SerializeImageData", EVENT),
        left(0.3, "SerializeImageData", SERIALIZED),
        entered(0.3, "ClassifyImage", SERIALIZED),
        left(0.8, "ClassifyImage", answer),
        entered(0.8, "FilterInferences", answer),
    ]


def test_it_knows_the_error_of_a_refusal() -> None:
    assert REFUSAL == BELOW_THRESHOLD


def test_a_running_execution_has_states_and_no_verdict() -> None:
    told = tell(classified([0.98, 0.02]), CLASSES, THRESHOLD)
    assert (told["status"], told["verdict"]) == ("running", None)
    assert [(one["name"], one["status"], one["seconds"]) for one in told["states"]] == [
        ("SerializeImageData", "succeeded", pytest.approx(0.2)),
        ("ClassifyImage", "succeeded", pytest.approx(0.5)),
        ("FilterInferences", "running", None),
    ]
    assert told["states"][0]["output"]["image_data"] == f"{PHOTO[:40]}... (4,096 characters)"
    assert json.dumps(told)


def test_an_accepted_photo() -> None:
    answer = {**EVENT, "inferences": [0.98, 0.02]}
    end = {"type": "ExecutionSucceeded", "timestamp": START, "executionSucceededEventDetails": {}}
    verdict = tell([*classified([0.98, 0.02]), left(1, "FilterInferences", answer), end], CLASSES, THRESHOLD)["verdict"]
    assert verdict == {
        "kind": "accepted",
        "class": "bicycle",
        "confidence": 0.98,
        "threshold": THRESHOLD,
        "probabilities": [
            {"class": "bicycle", "probability": 0.98},
            {"class": "motorcycle", "probability": 0.02},
        ],
    }


def test_a_refusal_is_told_as_a_refusal() -> None:
    history = [*classified([0.4, 0.6]), failed(1.0, BELOW_THRESHOLD, "best 0.6 < 0.93")]
    told = tell(history, CLASSES, THRESHOLD)
    assert told["verdict"]["kind"] == "refused"
    assert told["verdict"]["class"] == "motorcycle"
    assert told["states"][-1]["status"] == "failed"
    assert told["states"][-1]["seconds"] == pytest.approx(0.2)


def test_another_error_is_a_failure_with_its_message_and_attempts() -> None:
    history = classified([0.4, 0.6])[:4]
    attempts = [
        failed(1, "EndpointUnavailableError", "busy", "LambdaFunctionFailed"),
        failed(2, "InvalidImageError", "no image", "LambdaFunctionFailed"),
    ]
    told = tell([*history, *attempts, failed(3, "InvalidImageError", "no image")], CLASSES, THRESHOLD)
    assert told["verdict"] == {"kind": "failed", "error": "InvalidImageError", "cause": "no image"}
    assert told["states"][-1]["errors"] == ["EndpointUnavailableError", "InvalidImageError"]


def test_a_time_out_has_no_error_of_its_own() -> None:
    told = tell([*classified([1, 0])[:3], {"type": "ExecutionTimedOut", "timestamp": START}], CLASSES, THRESHOLD)
    assert told["verdict"]["error"] == "timed out"


def test_a_model_of_other_classes_has_numbers_for_names() -> None:
    end = {"type": "ExecutionSucceeded", "timestamp": START, "executionSucceededEventDetails": {}}
    assert tell([*classified([0.1, 0.2, 0.7]), end], CLASSES, 0.5)["verdict"]["class"] == "class 2"


@pytest.mark.parametrize(("document", "shown"), [("", ""), ("{", "{"), ('{"a": [1, "b"]}', {"a": [1, "b"]})])
def test_a_document_is_shown_as_it_is(document: str, shown: Any) -> None:
    assert shortened(document) == shown


class Services:
    """S3 and Step Functions that remember what they were asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def put_object(self, **asked: Any) -> None:
        self.asked.append(asked)

    def start_execution(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return {"executionArn": f"arn:execution:{asked['name']}"}


def test_a_photo_is_uploaded_and_started(tmp_path: Path) -> None:
    services = Services()
    begun = Tries(make_context(tmp_path, s3=services, stepfunctions=services), CLASSES).start(b"\xff\xd8\xff...")
    upload, start = services.asked
    assert upload["Key"] == begun["key"]
    assert begun["key"].endswith(".jpg")
    assert json.loads(start["input"]) == event_for("photos", begun["key"])
    assert start["name"] == begun["execution"]


@pytest.mark.parametrize("name", ["", "x", "try-:x", "try-a/b", "try-ä", "other-1"])
def test_only_a_try_is_described(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a try"):
        Tries(make_context(tmp_path), CLASSES).describe(name)
