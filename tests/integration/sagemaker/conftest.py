"""A bucket of images, a role, a model trained on them and an endpoint that serves it, for all tests of this folder."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.integration.support.endpoints import (
    capture_config,
    container_definition,
    delete_endpoint,
    settled_endpoint,
    variant,
)
from tests.integration.support.iam import TRAIN_AND_SERVE, create_role
from tests.integration.support.names import NAME
from tests.integration.support.photos import stage_photos
from tests.integration.support.training_jobs import ended_job, job_request

CreateEndpoint = Callable[..., str]


@pytest.fixture(scope="session")
def bucket(aws: dict[str, str]) -> str:
    """Return a bucket with 40 training and 10 validation images and their lists."""
    name = f"{NAME}-data"
    boto3.client("s3").create_bucket(Bucket=name)
    stage_photos(name, train=40, validation=10)
    return name


@pytest.fixture(scope="session")
def role(aws: dict[str, str]) -> str:
    """Return a role with every permission that jobs and endpoints need."""
    return create_role(f"{NAME}-role", "sagemaker", TRAIN_AND_SERVE)


@pytest.fixture(scope="session")
def sagemaker(aws: dict[str, str]) -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="session")
def runtime(aws: dict[str, str]) -> Any:
    return boto3.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture(scope="session")
def job(sagemaker: Any, bucket: str, role: str) -> dict[str, Any]:
    """Return the description of a completed training job."""
    sagemaker.create_training_job(**job_request(NAME, bucket, role, Tags=[{"Key": "team", "Value": "scones"}]))
    return ended_job(sagemaker, NAME)


@pytest.fixture(scope="session")
def model(sagemaker: Any, job: dict[str, Any], role: str) -> str:
    """Return the name of the model that the job trained."""
    definition = container_definition(job["ModelArtifacts"]["S3ModelArtifacts"])
    sagemaker.create_model(ModelName=NAME, PrimaryContainer=definition, ExecutionRoleArn=role)
    return NAME


@pytest.fixture(scope="session")
def endpoint(sagemaker: Any, model: str, bucket: str) -> Iterator[str]:
    """Yield the name of an endpoint that captures everything; no test changes it."""
    capture = capture_config(bucket)
    sagemaker.create_endpoint_config(
        EndpointConfigName=NAME, ProductionVariants=[variant(model)], DataCaptureConfig=capture
    )
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    assert settled_endpoint(NAME)["EndpointStatus"] == "InService"
    yield NAME
    delete_endpoint(NAME)


@pytest.fixture
def create_endpoint(sagemaker: Any) -> Iterator[CreateEndpoint]:
    """Yield a function that creates an endpoint, for one test, with a configuration of the same name."""
    created = []

    def create(name: str, *variants: dict[str, Any], **config: Any) -> str:
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **config)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        created.append(name)
        return name

    yield create
    for name in created:
        delete_endpoint(name)
