"""Code of one's own on AWS's PyTorch image: trained from the bucket, served from the model's archive."""

import os
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud.sagemaker.opt_ml import namespace
from tests.archives import archive_of
from tests.integration.sagemaker.conftest import CreateEndpoint
from tests.integration.support.endpoints import settled_endpoint, variant
from tests.integration.support.iam import TRAIN_AND_SERVE, create_role
from tests.integration.support.logs import log_of
from tests.integration.support.names import NAME
from tests.integration.support.own_code import (
    ANSWER,
    PYTORCH_IMAGE,
    SERVING_ENVIRONMENT,
    code_job_request,
    stage_code,
)
from tests.integration.support.training_jobs import ended_job, job_request
from tests.integration.support.waiting import wait_for

ledger = pytest.mark.aws
JOB = f"{NAME}-code"
IS_ACCOUNT = os.environ.get("INTEGRATION_TARGET") == "account"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
DEFINITIONS = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}, {"Name": "gain", "Regex": "gain=([0-9.]+)"}]


@pytest.fixture(scope="module")
def code_job(sagemaker: Any, bucket: str, role: str) -> dict[str, Any]:
    """Return the description of a completed job whose code was in the bucket only."""
    stage_code(bucket)
    sagemaker.create_training_job(**code_job_request(JOB, bucket, role, MetricDefinitions=DEFINITIONS))
    return ended_job(sagemaker, JOB)


@ledger(
    "SageMaker",
    "AWS's PyTorch image trains: ContainerEntrypoint and ContainerArguments, code from a channel that the role can "
    "read, PYTHONPATH from Environment",
    "approximate",
    "`python` and its packages are this machine's, with the image's version of PyTorch",
)
def test_a_job_runs_the_code_in_the_bucket_and_not_the_checkout_s(code_job: dict[str, Any]) -> None:
    assert code_job["TrainingJobStatus"] == "Completed", code_job.get("FailureReason")
    log = log_of(LOG_GROUP, f"{JOB}/")
    assert f"{ANSWER.decode()} channels ['code']" in log
    assert "in [] loss=0.5" in log  # its working directory is neither the checkout nor the code's


@ledger(
    "SageMaker",
    "code that names /opt/ml itself finds its channels, configuration, model and output there",
    "approximate",
    "where the machine allows mounts: Linux, outside of Docker's default profile",
)
def test_a_job_s_code_may_name_opt_ml(code_job: dict[str, Any]) -> None:
    found = next(line for line in log_of(LOG_GROUP, f"{JOB}/") if line.startswith("under /opt/ml"))
    assert found == ("under /opt/ml ['code']" if IS_ACCOUNT or namespace() else "under /opt/ml []")


@ledger("SageMaker", "MetricDefinitions of the request: FinalMetricDataList and CloudWatch", "exact")
def test_a_job_is_measured_by_its_own_definitions(code_job: dict[str, Any]) -> None:
    assert [(one["MetricName"], one["Value"]) for one in code_job["FinalMetricDataList"]] == [("loss", 0.25)]
    names = boto3.client("cloudwatch").list_metrics(Dimensions=[{"Name": "TrainingJobName", "Value": JOB}])["Metrics"]
    assert [one["MetricName"] for one in names] == ["loss"]


