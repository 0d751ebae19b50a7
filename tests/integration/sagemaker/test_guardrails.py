"""Deployment guardrails through boto3: a canary, and alarms that bring the old instances back."""

import json
import uuid
from collections import Counter
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker.conftest import CreateEndpoint
from tests.integration.support.endpoints import container_definition, model_archive, settled_endpoint, variant
from tests.integration.support.names import NAME
from tests.integration.support.photos import png
from tests.integration.support.waiting import wait_for
from training.config import Stack, alarm_names
from training.guardrails import alarms

ledger = pytest.mark.aws
OLD, NEW = [0.75, 0.25], [0.25, 0.75]  # what the models answer for every photo


@pytest.fixture(scope="module")
def models(sagemaker: Any, bucket: str, role: str) -> dict[str, list[float]]:
    """Return the answers of two models by their names."""
    answers = {f"{NAME}-guarded-old": OLD, f"{NAME}-guarded-new": NEW}
    for name, probabilities in answers.items():
        key = f"models/{name}/model.tar.gz"
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=model_archive(probabilities))
        definition = container_definition(f"s3://{bucket}/{key}")
        sagemaker.create_model(ModelName=name, PrimaryContainer=definition, ExecutionRoleArn=role)
    return answers


@pytest.fixture(scope="module")
def broken(sagemaker: Any, bucket: str, role: str) -> str:
    """Return the name of a model that answers /ping and fails for every photo: its graph takes another size."""
    name, key = f"{NAME}-guarded-broken", "models/guarded-broken/model.tar.gz"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=model_archive(NEW, network_shape=[16, 16, 3]))
    definition = container_definition(f"s3://{bucket}/{key}")
    sagemaker.create_model(ModelName=name, PrimaryContainer=definition, ExecutionRoleArn=role)
    return name


@pytest.fixture
def endpoint(sagemaker: Any, models: dict[str, list[float]], create_endpoint: CreateEndpoint) -> str:
    """Return an endpoint with two instances of the old model, beside a configuration `<name>-new` of the new one."""
    old, new = (variant(name, InitialInstanceCount=2) for name in models)
    name = create_endpoint(f"{NAME}-guarded-{uuid.uuid4().hex[:8]}", old)
    sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-new", ProductionVariants=[new])
    assert settled_endpoint(name)["EndpointStatus"] == "InService"
    return name


def canary(seconds: int, *alarms: str, **size: Any) -> Any:
    """Return a DeploymentConfig: one instance for so many seconds, then all."""
    routing = {
        "Type": "CANARY",
        "WaitIntervalInSeconds": seconds,
        "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1, **size},
    }
    policy = {"TrafficRoutingConfiguration": routing, "MaximumExecutionTimeoutInSeconds": 600}
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}} if alarms else {}
    return {"BlueGreenUpdatePolicy": policy, **rollback}


def update(sagemaker: Any, endpoint: str, config: Any) -> None:
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=f"{endpoint}-new", DeploymentConfig=config)


def answers(runtime: Any, endpoint: str, number: int) -> Counter[str]:
    asked = [
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", Body=png(1)) for _ in range(number)
    ]
    rows = [json.loads(one["Body"].read()) for one in asked]
    return Counter("old" if row[0] > row[1] else "new" for row in rows)


@ledger(
    "SageMaker",
    "UpdateEndpoint with BlueGreenUpdatePolicy: CANARY of one instance or a percentage, then all; ALL_AT_ONCE",
    "approximate",
    "requests are divided at random by the canary's share of the instances",
)
def test_a_canary_gets_its_share_before_all(sagemaker: Any, runtime: Any, endpoint: str) -> None:
    update(sagemaker, endpoint, canary(4))
    wait_for(lambda: answers(runtime, endpoint, 1)["new"])
    during = answers(runtime, endpoint, 40)
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Updating"
    assert 5 < during["new"] < 35  # of a half
    assert settled_endpoint(endpoint)["EndpointConfigName"] == f"{endpoint}-new"
    assert answers(runtime, endpoint, 10) == {"new": 10}
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["LastDeploymentConfig"] == canary(4)


