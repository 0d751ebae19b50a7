"""Contracts of what classifies uploads: its state machine, queue, function, and the names that training knows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.unit.lambda_functions import WORKFLOW, error_classes, function
from tests.unit.test_batch_definition import EXPRESS_SECONDS, next_states, photo_states
from training import config, options
from training.executions import BELOW_THRESHOLD

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "statemachine/upload_classification.asl.json").read_text()
NEW_ACCOUNT = 10  # functions at once

State = dict[str, Any]


@pytest.fixture(scope="module")
def photos() -> State:
    """Return the state that classifies the photos of one batch, the only one."""
    (state,) = json.loads(TEXT)["States"].values()
    found: State = state
    return found


@pytest.fixture(scope="module")
def template() -> State:
    parsed: State = yaml_parse((ROOT / "template.yaml").read_text())
    return parsed


@pytest.fixture(scope="module")
def resources(template: State) -> State:
    return {name: resource.get("Properties", {}) for name, resource in template["Resources"].items()}


def test_a_photo_is_classified_as_in_a_batch(photos: State) -> None:
    batch = json.loads((ROOT / "statemachine/batch_classification.asl.json").read_text())
    same = json.loads(json.dumps(photo_states(batch, "ClassifyPrefix")).replace("OfPrefix", ""))
    assert photos["ItemProcessor"]["States"] == same
    (of_batch,) = batch["States"]["ClassifyPrefix"]["ItemProcessor"]["States"].values()
    assert photos["ItemSelector"] | {"classes": ""} == of_batch["ItemSelector"] | {"classes": ""}
    assert photos["ItemProcessor"]["StartAt"] + "OfPrefix" == of_batch["ItemProcessor"]["StartAt"]


def test_every_next_exists(photos: State) -> None:
    states = photos["ItemProcessor"]["States"]
    assert set().union(*map(next_states, states.values())) == set(states) - {photos["ItemProcessor"]["StartAt"]}


def test_substitutions_match_both_ways(resources: State) -> None:
    given = resources["uploadClassification"]["DefinitionSubstitutions"]
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == set(given)


def test_each_part_ends_before_what_waits_for_it(photos: State, resources: State) -> None:
    machine = json.loads(TEXT)["TimeoutSeconds"]
    calls = [state["TimeoutSeconds"] for state in photos["ItemProcessor"]["States"].values() if "Resource" in state]
    app = (ROOT / "functions/classify_uploads/app.py").read_text()
    (read_timeout,) = re.findall(r"read_timeout=(\d+), retries={\"mode\"", app)
    timeout, window = (
        resources["classifyUploads"]["Timeout"],
        resources["uploadBatches"]["MaximumBatchingWindowInSeconds"],
    )
    assert max(calls) < machine < int(read_timeout) < timeout
    assert machine < EXPRESS_SECONDS
    assert resources["uploadQueue"]["VisibilityTimeout"] >= 6 * timeout + window


def test_the_default_concurrency_fits_a_new_account(photos: State, template: State) -> None:
    batches = template["Parameters"]["UploadConcurrency"]["Default"]
    assert batches * (1 + photos["MaxConcurrency"]) < NEW_ACCOUNT


def test_a_batch_has_as_many_messages_as_put_events_takes(resources: State) -> None:
    assert resources["uploadBatches"]["BatchSize"] == 10


def test_the_dead_letters_outlive_the_queue(resources: State) -> None:
    letters, queue = resources["uploadDeadLetters"], resources["uploadQueue"]
    assert letters["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]
    dead = {"Fn::GetAtt": ["uploadDeadLetters", "Arn"]}
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == dead
    assert [target["DeadLetterConfig"]["Arn"] for target in resources["uploadRule"]["Targets"]] == [dead]


def test_without_the_parameter_nothing_of_it_exists(template: State, resources: State) -> None:
    assert template["Parameters"]["ClassifyUploads"]["Default"] == "false"
    conditional = {name for name, one in template["Resources"].items() if one.get("Condition") == "StartsOnUpload"}
    uploads = {name for name in resources if "upload" in name.lower()}
    assert conditional == uploads and len(uploads) == 8
    assert resources["bucket"]["NotificationConfiguration"]["Fn::If"][0] == "StartsOnUpload"


def test_the_rule_takes_photos_that_are_uploaded_and_none_that_run_py_stages(resources: State) -> None:
    pattern = resources["uploadRule"]["EventPattern"]
    assert pattern["detail-type"] == ["Object Created"]
    ((filtered,),) = pattern["detail"]["object"].values()
    assert filtered == {"prefix": f"{config.INCOMING_PREFIX}/"}
    written = {config.image_key(split, "a.png") for split in config.SPLITS} | {
        f"{prefix}/a" for prefix in (config.LIST_PREFIX, config.CODE_PREFIX, config.MODEL_PREFIX, config.VERDICT_PREFIX)
    }
    assert not [key for key in written if key.startswith(filtered["prefix"])]


def test_each_error_of_the_functions_lies_in_the_photo_or_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    app = function("classify_uploads", monkeypatch)
    declared = {error for folder in WORKFLOW for error in error_classes(folder)}
    assert declared - app.PHOTO_ERRORS == {
        "AccessDeniedError",
        "EndpointNotFoundError",
        "EndpointUnavailableError",
        "ImageUnavailableError",
        "InvalidInferencesError",
        BELOW_THRESHOLD,
    }
    schema = json.loads((ROOT / "events/schemas/photo_classified.json").read_text())
    assert set(schema["properties"]["detail"]["properties"]["error"]["enum"]) == app.PHOTO_ERRORS <= declared


def test_the_schema_s_fields_are_those_of_a_verdict(photos: State, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = json.loads((ROOT / "events/schemas/photo_classified.json").read_text())
    ends = [set(state["Output"]) for state in photos["ItemProcessor"]["States"].values() if state.get("End")]
    added = {"s3_bucket", "uploaded", "sequencer", "verdict", "verdict_key"}
    assert set(schema["properties"]["detail"]["properties"]) == set().union(added, *ends)
    upload = function("classify_uploads", monkeypatch).Upload("b", "incoming/a", "v", "e", "2026-11-21T00:00:00Z", "")
    assert upload.verdict_key.startswith(f"{config.VERDICT_PREFIX}/uploads/date=2026-11-21/")


@pytest.mark.parametrize("value", ["", ",".join(options.DEFAULT_CLASSES), "a,b,c"])
def test_classes_are_names_with_commas(template: State, value: str) -> None:
    assert re.fullmatch(template["Parameters"]["UploadClasses"]["AllowedPattern"], value)


@pytest.mark.parametrize("value", ["bicycle", "bicycle,", ",", "a,,b"])
def test_one_class_or_an_empty_one_is_refused(template: State, value: str) -> None:
    assert not re.fullmatch(template["Parameters"]["UploadClasses"]["AllowedPattern"], value)
