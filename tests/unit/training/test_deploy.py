"""The deploy step: whose endpoint it is, how it is created, updated or replaced, and what is measured there."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError
from sagemaker.core.resources import Endpoint

from tests.unit.training.fakes import (
    DATASET,
    MODEL,
    OURS,
    Clock,
    Logs,
    Runtime,
    SageMaker,
    client_error,
    make_context,
    printed,
    refuse,
    tags_of,
)
from training import deploy as step
from training.config import inference_id
from training.context import Context
from training.dataset.index import write_index
from training.deploy import deploy
from training.errors import EndpointError
from training.options import DeployOptions
from training.results import Dataset, Deployment

KEYS = ["images/test/a 1.png", "images/test/b.png", "images/test/c.png", "images/test/d.png"]


@pytest.fixture
def sagemaker() -> SageMaker:
    return SageMaker()


@pytest.fixture
def context(sagemaker: SageMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setattr(step, "POLL_SECONDS", 0.0)
    logs = Logs([f"line {number}" for number in range(2)], "AllTraffic/i-1", "/aws/sagemaker/Endpoints/s")
    return make_context(tmp_path, sagemaker=sagemaker, logs=logs, sagemaker_runtime=Runtime(0.2, 0.8))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Four test images, three of them of class 1, and one training image."""
    keys = ["images/train/t.png", *KEYS]
    for key in keys:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(key.encode())
    index = pd.DataFrame({"split": ["train"] + ["test"] * 4, "s3_key": keys, "label": [0, 1, 1, 0, 1], "row": 0})
    index["filename"] = [Path(key).name for key in keys]
    write_index(index.assign(class_name="motorcycle"), tmp_path)
    return replace(DATASET, directory=str(tmp_path))


def serve(sagemaker: SageMaker, status: str = "InService", tags: list[dict[str, str]] | None = None) -> None:
    """Make the endpoint that an earlier run left."""
    sagemaker.create_endpoint("s", "s-old", OURS if tags is None else tags)
    sagemaker.endpoints["s"]["statuses"] = [status]
    sagemaker.calls.clear()


