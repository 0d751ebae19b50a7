import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

Wrap = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def app(load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("CONFIDENCE_THRESHOLD", "0.93")
    return load("filter_inferences")


def event(inferences: Any) -> dict[str, Any]:
    return {"s3_bucket": "photos", "s3_key": "a.png", "image_data": "", "inferences": inferences}


def test_an_inference_above_the_threshold_passes_unchanged(app: ModuleType, wrap: Wrap) -> None:
    assert app.lambda_handler(wrap(event([0.02, 0.98])), None) == {"statusCode": 200, "body": event([0.02, 0.98])}


def test_inferences_may_be_a_json_string(app: ModuleType, wrap: Wrap) -> None:
    assert app.lambda_handler(wrap(event(json.dumps([0.02, 0.98]))), None)["body"]["inferences"] == [0.02, 0.98]


def test_an_inference_at_the_threshold_passes(app: ModuleType) -> None:
    app.lambda_handler(event([0.93, 0.07]), None)


@pytest.mark.parametrize(
    "inferences", [[0.9299, 0.0701], [0.5, 0.5], [0.0, 0.0], "[0.6, 0.4]", [0.4, 0.3, 0.3], [float("nan")]]
)
def test_an_inference_below_the_threshold_fails(app: ModuleType, inferences: Any) -> None:
    with pytest.raises(app.ThresholdConfidenceNotMetError, match=r"^THRESHOLD_CONFIDENCE_NOT_MET: best .* < 0\.930$"):
        app.lambda_handler(event(inferences), None)


def test_the_threshold_comes_from_the_environment(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIDENCE_THRESHOLD", "0.4")
    app.lambda_handler(event([0.5, 0.5]), None)


@pytest.mark.parametrize("inferences", [None, [], "", "[]"])
def test_missing_inferences_are_an_invalid_event(app: ModuleType, inferences: Any) -> None:
    with pytest.raises(app.InvalidEventError, match="needs inferences"):
        app.lambda_handler(event(inferences), None)
