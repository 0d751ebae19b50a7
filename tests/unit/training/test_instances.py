"""Deployments with several instances: the canary and its alarms, and the scaling between two numbers."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import MODEL, OURS, STACK, client_error, refuse
from tests.unit.training.instances import AutoScaling, CloudWatch, check
from tests.unit.training.serving import serve_model
from training import cleanup, guardrails, scaling
from training.context import Context
from training.deploy import deploy
from training.errors import EndpointError
from training.options import DeployOptions
from training.results import Dataset

TARGET = "endpoint/s/variant/AllTraffic"
SCALED = {"Key": "instances", "Value": "1-4"}
ALARMS = ["s-errors", "s-latency"]


def run(sagemaker: SageMaker, dataset: Dataset, instances: int = 1, scaled: str = "") -> None:
    """Make the endpoint of an earlier run, with so many instances now."""
    serve_model(sagemaker, dataset)
    variants = [{"VariantName": "AllTraffic", "DesiredInstanceCount": instances}]
    sagemaker.endpoints["s"]["ProductionVariants"] = variants
    if scaled:
        arn = sagemaker.endpoints["s"]["EndpointArn"]
        sagemaker.tags[arn] = [*OURS, {"Key": "instances", "Value": scaled}]


def roll_back(sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch, reason: str | None) -> None:
    """Let SageMaker end every update with the old configuration, as after an alarm."""

    def update(EndpointName: str, **_: object) -> None:
        sagemaker.calls.append("update")
        sagemaker.endpoints[EndpointName] |= {"statuses": ["Updating", "InService"]}
        if reason:
            sagemaker.endpoints[EndpointName]["FailureReason"] = reason

    del sagemaker.endpoints["s"]["FailureReason"]
    monkeypatch.setattr(sagemaker, "update_endpoint", update)


# Guardrails --------------------------------------------------------------------------------------------------


def test_two_instances_are_updated_by_a_canary_with_alarms(
    context: Context, dataset: Dataset, sagemaker: SageMaker, cloudwatch: CloudWatch
) -> None:
    run(sagemaker, dataset, 2)
    deployment = deploy(context, dataset, MODEL, DeployOptions(instances=(2, 2)))
    (how,) = sagemaker.deployments
    check("sagemaker", "UpdateEndpoint", {"EndpointName": "s", "EndpointConfigName": "c", "DeploymentConfig": how})
    assert how is not None
    policy = how["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == {
        "Type": "CANARY",
        "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 180,
    }
    assert policy["MaximumExecutionTimeoutInSeconds"] > policy["TerminationWaitInSeconds"] + 180
    assert how["AutoRollbackConfiguration"]["Alarms"] == [{"AlarmName": name} for name in ALARMS]
    assert list(cloudwatch.alarms) == ALARMS
    (variant,) = sagemaker.configs[deployment.endpoint_config_name]["ProductionVariants"]
    assert variant["InitialInstanceCount"] == 2


def test_the_alarms_watch_the_endpoint_s_variant() -> None:
    errors, latency = guardrails.alarms(STACK)
    dimensions = {"EndpointName": "s", "VariantName": "AllTraffic"}
    for alarm in (errors, latency):
        check("cloudwatch", "PutMetricAlarm", alarm)
        assert {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == dimensions
        assert (alarm["Namespace"], alarm["TreatMissingData"]) == ("AWS/SageMaker", "notBreaching")
    assert (errors["MetricName"], errors["Threshold"]) == ("Invocation5XXErrors", 0.01)
    assert (latency["MetricName"], latency["Threshold"]) == ("ModelLatency", 1_000_000)


def test_one_instance_has_neither_canary_nor_alarms(
    context: Context, dataset: Dataset, sagemaker: SageMaker, cloudwatch: CloudWatch, autoscaling: AutoScaling
) -> None:
    run(sagemaker, dataset)
    deploy(context, dataset, MODEL, DeployOptions())
    assert sagemaker.deployments == [None]
    assert (cloudwatch.alarms, autoscaling.calls) == ({}, [])


@pytest.mark.parametrize(("reason", "said"), [("Alarms tripped.", "(Alarms tripped)"), (None, "(AWS gives no reason)")])
def test_an_update_that_an_alarm_stops_is_no_success(
    context: Context,
    dataset: Dataset,
    sagemaker: SageMaker,
    monkeypatch: pytest.MonkeyPatch,
    reason: str | None,
    said: str,
) -> None:
    run(sagemaker, dataset, 2)
    roll_back(sagemaker, monkeypatch, reason)
    with pytest.raises(EndpointError, match="SageMaker rolled the update back") as stopped:
        deploy(context, dataset, MODEL, DeployOptions(instances=(2, 2)))
    assert f"{said}, and the endpoint serves s-config as before" in str(stopped.value)


# Scaling -----------------------------------------------------------------------------------------------------


def test_an_endpoint_is_scaled_when_it_is_in_service(
    context: Context, dataset: Dataset, sagemaker: SageMaker, autoscaling: AutoScaling
) -> None:
    deploy(context, dataset, MODEL, DeployOptions(instances=(1, 4)))
    target, policy = autoscaling.targets[TARGET], autoscaling.policies[TARGET]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }
    assert tracking["TargetValue"] == 9000
    assert sagemaker.tags[sagemaker.endpoints["s"]["EndpointArn"]] == [*OURS, SCALED]
    (config,) = sagemaker.configs.values()
    assert config["ProductionVariants"][0]["InitialInstanceCount"] == 1


@pytest.mark.parametrize(
    ("running", "asked", "expected"), [(3, (1, 4), 3), (6, (1, 4), 4), (1, (2, 4), 2), (3, (1, 1), 1), (3, (5, 5), 5)]
)
def test_an_update_keeps_the_instances_that_the_requests_need(
    context: Context,
    dataset: Dataset,
    sagemaker: SageMaker,
    running: int,
    asked: tuple[int, int],
    expected: int,
) -> None:
    run(sagemaker, dataset, running)
    deployment = deploy(context, dataset, MODEL, DeployOptions(instances=asked))
    (variant,) = sagemaker.configs[deployment.endpoint_config_name]["ProductionVariants"]
    assert variant["InitialInstanceCount"] == expected


def test_a_scaled_endpoint_is_not_scaled_while_it_is_updated(
    context: Context,
    dataset: Dataset,
    sagemaker: SageMaker,
    autoscaling: AutoScaling,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(sagemaker, dataset, 2, "1-4")
    scaling.register(context, (1, 4))
    update, scaled = sagemaker.update_endpoint, []

    def look(**request: object) -> None:
        scaled.append(TARGET in autoscaling.targets)
        update(**request)  # type: ignore[arg-type]

    monkeypatch.setattr(sagemaker, "update_endpoint", look)
    deploy(context, dataset, MODEL, DeployOptions(instances=(2, 6)))
    assert scaled == [False]
    assert autoscaling.targets[TARGET]["MaxCapacity"] == 6
    assert sagemaker.tags[sagemaker.endpoints["s"]["EndpointArn"]][-1]["Value"] == "2-6"


def test_a_fixed_number_ends_the_scaling(
    context: Context, dataset: Dataset, sagemaker: SageMaker, autoscaling: AutoScaling
) -> None:
    run(sagemaker, dataset, 2, "1-4")
    scaling.register(context, (1, 4))
    deploy(context, dataset, MODEL, DeployOptions())
    assert autoscaling.targets == {}
    assert sagemaker.tags[sagemaker.endpoints["s"]["EndpointArn"]] == OURS


def test_an_update_that_is_rolled_back_leaves_the_scaling(
    context: Context,
    dataset: Dataset,
    sagemaker: SageMaker,
    autoscaling: AutoScaling,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(sagemaker, dataset, 2, "1-4")
    scaling.register(context, (1, 4))
    roll_back(sagemaker, monkeypatch, "Alarms tripped")
    with pytest.raises(EndpointError, match="rolled the update back"):
        deploy(context, dataset, MODEL, DeployOptions(instances=(2, 6)))
    assert autoscaling.targets[TARGET]["MaxCapacity"] == 4
    assert TARGET in autoscaling.policies


def test_a_run_that_was_killed_before_it_scaled_is_continued(
    context: Context, dataset: Dataset, sagemaker: SageMaker, autoscaling: AutoScaling
) -> None:
    run(sagemaker, dataset, 2, "1-4")  # the tag is there, the target is not
    deploy(context, dataset, MODEL, DeployOptions(instances=(1, 4)))
    assert autoscaling.calls == ["deregister", "register"]


def test_whoever_may_not_end_the_scaling_changes_nothing(
    context: Context, dataset: Dataset, sagemaker: SageMaker, autoscaling: AutoScaling
) -> None:
    run(sagemaker, dataset, 2, "1-4")
    refuse(autoscaling, "deregister_scalable_target", client_error("AccessDeniedException", "not you"))
    with pytest.raises(ClientError, match="not you"):
        deploy(context, dataset, MODEL, DeployOptions())
    assert "update" not in sagemaker.calls


# Cleanup -----------------------------------------------------------------------------------------------------


def test_cleanup_ends_the_scaling_before_the_endpoint(mocked_aws: None, tmp_path: Path, context: Context) -> None:
    sagemaker: Any = boto3.client("sagemaker", "us-east-1")
    sagemaker.create_model(ModelName="s-model", ExecutionRoleArn=STACK.execution_role_arn, Tags=OURS)
    variant = {"VariantName": "AllTraffic", "ModelName": "s-model", "InstanceType": "ml.m5.large"}
    variants = [{**variant, "InitialInstanceCount": 1}]
    sagemaker.create_endpoint_config(EndpointConfigName="s-config", ProductionVariants=variants, Tags=OURS)
    sagemaker.create_endpoint(EndpointName="s", EndpointConfigName="s-config", Tags=[*OURS, SCALED])
    scaling.register(context, (1, 4))
    context.clients.__dict__["sagemaker"] = sagemaker
    found = list(cleanup.endpoints(context))
    assert [one.name for one in found] == ["scaling of endpoint s", "endpoint s"]
    found[0].delete()
    assert [one.name for one in cleanup.endpoints(context)] == ["endpoint s"]


def test_cleanup_deletes_this_stack_s_alarms(context: Context, cloudwatch: CloudWatch) -> None:
    guardrails.prepare(context, 2)
    cloudwatch.alarms["s-errors"]["AlarmDescription"] = "mine"
    (alarm,) = cleanup.alarms(context.stack, context.clients.cloudwatch)
    assert alarm.name == "alarm s-latency"
    alarm.delete()
    assert list(cloudwatch.alarms) == ["s-errors"]
