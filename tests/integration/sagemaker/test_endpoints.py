"""Models, endpoint configurations and endpoints through boto3: how they get into service, and what is refused."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker.conftest import CreateEndpoint
from tests.integration.support.clouds import container_process, only_local
from tests.integration.support.endpoints import archive_without_a_model, container_definition, settled_endpoint, variant
from tests.integration.support.iam import TRAIN_AND_SERVE, create_role
from tests.integration.support.logs import log_of
from tests.integration.support.names import NAME
from tests.integration.support.photos import png
from tests.integration.support.training_jobs import IMAGE
from tests.integration.support.waiting import wait_for

ledger = pytest.mark.aws
CLIENTS = 4


@pytest.fixture(scope="module")
def broken_model(sagemaker: Any, bucket: str, role: str) -> str:
    """Return the name of a model whose archive is empty: its container ends at once."""
    name, key = f"{NAME}-broken", "models/empty.tar.gz"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=archive_without_a_model())
    definition = container_definition(f"s3://{bucket}/{key}")
    sagemaker.create_model(ModelName=name, PrimaryContainer=definition, ExecutionRoleArn=role)
    return name


@ledger("SageMaker", "CreateEndpoint: Creating, InService; DescribeEndpoint with variants and data capture", "exact")
def test_an_endpoint_in_service_is_described(sagemaker: Any, endpoint: str, bucket: str) -> None:
    description = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert description["EndpointStatus"] == "InService"
    (described,) = description["ProductionVariants"]
    assert (described["VariantName"], described["CurrentInstanceCount"], described["CurrentWeight"]) == (
        "AllTraffic",
        1,
        1.0,
    )
    assert described["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert description["DataCaptureConfig"]["CaptureStatus"] == "Started"
    assert description["DataCaptureConfig"]["DestinationS3Uri"] == f"s3://{bucket}/captured"


@ledger("SageMaker", "logs of an endpoint in /aws/sagemaker/Endpoints/<name>, written as the execution role", "exact")
def test_the_containers_log_is_kept(endpoint: str) -> None:
    wait_for(
        lambda: any("serving on" in line for line in log_of(f"/aws/sagemaker/Endpoints/{endpoint}", "AllTraffic/"))
    )


def test_an_endpoint_is_being_created_first(sagemaker: Any, model: str, create_endpoint: CreateEndpoint) -> None:
    name = create_endpoint(f"{NAME}-creating", variant(model))
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Creating"
    with pytest.raises(
        ClientError, match=r'ValidationException.*Cannot update in-progress endpoint "arn:aws:sagemaker'
    ):
        sagemaker.delete_endpoint(EndpointName=name)
    with pytest.raises(
        ClientError, match=r'ValidationException.*Cannot create already existing endpoint "arn:aws:sage'
    ):
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


@ledger("SageMaker", "UpdateEndpoint while four clients send requests: none fails", "exact")
def test_an_endpoint_is_updated_without_a_failed_request(
    sagemaker: Any, runtime: Any, model: str, create_endpoint: CreateEndpoint
) -> None:
    name = create_endpoint(f"{NAME}-update", variant(model, "One"))
    assert settled_endpoint(name)["EndpointStatus"] == "InService"
    two = [variant(model, "Two"), variant(model, "Three")]
    sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-2", ProductionVariants=two)
    updated = threading.Event()

    def ask(number: int) -> list[str]:
        answered_by = []
        while not updated.is_set():
            answer = runtime.invoke_endpoint(EndpointName=name, ContentType="image/png", Body=png(number % 2))
            answered_by.append(answer["InvokedProductionVariant"])
        return answered_by

    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(ask, number) for number in range(CLIENTS)]
        try:
            sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=f"{name}-2")
            description = settled_endpoint(name)
            time.sleep(0.5)  # the old container stops in this time
        finally:
            updated.set()
        answered_by = [variant_name for future in asking for variant_name in future.result()]
    assert description["EndpointConfigName"] == f"{name}-2"
    assert set(answered_by) == {"One", "Two", "Three"}


@ledger("SageMaker", "an update that fails leaves the endpoint InService as it was, with a FailureReason", "exact")
def test_a_failed_update_leaves_the_old_containers_in_service(
    sagemaker: Any, runtime: Any, model: str, broken_model: str, create_endpoint: CreateEndpoint
) -> None:
    name = create_endpoint(f"{NAME}-stays", variant(model))
    settled_endpoint(name)
    sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-2", ProductionVariants=[variant(broken_model)])
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=f"{name}-2")
    description = settled_endpoint(name)
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", name)
    assert "did not pass the ping health check" in description["FailureReason"]
    runtime.invoke_endpoint(EndpointName=name, ContentType="image/png", Body=png(1))
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=name)
    assert "FailureReason" not in settled_endpoint(name)


@ledger(
    "SageMaker", "a container that never answers /ping makes the endpoint Failed, with AWS's FailureReason", "exact"
)
@ledger("SageMaker", "a Failed endpoint can only be deleted", "approximate", "code as on AWS, wording may differ")
def test_an_endpoint_whose_container_ends_fails(
    sagemaker: Any, broken_model: str, create_endpoint: CreateEndpoint
) -> None:
    name = create_endpoint(f"{NAME}-fails", variant(broken_model))
    description = settled_endpoint(name)
    assert description["EndpointStatus"] == "Failed"
    assert description["FailureReason"] == (
        "The primary container for production variant AllTraffic did not pass the ping health check. Please check "
        "CloudWatch logs for this endpoint."
    )
    with pytest.raises(ClientError, match=r"ValidationException.*Cannot update failed endpoint"):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=name)


@ledger("SageMaker", "an image that the role may not pull makes the endpoint Failed, with AWS's FailureReason", "exact")
@ledger("SageMaker", "an archive that is no tar.gz makes the endpoint Failed", "approximate", "wording may differ")
@pytest.mark.parametrize(
    ("actions", "archive", "reason"),
    [
        (TRAIN_AND_SERVE["Action"], b"no archive", 'Failed to extract model data archive for container "container_1"'),
        (["s3:*"], b"", "does not have GetAuthorizationToken permission for the image"),
        (["s3:*", "ecr:GetAuthorizationToken"], b"", "does not have BatchGetImage permission for the image"),
    ],
)
def test_an_endpoint_that_cannot_be_built_fails(
    bucket: str, create_endpoint: CreateEndpoint, actions: list[str], archive: bytes, reason: str
) -> None:
    name = f"{NAME}-bad-{len(actions)}"
    boto3.client("s3").put_object(Bucket=bucket, Key=f"models/{name}.tar.gz", Body=archive)
    boto3.client("sagemaker").create_model(
        ModelName=name,
        PrimaryContainer=container_definition(f"s3://{bucket}/models/{name}.tar.gz"),
        ExecutionRoleArn=create_role(name, "sagemaker", {**TRAIN_AND_SERVE, "Action": actions}),
    )
    description = settled_endpoint(create_endpoint(name, variant(name)))
    assert description["EndpointStatus"] == "Failed"
    assert reason in description["FailureReason"]


@only_local
@ledger(
    "SageMaker",
    "a container that dies is restarted; until then DescribeEndpoint shows it and requests are ModelErrors",
    "approximate",
    "AWS replaces unhealthy instances; here a container is replaced once it has ended, after growing "
    "pauses if it ends again",
)
def test_a_dead_container_is_started_again(
    sagemaker: Any, runtime: Any, model: str, create_endpoint: CreateEndpoint
) -> None:
    name = create_endpoint(f"{NAME}-dies", variant(model))
    settled_endpoint(name)
    container_process("SAGEMAKER_BASE_DIR", f"/endpoints/{name}/").send_signal(signal.SIGKILL)

    def shown() -> dict[str, Any]:
        described: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"][0]
        return described

    message = wait_for(lambda: shown().get("VariantStatus"))[0]["StatusMessage"]
    assert "ended with exit code 137" in message
    assert shown()["CurrentInstanceCount"] == 0
    with pytest.raises(ClientError, match=rf"ModelError.*\(0\) from primary.*could not get a response from the {name}"):
        runtime.invoke_endpoint(EndpointName=name, ContentType="image/png", Body=png(1))
    wait_for(lambda: shown()["CurrentInstanceCount"])
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    assert "VariantStatus" not in shown()
    runtime.invoke_endpoint(EndpointName=name, ContentType="image/png", Body=png(1))


@ledger("SageMaker", "an endpoint still serves after its model is deleted", "exact")
@ledger("SageMaker", "UpdateEndpoint needs the configuration that is in service", "exact")
def test_an_endpoint_outlives_its_model_and_configuration(
    sagemaker: Any, runtime: Any, job: dict[str, Any], role: str, create_endpoint: CreateEndpoint
) -> None:
    name = f"{NAME}-outlives"
    definition = container_definition(job["ModelArtifacts"]["S3ModelArtifacts"])
    sagemaker.create_model(ModelName=name, PrimaryContainer=definition, ExecutionRoleArn=role)
    settled_endpoint(create_endpoint(name, variant(name)))
    sagemaker.delete_model(ModelName=name)
    runtime.invoke_endpoint(EndpointName=name, ContentType="image/png", Body=png(1))
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    with pytest.raises(ClientError, match=rf'Could not find endpoint configuration "arn:aws:.*endpoint-config/{name}"'):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=NAME)


@ledger("SageMaker", "missing references and archives, names used twice: AWS's codes and sentences", "exact")
@pytest.mark.parametrize(
    ("call", "arguments", "noun"),
    [
        ("describe_endpoint", {"EndpointName": "none"}, "endpoint"),
        ("delete_endpoint", {"EndpointName": "none"}, "endpoint"),
        ("describe_endpoint_config", {"EndpointConfigName": "none"}, "endpoint configuration"),
        ("delete_endpoint_config", {"EndpointConfigName": "none"}, "endpoint configuration"),
        ("describe_model", {"ModelName": "none"}, "model"),
        ("delete_model", {"ModelName": "none"}, "model"),
        ("create_endpoint", {"EndpointName": "none", "EndpointConfigName": "none"}, "endpoint configuration"),
        ("create_endpoint_config", {"EndpointConfigName": "none", "ProductionVariants": [variant("none")]}, "model"),
    ],
)
def test_what_is_missing_is_named(sagemaker: Any, call: str, arguments: dict[str, Any], noun: str) -> None:
    with pytest.raises(ClientError, match=f'ValidationException.*Could not find {noun} "arn:aws:sagemaker:'):
        getattr(sagemaker, call)(**arguments)


def test_a_missing_model_archive_is_refused(sagemaker: Any, bucket: str, role: str) -> None:
    definition = container_definition(f"s3://{bucket}/models/none.tar.gz")
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find model data at s3:.*none.tar.gz"):
        sagemaker.create_model(ModelName="x", PrimaryContainer=definition, ExecutionRoleArn=role)


def test_an_archive_that_the_role_may_not_read_is_refused(sagemaker: Any, job: dict[str, Any]) -> None:
    definition = container_definition(job["ModelArtifacts"]["S3ModelArtifacts"])
    role = create_role(f"{NAME}-no-s3", "sagemaker", {**TRAIN_AND_SERVE, "Action": "ecr:*"})
    with pytest.raises(ClientError, match=r"ValidationException.*Could not access model data.*s3:GetObject"):
        sagemaker.create_model(ModelName="x", PrimaryContainer=definition, ExecutionRoleArn=role)


def test_an_image_that_cannot_run_here_is_refused(sagemaker: Any, role: str) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-own:1"
    with pytest.raises(ClientError, match=rf"ValidationException.*Requested image {image} not found: .* runs only"):
        sagemaker.create_model(ModelName="x", PrimaryContainer={"Image": image}, ExecutionRoleArn=role)


def test_names_are_used_once(sagemaker: Any, model: str, endpoint: str, role: str) -> None:
    with pytest.raises(ClientError, match=r'ValidationException.*Cannot create already existing model "arn:aws:'):
        sagemaker.create_model(ModelName=model, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=role)
    with pytest.raises(ClientError, match=r'ValidationException.*already existing endpoint configuration "arn:aws:'):
        sagemaker.create_endpoint_config(EndpointConfigName=endpoint, ProductionVariants=[variant(model)])


@ledger(
    "SageMaker",
    "members of models and endpoints that would matter here (several containers, VPC, serverless and asynchronous "
    "inference, shadow variants, explainers, autoscaling, rolling updates, ...)",
    "absent",
    "ValidationException that names the member",
)
@pytest.mark.parametrize(
    ("call", "arguments", "member"),
    [
        ("create_model", {"Containers": [{"Image": IMAGE}, {"Image": IMAGE}]}, "Containers of CreateModel"),
        ("create_model", {"PrimaryContainer": {"Image": IMAGE, "Mode": "MultiModel"}}, "Mode 'MultiModel'"),
        ("create_model", {"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}}, "VpcConfig"),
        ("create_endpoint_config", {"EnableNetworkIsolation": True}, "EnableNetworkIsolation"),
        (
            "create_endpoint_config",
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/o"}}},
            "AsyncInferenceConfig",
        ),
        ("create_endpoint_config", {"ShadowProductionVariants": [variant("x")]}, "ShadowProductionVariants"),
        (
            "create_endpoint_config",
            {
                "ProductionVariants": [
                    {
                        "VariantName": "A",
                        "ModelName": "x",
                        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
                    }
                ]
            },
            "ProductionVariants.ServerlessConfig",
        ),
        (
            "update_endpoint",
            {
                "DeploymentConfig": {
                    "RollingUpdatePolicy": {
                        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                        "WaitIntervalInSeconds": 0,
                    }
                }
            },
            "DeploymentConfig",
        ),
        ("update_endpoint", {"RetainAllVariantProperties": True}, "RetainAllVariantProperties"),
    ],
)
def test_unsupported_members_are_refused(
    sagemaker: Any, role: str, call: str, arguments: dict[str, Any], member: str
) -> None:
    required: dict[str, dict[str, Any]] = {
        "create_model": {"ModelName": "x", "ExecutionRoleArn": role},
        "create_endpoint_config": {"EndpointConfigName": "x", "ProductionVariants": [variant("x")]},
        "update_endpoint": {"EndpointName": "x", "EndpointConfigName": "x"},
    }
    with pytest.raises(ClientError, match=rf"ValidationException.*does not emulate .*{member}"):
        getattr(sagemaker, call)(**{**required[call], **arguments})


@pytest.mark.parametrize(
    ("variants", "sentence"),
    [
        ([variant(NAME), variant(NAME)], "a different name"),
        ([variant(NAME, InitialVariantWeight=0)], "InitialVariantWeight above 0"),
        ([{"VariantName": "A", "ModelName": NAME}], "needs InstanceType"),
    ],
)
@ledger(
    "SageMaker",
    "production variants that contradict each other are refused",
    "approximate",
    "code as on AWS, wording may differ",
)
def test_variants_must_fit(sagemaker: Any, model: str, variants: list[dict[str, Any]], sentence: str) -> None:
    with pytest.raises(ClientError, match=rf"ValidationException.*{sentence}"):
        sagemaker.create_endpoint_config(EndpointConfigName="x", ProductionVariants=variants)


def test_models_are_listed_in_pages(sagemaker: Any, role: str, job: dict[str, Any]) -> None:
    definition = container_definition(job["ModelArtifacts"]["S3ModelArtifacts"])
    for number in range(5):
        name = f"{NAME}-list-{number}"
        sagemaker.create_model(ModelName=name, PrimaryContainer=definition, ExecutionRoleArn=role)
    pages = sagemaker.get_paginator("list_models").paginate(
        NameContains=f"{NAME}-list", SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    names = [[model["ModelName"] for model in page["Models"]] for page in pages]
    assert names == [[f"{NAME}-list-{n}" for n in page] for page in ([0, 1], [2, 3], [4])]


def test_endpoints_are_listed_with_filters(sagemaker: Any, endpoint: str) -> None:
    def names(**filters: Any) -> list[str]:
        found = sagemaker.list_endpoints(NameContains=NAME, **filters)["Endpoints"]
        return [one["EndpointName"] for one in found]

    created = sagemaker.describe_endpoint(EndpointName=endpoint)["CreationTime"]
    assert endpoint in names(StatusEquals="InService")
    assert endpoint not in names(StatusEquals="Failed")
    assert endpoint not in names(CreationTimeBefore=created)
    configs = sagemaker.list_endpoint_configs(NameContains=NAME, MaxResults=1)
    assert len(configs["EndpointConfigs"]) == 1
    with pytest.raises(ClientError, match=r"ValidationException.*pagination token"):
        sagemaker.list_endpoint_configs(NextToken="no-token")
