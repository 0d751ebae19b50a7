import json
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from localcloud.corrections.embedded_metrics import metrics_of

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
    "inferences", [[0.9299, 0.0701], [0.5, 0.5], [0.0, 0.0], "[0.6, 0.4]", [0.4, 0.3, 0.3], [0, 0.5]]
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


@pytest.mark.parametrize(
    "inferences",
    [
        [2],
        [True],
        [0.99],  # of one class only
        [2, 0.1],
        [-0.1, 0.99],
        [True, False],
        [0.99, None],
        ["0.99", "0.01"],
        [[0.99, 0.01]],
        [float("inf"), 0],
        [float("nan"), 0.99],
        [10**400, 0],
        [10**5000, 0],
        "[0.99, NaN]",
        "[0.99, 1e999]",
        "no list",
        "[" * 100_000,
        "0.99",
        {"0": 0.99, "1": 0.01},
        0.99,
        True,
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_inferences_that_are_no_probabilities_are_an_invalid_event(app: ModuleType, inferences: Any) -> None:
    with pytest.raises(app.InvalidEventError, match="needs inferences, a number from 0 to 1 for each") as caught:
        app.lambda_handler(event(inferences), None)
    assert len(str(caught.value)) < 300


def test_the_photo_need_not_be_named(app: ModuleType) -> None:
    body = app.lambda_handler({"inferences": [0.98, 0.02]}, None)["body"]
    assert body == {"s3_bucket": None, "s3_key": None, "image_data": "", "inferences": [0.98, 0.02]}


@pytest.mark.parametrize("s3_key", ["\ud800", 5, ["a.png"], "k" * 1025])
def test_a_key_that_cannot_be_answered_is_an_invalid_event(app: ModuleType, s3_key: Any) -> None:
    """Lambda's runtime encodes an answer in UTF-8 after its error handling: a lone surrogate ends the process."""
    with pytest.raises(app.InvalidEventError, match="s3_bucket and s3_key must be text") as caught:
        app.lambda_handler({**event([0.98, 0.02]), "s3_key": s3_key}, None)
    str(caught.value).encode()


def test_a_lone_surrogate_where_nothing_is_read_does_not_matter(app: ModuleType) -> None:
    assert app.lambda_handler({**event([0.98, 0.02]), "\ud800": "\udfff"}, None)["body"] == event([0.98, 0.02])


@pytest.mark.parametrize(("inferences", "refused"), [([0.97, 0.03], 0), ([0.4, 0.6], 1)])
def test_a_namespace_makes_the_log_line_metrics(
    app: ModuleType,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    inferences: list[float],
    refused: int,
) -> None:
    monkeypatch.setenv("METRICS_NAMESPACE", "scones/s")
    caplog.set_level("INFO")
    with suppress(app.ThresholdConfidenceNotMetError):
        app.lambda_handler({"inferences": inferences}, None)
    (line,) = (record for record in caplog.records if record.message == "filtered")
    document = {name: getattr(line, name) for name in ("_aws", "Confidence", "Refused")}
    names = {(one.namespace, one.name, *one.values) for one in metrics_of(json.dumps(document))}
    assert names == {("scones/s", "Confidence", max(inferences)), ("scones/s", "Refused", refused)}


@pytest.mark.parametrize("namespace", [None, ""])
def test_without_a_namespace_there_are_no_metrics(
    app: ModuleType, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, namespace: str | None
) -> None:
    monkeypatch.delenv("METRICS_NAMESPACE", raising=False)
    if namespace is not None:
        monkeypatch.setenv("METRICS_NAMESPACE", namespace)
    caplog.set_level("INFO")
    app.lambda_handler({"inferences": [1, 0]}, None)
    assert not [record for record in caplog.records if hasattr(record, "_aws")]
