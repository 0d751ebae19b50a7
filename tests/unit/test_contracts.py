"""Contracts across files: template, state machine, functions, events, training and imports."""

import ast
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.lambda_functions import (
    FUNCTIONS,
    ROOT,
    WORKFLOW,
    camel_case,
    definitions,
    error_classes,
    function,
    retried_errors,
)
from training import config, options
from training.algorithm import images
from training.executions import BELOW_THRESHOLD, event_for

OTHER_EVENTS = {"classify_uploads": {"Records"}, "tell_failure": {"detail"}}  # of SQS and EventBridge

# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html and, for Lambda's own errors,
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
AWS_ERRORS = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "States.Timeout",
}


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((ROOT / "statemachine/image_classification.asl.json").read_text())
    return parsed


def state_of(definition: dict[str, Any], folder: str) -> dict[str, Any]:
    name = camel_case(folder)
    state: dict[str, Any] = definition["States"][name[0].upper() + name[1:]]
    return state


def test_shared_definitions_are_identical_in_all_functions() -> None:
    """Each function deploys alone, so each has its own copy of what they share."""
    copies: dict[str, set[str]] = {}
    for folder in FUNCTIONS:
        for name, source in definitions(folder).items():
            copies.setdefault(name, set()).add(source)
    del copies["lambda_handler"]
    assert {"unwrap", "InvalidEventError", "SIZE_LIMIT"} <= set(copies)
    assert [name for name, sources in copies.items() if len(sources) > 1] == []


@pytest.mark.parametrize("folder", WORKFLOW)
def test_a_function_has_one_stem_everywhere(template: dict[str, Any], definition: dict[str, Any], folder: str) -> None:
    logical_id = camel_case(folder)
    state = logical_id[0].upper() + logical_id[1:]
    function = template["Resources"][logical_id]
    assert function["Type"] == "AWS::Serverless::Function"
    assert function["Properties"]["CodeUri"] == f"functions/{folder}/"
    substitutions = template["Resources"]["imageClassification"]["Properties"]["DefinitionSubstitutions"]
    assert substitutions[f"{state}Arn"] == {"Fn::GetAtt": [logical_id, "Arn"]}
    assert definition["States"][state]["Resource"] == f"${{{state}Arn}}"


def test_substitutions_match_both_ways(template: dict[str, Any]) -> None:
    text = (ROOT / "statemachine/image_classification.asl.json").read_text()
    given = template["Resources"]["imageClassification"]["Properties"]["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(given)


def test_the_state_machine_names_no_resource_by_itself() -> None:
    assert "arn:" not in (ROOT / "statemachine/image_classification.asl.json").read_text()


def test_every_next_exists_and_every_state_is_reached(definition: dict[str, Any]) -> None:
    reached, name = [], definition["StartAt"]
    while name:
        reached.append(name)
        name = definition["States"][name].get("Next")
    assert reached == list(definition["States"])
    assert definition["States"][reached[-1]]["End"] is True


def test_every_task_has_a_timeout_longer_than_its_function_s(
    template: dict[str, Any], definition: dict[str, Any]
) -> None:
    for name, state in definition["States"].items():
        function = template["Resources"][name[0].lower() + name[1:]]
        assert state["TimeoutSeconds"] > function["Properties"]["Timeout"]


@pytest.mark.parametrize("folder", WORKFLOW)
def test_a_state_retries_the_errors_that_may_pass_and_no_other(definition: dict[str, Any], folder: str) -> None:
    transient = {name for name in error_classes(folder) if name.endswith("UnavailableError")}
    retried = retried_errors(state_of(definition, folder))
    assert retried - AWS_ERRORS == transient
    for name in transient:
        assert "the state machine retries" in definitions(folder)[name]


@pytest.mark.parametrize("folder", WORKFLOW)
def test_a_state_s_comment_names_every_error_of_its_function(definition: dict[str, Any], folder: str) -> None:
    state = state_of(definition, folder)
    told = set(re.findall(r"\w+Error\b", state["Comment"]))
    assert told == error_classes(folder)
    _, _, terminal = state["Comment"].partition("Fails ")
    assert set(re.findall(r"\w+Error\b", terminal)) == error_classes(folder) - retried_errors(state)


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_function_raises_every_error_that_it_declares_and_no_other(folder: str) -> None:
    tree = ast.parse((ROOT / "functions" / folder / "app.py").read_text())
    made = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert {name for name in made if name.endswith("Error")} == error_classes(folder)


def test_every_retry_backs_off_with_jitter(definition: dict[str, Any]) -> None:
    for state in definition["States"].values():
        for retry in state.get("Retry", []):
            assert retry["JitterStrategy"] == "FULL"
            assert retry["BackoffRate"] > 1
            assert retry["MaxDelaySeconds"] > 0


def test_an_inference_below_the_threshold_is_neither_retried_nor_caught(definition: dict[str, Any]) -> None:
    assert not {"Retry", "Catch"} & set(definition["States"]["FilterInferences"])
    assert not any("Catch" in state for state in definition["States"].values())


def test_policies_name_no_wildcard_action(template: dict[str, Any]) -> None:
    for name, resource in template["Resources"].items():
        text = json.dumps(resource.get("Properties", {}).get("Policies", []))
        assert "FullAccess" not in text, name
        assert not re.search(r'"Action": \[?"[a-z0-9]*:?\*"', text), name


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("*.json")), ids=lambda path: path.stem)
def test_each_event_names_its_function(path: Path) -> None:
    assert any(path.stem.startswith(folder) for folder in FUNCTIONS)
    needed = OTHER_EVENTS.get(path.stem, {"s3_bucket", "s3_key"})
    assert needed <= set(json.loads(path.read_text()))


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_each_function_has_an_event(folder: str) -> None:
    assert (ROOT / "events" / f"{folder}.json").exists()


