"""Jobs, endpoints and captured records when the local cloud is stopped and started again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from tests.integration.support.clouds import OwnCloud, container_process, only_local, own_cloud
from tests.integration.support.endpoints import (
    capture_config,
    captured,
    container_definition,
    settled_endpoint,
    variant,
)
from tests.integration.support.iam import TRAIN_AND_SERVE, create_role
from tests.integration.support.photos import png, stage_photos
from tests.integration.support.training_jobs import ended_job, hyperparameters, job_request


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[OwnCloud]:
    """Yield a local cloud for one test; this process's AWS clients use it."""
    with own_cloud(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.fixture
def model_archive(job: dict[str, Any], bucket: str) -> bytes:
    """Return the model archive of the cloud that the other tests share."""
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{bucket}/")
    return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


@only_local
@pytest.mark.aws("SageMaker Runtime", "data capture: nothing is lost when the local cloud is stopped", "exact")
@pytest.mark.aws("Local cloud", "endpoints come back InService after down and up", "exact")
@pytest.mark.aws(
    "Local cloud",
    "a training job that runs when the cloud is stopped",
    "approximate",
    "its process ends and its status is Failed, with that reason",
)
def test_a_stopped_cloud_loses_nothing_but_its_jobs(model_archive: bytes, cloud: OwnCloud) -> None:
    boto3.client("s3").create_bucket(Bucket="data")
    boto3.client("s3").put_object(Bucket="data", Key="model.tar.gz", Body=model_archive)
    role = create_role("r", "sagemaker", TRAIN_AND_SERVE)
    sagemaker, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
    definition = container_definition("s3://data/model.tar.gz")
    sagemaker.create_model(ModelName="m", PrimaryContainer=definition, ExecutionRoleArn=role)
    sagemaker.create_endpoint_config(
        EndpointConfigName="c", ProductionVariants=[variant("m")], DataCaptureConfig=capture_config("data")
    )
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    training = start_job(sagemaker, role)
    settled_endpoint("e")
    for number in range(20):
        runtime.invoke_endpoint(EndpointName="e", ContentType="image/png", Body=png(number % 2))
    cloud.run("down")
    assert not training.is_running()
    cloud.run("up")
    assert len(captured("data", "e")) == 20
    assert ended_job(sagemaker, "j")["FailureReason"].startswith("InternalServerError: the local cloud was stopped")
    runtime.invoke_endpoint(EndpointName="e", ContentType="image/png", Body=png(1))  # waits for InService
    assert settled_endpoint("e")["EndpointStatus"] == "InService"


def start_job(sagemaker: Any, role: str) -> psutil.Process:
    """Start a training job of 100,000 epochs and return its process."""
    stage_photos("data", train=4, validation=4)
    request = job_request("j", "data", role, HyperParameters=hyperparameters(epochs="100000"))
    sagemaker.create_training_job(**request)
    return container_process("TRAINING_JOB_NAME", "j")
