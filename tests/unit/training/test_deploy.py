"""The deploy step: what it creates from which model, and what it measures."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import MODEL, OURS, Scheduler, printed, refuse, tags_of
from tests.unit.training.serving import THROTTLED, serve
from training.config import TEST_TAG
from training.context import Context
from training.deploy import deploy
from training.errors import EndpointError, StackError
from training.options import DeployOptions
from training.provenance import held_out_fingerprint
from training.results import Dataset, Deployment


def test_the_accuracy_is_that_of_all_test_images(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    deployment = deploy(context, dataset, MODEL, DeployOptions(capture_percentage=50))
    (config_name,) = sagemaker.configs
    assert deployment == Deployment("s", config_name, 0.75, 4, 50)
    assert "a 1.png: motorcycle (80.0%), labelled motorcycle" in printed(context)


def test_all_that_is_created_has_the_stack_s_tag(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    deploy(context, dataset, MODEL, DeployOptions("ml.m5.large", 25))
    (model,), (config,) = sagemaker.models.values(), sagemaker.configs.values()
    assert model["PrimaryContainer"]["ModelDataUrl"] == MODEL.model_data_url
    assert config["DataCaptureConfig"]["InitialSamplingPercentage"] == 25
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.m5.large"
    of_model, *others = sagemaker.tags.values()
    assert others == [OURS] * 2
    assert of_model == [*OURS, {"Key": TEST_TAG, "Value": held_out_fingerprint(dataset)}]


@pytest.mark.parametrize(
    ("program", "environment"),
    [
        ("own", {"BASH_ENV": "/opt/ml/model/code/container.sh", "OPT_OUT_TRACKING": "true"}),
        ("image", None),
        ("builtin", None),
    ],
)
def test_a_model_is_started_as_its_program_is(
    context: Context, dataset: Dataset, sagemaker: SageMaker, program: str, environment: dict[str, str] | None
) -> None:
    deploy(context, dataset, replace(MODEL, program=program), DeployOptions())
    (model,) = sagemaker.models.values()
    assert model["PrimaryContainer"]["Image"] == "image"
    assert model["PrimaryContainer"].get("Environment") == environment


def test_no_capture_is_a_configuration_without_it(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    assert deploy(context, dataset, MODEL, DeployOptions(capture_percentage=0)).capture_percentage == 0
    (config,) = sagemaker.configs.values()
    assert "DataCaptureConfig" not in config


def test_a_model_that_exists_is_not_created_again(context: Context, dataset: Dataset, sagemaker: SageMaker) -> None:
    sagemaker.create_model(MODEL.training_job_name, OURS, ExecutionRoleArn="r")
    deploy(context, dataset, MODEL, DeployOptions())
    assert len(sagemaker.models) == 1


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


@pytest.mark.parametrize(("length", "fits"), [(47, True), (48, False)])
def test_an_endpoint_s_name_leaves_room_for_its_configurations(
    context: Context, dataset: Dataset, sagemaker: SageMaker, length: int, fits: bool
) -> None:
    named = replace(context, stack=replace(context.stack, endpoint_name="e" * length))
    with nullcontext() if fits else pytest.raises(EndpointError, match="has 48 characters, and at most 47 leave room"):
        deploy(named, dataset, MODEL, DeployOptions())
    assert [len(name) for name in sagemaker.configs] == ([63] if fits else [])


@pytest.mark.parametrize("operation", ["describe_model", "describe_endpoint"])
def test_a_throttled_describe_recreates_nothing(
    context: Context, dataset: Dataset, sagemaker: SageMaker, operation: str
) -> None:
    serve(sagemaker)
    refuse(sagemaker, operation, THROTTLED)
    with pytest.raises(ClientError, match="Rate exceeded"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.calls == []


# The expiry ------------------------------------------------------------------------------------------------------


def test_the_expiry_is_there_before_the_endpoint(
    context: Context, dataset: Dataset, sagemaker: SageMaker, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_: Any) -> None:
        assert list(scheduler.schedules) == ["s-expiry"]
        raise KeyboardInterrupt

    monkeypatch.setattr(sagemaker, "create_endpoint", die)
    with pytest.raises(KeyboardInterrupt):
        deploy(context, dataset, MODEL, DeployOptions())
    assert list(scheduler.schedules) == ["s-expiry"]


def test_the_expiry_moves_with_each_deployment(context: Context, dataset: Dataset, scheduler: Scheduler) -> None:
    deploy(context, dataset, MODEL, DeployOptions())
    first = scheduler.schedules["s-expiry"]["ScheduleExpression"]
    deploy(context, dataset, MODEL, DeployOptions(expires_in=timedelta(days=3)))
    assert scheduler.calls == ["create", "update", "update", "update"]
    assert scheduler.schedules["s-expiry"]["ScheduleExpression"] > first


def test_an_expiry_that_ran_out_while_the_endpoint_was_created_is_made_again(
    context: Context, dataset: Dataset, sagemaker: SageMaker, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = sagemaker.create_endpoint

    def create_slowly(**request: Any) -> None:
        scheduler.schedules.clear()  # it was due, SageMaker refused, and the Scheduler gave up
        create(**request)

    monkeypatch.setattr(sagemaker, "create_endpoint", create_slowly)
    deploy(context, dataset, MODEL, DeployOptions())
    assert list(scheduler.schedules) == ["s-expiry"]


def test_never_ends_the_expiry_of_an_earlier_deployment(
    context: Context, dataset: Dataset, scheduler: Scheduler
) -> None:
    deploy(context, dataset, MODEL, DeployOptions())
    deploy(context, dataset, MODEL, DeployOptions(expires_in=None))
    assert scheduler.schedules == {}


def test_a_stack_of_an_older_template_is_refused_before_anything_is_created(
    context: Context, dataset: Dataset, sagemaker: SageMaker
) -> None:
    older = replace(context, stack=replace(context.stack, expiry_role_arn=""))
    with pytest.raises(StackError, match=r"older template, .*: run `sam build && sam deploy` again, or add --expires"):
        deploy(older, dataset, MODEL, DeployOptions())
    assert not (sagemaker.models or sagemaker.configs or sagemaker.calls)
    deploy(older, dataset, MODEL, DeployOptions(expires_in=None))
