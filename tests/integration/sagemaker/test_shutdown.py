"""What becomes of jobs, endpoints and captured records when the local cloud is stopped and started again."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from localcloud.environment import client_environment
from localcloud.process import free_port
from tests.integration.sagemaker.support import (
    EVERYTHING,
    IMAGE,
    capture_config,
    captured,
    container,
    create_role,
    ended_job,
    hyperparameters,
    job_request,
    only_local,
    png,
    settled,
    variant,
)

ROOT = Path(__file__).parents[3]

Localcloud = Callable[..., None]


@pytest.fixture
def localcloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Localcloud]:
    """Return a function that gives commands to a local cloud of the test's own; clients are led to it."""
    port = str(free_port())

    def command(*words: str) -> None:
        program = [sys.executable, "-m", "localcloud", "--directory", tmp_path / "cloud"]
        subprocess.run([*program, *words], cwd=ROOT, check=True)

    for name, value in client_environment(int(port)).items():
        monkeypatch.setenv(name, value)
    command("up", "--port", port)
    yield command
    command("down")


@pytest.fixture
def model_archive(job: dict[str, Any], bucket: str) -> bytes:
    """The model of the cloud that the other tests share."""
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{bucket}/")
    return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


@only_local
@pytest.mark.aws("SageMaker Runtime", "data capture: nothing is lost when the local cloud is stopped", "exact")
@pytest.mark.aws("Local cloud", "endpoints come back InService after down and up", "exact")
@pytest.mark.aws(
    "Local cloud",
    "a training job that runs when the cloud is stopped",
    "approximate",
    "its process ends and it is Failed, with that reason",
)
def test_a_stopped_cloud_loses_nothing_but_its_jobs(model_archive: bytes, localcloud: Localcloud) -> None:
    boto3.client("s3").create_bucket(Bucket="data")
    boto3.client("s3").put_object(Bucket="data", Key="model.tar.gz", Body=model_archive)
    role, sagemaker, runtime = (
        create_role("r", EVERYTHING),
        boto3.client("sagemaker"),
        boto3.client("sagemaker-runtime"),
    )
    definition = {"Image": IMAGE, "ModelDataUrl": "s3://data/model.tar.gz"}
    sagemaker.create_model(ModelName="m", PrimaryContainer=definition, ExecutionRoleArn=role)
    sagemaker.create_endpoint_config(
        EndpointConfigName="c", ProductionVariants=[variant("m")], DataCaptureConfig=capture_config("data")
    )
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    training = start_job(sagemaker, role)
    settled(sagemaker, "e")
    for number in range(20):
        runtime.invoke_endpoint(EndpointName="e", ContentType="image/png", Body=png(number % 2))
    localcloud("down")
    assert not training.is_running()
    localcloud("up")
    assert len(captured("data", "e")) == 20
    assert ended_job(sagemaker, "j")["FailureReason"].startswith("InternalServerError: the local cloud was stopped")
    runtime.invoke_endpoint(EndpointName="e", ContentType="image/png", Body=png(1))  # waits until it is back
    assert settled(sagemaker, "e")["EndpointStatus"] == "InService"


def start_job(sagemaker: Any, role: str) -> psutil.Process:
    """Return the process of a training job that has data for one epoch after the other."""
    for split in ("train", "validation"):
        rows = []
        for row in range(4):
            boto3.client("s3").put_object(Bucket="data", Key=f"images/{split}/{row}.png", Body=png(row % 2, row))
            rows.append(f"{row}\t{row % 2}\t{row}.png\n")
        boto3.client("s3").put_object(Bucket="data", Key=f"lists/{split}.lst", Body="".join(rows).encode())
    request = job_request("j", "data", role, HyperParameters=hyperparameters(epochs="100000"))
    sagemaker.create_training_job(**request)
    return container("TRAINING_JOB_NAME", "j")