@pytest.mark.parametrize("part", ["functions", "training"])
def test_nothing_that_is_deployed_knows_the_local_cloud(part: str) -> None:
    for path in (ROOT / part).rglob("*.py"):
        source = path.read_text()
        assert "localcloud" not in source, path
        assert "AWS_ENDPOINT_URL" not in source, path


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_functions_need_nothing_but_the_runtime(folder: str) -> None:
    tree = ast.parse((ROOT / "functions" / folder / "app.py").read_text())
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    top = {name.split(".")[0] for name in imported}
    assert top <= sys.stdlib_module_names | {"boto3", "botocore"}


# What functions and training both know, because the functions are deployed alone ------------------------------


@pytest.mark.parametrize(
    "s3_key",
    [
        "images/test/plain.png",
        "images/test/a b+c%20&?=#.png",
        "images/test/é ü 自転車.png",
        "images/test/" + "é" * 40,
        "x" * 63,
        "x" * 64,
        "x" * 65,
        "x" * 1024,
        "~/.._-'\"\\",
    ],
)
def test_the_function_sends_the_inference_id_that_training_joins_by(
    s3_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = function("classify_image", monkeypatch)
    sent: list[dict[str, Any]] = []

    class Runtime:
        def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
            sent.append(request)
            return {"Body": io.BytesIO(b"[0.5, 0.5]")}

    monkeypatch.setattr(app, "runtime", Runtime())
    monkeypatch.setenv("ENDPOINT_NAME", "any")
    app.classify_image(b"", s3_key)
    (request,) = sent
    assert request["InferenceId"] == config.inference_id(s3_key)
    assert 1 <= len(request["InferenceId"]) <= 64 and request["InferenceId"].isascii()


def test_the_largest_photo_that_is_staged_travels_inside_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (options.MOST_SIDE, options.MOST_SIDE, 3), dtype=np.uint8)
    photo = io.BytesIO()
    Image.fromarray(noise).save(photo, format="PNG", compress_level=1)
    assert len(photo.getvalue()) <= function("serialize_image_data", monkeypatch).INLINE_BUDGET


def test_the_sizes_that_can_be_chosen_are_those_that_the_algorithm_takes() -> None:
    assert images.SMALLEST_SIDE <= options.LEAST_SIDE <= options.MOST_SIDE == images.LARGEST_SIDE


def test_the_outcome_below_the_threshold_is_the_error_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    app = function("filter_inferences", monkeypatch)
    monkeypatch.setenv("CONFIDENCE_THRESHOLD", "0.9")
    with pytest.raises(Exception) as caught:  # its name is what is tested
        app.lambda_handler({"s3_key": "k", "inferences": [0.5, 0.5]}, None)
    assert type(caught.value).__name__ == BELOW_THRESHOLD


def test_events_of_the_executions_are_what_every_function_reads() -> None:
    for path in (ROOT / "events").glob("*.json"):
        if path.stem in OTHER_EVENTS:
            continue
        assert set(json.loads(path.read_text())) <= set(event_for("bucket", "key")), path


# Other files -----------------------------------------------------------------------------------------------------


def test_the_sample_is_an_archive_of_the_default_classes() -> None:
    from training.dataset.sample import VEHICLES

    assert options.DEFAULT_CLASSES == VEHICLES


def test_ci_runs_make_test() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert "make check" in script
    assert re.search(r"^check: .*\btest\b", makefile, re.MULTILINE)