@ledger(
    "SageMaker",
    "AutoRollbackConfiguration: an alarm ends an update with the old instances InService, with a FailureReason",
    "approximate",
    "wording may differ; the alarms are read as the model's role, every second",
)
@ledger(
    "CloudWatch",
    "AWS/SageMaker metrics of endpoints: Invocations, Invocation4XXErrors, Invocation5XXErrors, InvocationModelErrors "
    "and ModelLatency of each variant",
    "approximate",
    "published every 5 seconds; those of instances (CPU, memory, disk) are absent",
)
def test_server_errors_roll_an_update_back(sagemaker: Any, runtime: Any, endpoint: str, broken: str) -> None:
    """With the alarms that deploy creates; the new model's graph does not take the photos that it is given."""
    stack = Stack("s", "us-east-1", "b", "r", endpoint, "m", 0.9)
    for alarm in alarms(stack):
        boto3.client("cloudwatch").put_metric_alarm(**alarm)
    names = alarm_names(endpoint)
    variants = [variant(broken, InitialInstanceCount=2)]
    sagemaker.create_endpoint_config(EndpointConfigName=f"{endpoint}-broken", ProductionVariants=variants)
    sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=f"{endpoint}-broken", DeploymentConfig=canary(300, *names)
    )
    failed = wait_for(lambda: description_after_a_request(sagemaker, runtime, endpoint))
    assert (failed["EndpointStatus"], failed["EndpointConfigName"]) == ("InService", endpoint)
    assert names[0] in failed["FailureReason"]
    assert answers(runtime, endpoint, 10) == {"old": 10}
    boto3.client("cloudwatch").delete_alarms(AlarmNames=list(names))


def description_after_a_request(sagemaker: Any, runtime: Any, endpoint: str) -> Any:
    """Ask the endpoint, which fails for the canary's share, and return its description once it is settled."""
    with suppress(runtime.exceptions.ModelError):
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", Body=png(1))
    found = sagemaker.describe_endpoint(EndpointName=endpoint)
    return found if found["EndpointStatus"] == "InService" else None


@ledger(
    "SageMaker",
    "a DeploymentConfig that contradicts itself, or names a missing alarm, is refused",
    "approximate",
    "code as on AWS, wording may differ",
)
@ledger("SageMaker", "traffic routing LINEAR", "absent", "ValidationException that names it")
def test_a_guardrail_must_fit(sagemaker: Any, endpoint: str, models: dict[str, list[float]]) -> None:
    linear = canary(0)
    linear["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] = "LINEAR"
    refused = {
        "at most 50%": canary(0, Value=2),
        "must be larger than": canary(600),
        "does not exist": canary(0, "no-such-alarm"),
        "does not emulate .*'LINEAR'": linear,
    }
    for sentence, config in refused.items():
        with pytest.raises(ClientError, match=f"ValidationException.*{sentence}"):
            update(sagemaker, endpoint, config)
    another = variant(next(iter(models)), "Another", InitialInstanceCount=2)
    sagemaker.create_endpoint_config(EndpointConfigName=f"{endpoint}-other", ProductionVariants=[another])
    with pytest.raises(ClientError, match="must keep the names of the production variants"):
        sagemaker.update_endpoint(
            EndpointName=endpoint, EndpointConfigName=f"{endpoint}-other", DeploymentConfig=canary(0)
        )
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"


@ledger("SageMaker", "Application Auto Scaling of an endpoint's instances", "absent", "UnknownOperationException")
def test_scaling_is_refused_by_name(aws: dict[str, str]) -> None:
    client = boto3.client("application-autoscaling")
    with pytest.raises(ClientError, match=r"UnknownOperationException.*does not emulate application-autoscaling"):
        client.describe_scalable_targets(ServiceNamespace="sagemaker")