def test_a_role_that_may_not_read_the_code_fails_the_job(sagemaker: Any, bucket: str, code_job: dict[str, Any]) -> None:
    name = f"{NAME}-no-code"
    denied = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/code/*"}
    role = create_role(name, "sagemaker", TRAIN_AND_SERVE, denied)
    sagemaker.create_training_job(**code_job_request(name, bucket, role))
    assert "AccessDenied" in ended_job(sagemaker, name)["FailureReason"]


@ledger("SageMaker", "an entrypoint that is missing or not executable: AlgorithmError, exit code 127 or 126", "exact")
def test_an_entrypoint_that_is_missing_fails_the_job(
    sagemaker: Any, bucket: str, role: str, code_job: dict[str, Any]
) -> None:
    name = f"{NAME}-no-program"
    sagemaker.create_training_job(**code_job_request(name, bucket, role, ContainerEntrypoint=["no-such-program"]))
    reason = ended_job(sagemaker, name)["FailureReason"]
    assert reason.startswith("AlgorithmError: no-such-program") and reason.endswith("exit code: 127")


@ledger(
    "SageMaker",
    "SageMaker's training toolkit, which AWS's PyTorch image starts when ContainerEntrypoint is missing",
    "absent",
    "ValidationException that names it",
)
@ledger(
    "SageMaker",
    "an entrypoint for a built-in algorithm",
    "absent",
    "ValidationException that names ContainerEntrypoint",
)
@pytest.mark.parametrize(
    ("image", "entrypoint", "sentence"),
    [
        (PYTORCH_IMAGE, {}, "SageMaker's training toolkit, which the image .*ContainerEntrypoint is missing"),
        (None, {"ContainerEntrypoint": ["python"]}, r"AlgorithmSpecification.ContainerEntrypoint of the image"),
    ],
)
def test_what_no_program_here_does_is_refused(
    sagemaker: Any, bucket: str, role: str, image: str | None, entrypoint: dict[str, Any], sentence: str
) -> None:
    request = job_request("x", bucket, role)
    request["AlgorithmSpecification"] |= entrypoint | ({"TrainingImage": image} if image else {})
    with pytest.raises(ClientError, match=rf"ValidationException.*does not emulate {sentence}"):
        sagemaker.create_training_job(**request)


# Serving -----------------------------------------------------------------------------------------------------


def create_model(name: str, uri: str, role: str) -> None:
    definition: Any = {"Image": PYTORCH_IMAGE, "ModelDataUrl": uri, "Environment": SERVING_ENVIRONMENT}
    boto3.client("sagemaker").create_model(ModelName=name, PrimaryContainer=definition, ExecutionRoleArn=role)


@ledger(
    "SageMaker",
    "AWS's PyTorch image serves: its start script evaluates `serve` in bash, which has read BASH_ENV",
    "approximate",
    "the script reports nothing to AWS, whatever OPT_OUT_TRACKING says",
)
def test_an_endpoint_serves_with_the_code_of_the_archive(
    runtime: Any, code_job: dict[str, Any], role: str, create_endpoint: CreateEndpoint
) -> None:
    create_model(JOB, code_job["ModelArtifacts"]["S3ModelArtifacts"], role)
    description = settled_endpoint(create_endpoint(JOB, variant(JOB)))
    assert description["EndpointStatus"] == "InService", description
    answer = runtime.invoke_endpoint(EndpointName=JOB, ContentType="image/png", Body=b"a photo")
    assert answer["Body"].read() == ANSWER


@ledger("SageMaker", "an archive whose code does not start the server: Failed, with the reason in the log", "exact")
@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({}, "serve: command not found"),
        ({"code/container.sh": b"serve() { exec python -m no_such_package; }"}, "No module named no_such_package"),
        ({"code/container.sh": b"echo no weights; exit 3"}, "no weights"),
    ],
    ids=["none", "module", "exit"],
)
def test_an_archive_that_does_not_start_fails_the_endpoint(
    bucket: str, role: str, create_endpoint: CreateEndpoint, files: dict[str, bytes], line: str
) -> None:
    name = f"{NAME}-code-{len(line)}"
    boto3.client("s3").put_object(Bucket=bucket, Key=f"models/{name}.tar.gz", Body=archive_of(files))
    create_model(name, f"s3://{bucket}/models/{name}.tar.gz", role)
    description = settled_endpoint(create_endpoint(name, variant(name)))
    assert description["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in description["FailureReason"]
    wait_for(lambda: any(line in one for one in log_of(f"/aws/sagemaker/Endpoints/{name}", "AllTraffic/")))