def test_the_accuracy_is_that_of_all_test_images(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    deployment = deploy(context, dataset, MODEL, DeployOptions(capture_percentage=50))
    (config_name,) = sagemaker.configs
    assert deployment == Deployment("s", config_name, 0.75, 4, 50)
    assert "a 1.png: motorcycle (80.0%), labelled motorcycle" in printed(context)


def test_each_test_image_is_sent_with_its_own_bytes_and_id(context: Context, dataset: Dataset) -> None:
    deploy(context, dataset, MODEL, DeployOptions())
    runtime = context.clients.sagemaker_runtime
    assert isinstance(runtime, Runtime)
    sent = {request["InferenceId"]: request["Body"].decode() for request in runtime.requests}
    assert sent == {inference_id(key): key for key in KEYS}


def test_all_that_is_created_has_the_stack_s_tag(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    deploy(context, dataset, MODEL, DeployOptions("ml.m5.large", 25))
    (model,), (config,) = sagemaker.models.values(), sagemaker.configs.values()
    assert model["PrimaryContainer"] == {"Image": "image", "ModelDataUrl": MODEL.model_data_url}
    assert config["DataCaptureConfig"]["InitialSamplingPercentage"] == 25
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.m5.large"
    assert list(sagemaker.tags.values()) == [OURS] * 3


def test_no_capture_is_a_configuration_without_it(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    assert deploy(context, dataset, MODEL, DeployOptions(capture_percentage=0)).capture_percentage == 0
    (config,) = sagemaker.configs.values()
    assert "DataCaptureConfig" not in config


def test_a_model_that_exists_is_not_created_again(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    sagemaker.create_model(MODEL.training_job_name, OURS, ExecutionRoleArn="r")
    deploy(context, dataset, MODEL, DeployOptions())
    assert len(sagemaker.models) == 1


def test_an_endpoint_in_service_is_updated_in_place(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    serve(sagemaker)
    deployment = deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == ["update"]
    assert sagemaker.endpoints["s"]["EndpointConfigName"] == deployment.endpoint_config_name != "s-old"


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_an_endpoint_that_failed_is_recreated(
    context: Context, dataset: Dataset, sagemaker: SageMaker, status: str
) -> None:
    serve(sagemaker, status)
    deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == ["delete", "create"]


@pytest.mark.parametrize(("tags", "owner"), [([{"Key": "stack", "Value": "s-2"}], "s-2"), ([], "somebody else")])
def test_an_endpoint_of_another_stack_is_left_alone(
    context: Context, dataset: Dataset, sagemaker: SageMaker, tags: list[dict[str, str]], owner: str
) -> None:
    serve(sagemaker, tags=tags)
    with pytest.raises(EndpointError, match=rf"not made by stack s \(but by {owner}\): .*another EndpointName"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == []


def test_an_endpoint_that_does_not_start_shows_its_log(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    sagemaker.next_statuses = ["Creating", "Failed"]
    with pytest.raises(EndpointError, match="s did not come into service: no memory"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert "Last lines of /aws/sagemaker/Endpoints/s:\n  line 0\n  line 1" in printed(context)


def test_an_update_that_was_rolled_back_is_no_success(
    context: Context, dataset: Dataset, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(sagemaker)
    monkeypatch.setattr(sagemaker, "update_endpoint", lambda **_: None)  # the old configuration stays in service
    with pytest.raises(EndpointError, match="did not come into service"):
        deploy(context, dataset, MODEL, DeployOptions())


def test_an_endpoint_without_a_log_fails_with_its_reason(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    sagemaker.next_statuses = ["Failed"]
    context.clients.__dict__["logs"] = Logs([], group="another")
    with pytest.raises(EndpointError, match="no memory"):
        deploy(context, dataset, MODEL, DeployOptions())


def test_an_endpoint_that_never_settles_is_given_up(
    context: Context, dataset: Dataset, sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sagemaker.next_statuses, clock = ["Creating"], Clock()
    monkeypatch.setattr(step, "time", clock)
    monkeypatch.setattr(step, "POLL_SECONDS", 60.0)
    with pytest.raises(EndpointError, match="s is still Creating after 1800 s"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert clock.now == 1800


# Whose model it is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"num_classes": 3}, {"dataset_fingerprint": "g"}])
def test_a_model_of_another_dataset_is_refused(
    context: Context, dataset: Dataset, sagemaker: SageMaker, changes: dict[str, Any]
) -> None:
    with pytest.raises(EndpointError, match=r"job s-job .* 2 classes \(bicycle, motorcycle\): .*train` first"):
        deploy(context, dataset, replace(MODEL, **changes), DeployOptions())
    assert not (sagemaker.models or sagemaker.configs or sagemaker.calls)


@pytest.mark.parametrize("tags", [tags_of("s", "g"), OURS[:1]], ids=["another", "none"])
def test_a_model_that_exists_and_has_another_fingerprint_is_refused(
    context: Context, dataset: Dataset, sagemaker: SageMaker, tags: list[dict[str, str]]
) -> None:
    sagemaker.create_model(MODEL.training_job_name, tags, ExecutionRoleArn="r")
    with pytest.raises(EndpointError, match="model s-job, which exists in SageMaker, was not trained on the staged"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == []


def test_an_answer_for_other_classes_is_refused(context: Context, dataset: Dataset) -> None:
    context.clients.__dict__["sagemaker_runtime"] = Runtime(0.2, 0.3, 0.5)
    with pytest.raises(EndpointError, match="endpoint s serves was not trained on the staged dataset"):
        deploy(context, dataset, MODEL, DeployOptions())


def test_an_updated_endpoint_has_the_new_dataset_s_tag(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    serve(sagemaker, tags=tags_of("s", "g"))
    deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.tags[sagemaker.endpoints["s"]["EndpointArn"]] == OURS


@pytest.mark.parametrize(("length", "fits"), [(47, True), (48, False)])
def test_an_endpoint_s_name_leaves_room_for_its_configurations(
    context: Context, dataset: Dataset, sagemaker: SageMaker, length: int, fits: bool
) -> None:
    named = replace(context, stack=replace(context.stack, endpoint_name="e" * length))
    with nullcontext() if fits else pytest.raises(EndpointError, match="has 48 characters, and at most 47 leave room"):
        deploy(named, dataset, MODEL, DeployOptions())
    assert [len(name) for name in sagemaker.configs] == ([63] if fits else [])


# Refusals ----------------------------------------------------------------------------------------------------

THROTTLED = client_error("ThrottlingException", "Rate exceeded")


@pytest.mark.parametrize("operation", ["describe_model", "describe_endpoint"])
def test_a_throttled_describe_recreates_nothing(
    context: Context, dataset: Dataset, sagemaker: SageMaker, operation: str
) -> None:
    serve(sagemaker)
    refuse(sagemaker, operation, THROTTLED)
    with pytest.raises(ClientError, match="Rate exceeded"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == []


def test_a_throttled_wait_does_not_take_the_old_status_for_the_new_one(context: Context, sagemaker: SageMaker) -> None:
    serve(sagemaker)
    endpoint = Endpoint.get("s", **step.sdk_arguments(context))
    assert endpoint is not None and endpoint.endpoint_status == "InService"
    sagemaker.endpoints["s"]["statuses"] = ["Updating", "Failed"]
    refuse(sagemaker, "describe_endpoint", THROTTLED)
    step.wait_until_settled(endpoint)
    assert endpoint.endpoint_status == "Failed"


def test_a_denied_wait_says_so(context: Context, sagemaker: SageMaker) -> None:
    serve(sagemaker)
    endpoint = Endpoint.get("s", **step.sdk_arguments(context))
    assert endpoint is not None
    refuse(sagemaker, "describe_endpoint", client_error("AccessDeniedException", "not you"))
    with pytest.raises(ClientError, match="not you"):
        step.wait_until_settled(endpoint)


def test_a_log_that_cannot_be_read_does_not_hide_why_the_endpoint_failed(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    sagemaker.next_statuses = ["Failed"]
    refuse(context.clients.logs, "describe_log_streams", THROTTLED)
    with pytest.raises(EndpointError, match="no memory"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert "/aws/sagemaker/Endpoints/s cannot be read:" in printed(context)
