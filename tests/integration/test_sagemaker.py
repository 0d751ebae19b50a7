"""SageMaker through boto3: a training job, a model, an endpoint with data capture, and their refusals."""

import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError
from PIL import Image
from sagemaker.core import image_uris

IMAGE = image_uris.retrieve("image-classification", "us-east-1")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
NAME = f"it-{uuid.uuid4().hex[:8]}"


def wait(reached: Callable[[], Any], seconds: float = 120) -> Any:
    """Return the first true value of `reached`."""
    deadline = time.monotonic() + seconds
    while not (value := reached()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)
    return value


def png(label: int, seed: int) -> bytes:
    """A noisy image, dark for label 0 and light for label 1."""
    noise = np.random.default_rng(seed).integers(0, 100, (32, 32, 3)) + 120 * label
    buffer = io.BytesIO()
    Image.fromarray(noise.astype("uint8")).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def bucket(aws: dict[str, str]) -> str:
    """A bucket with 40 training and 10 validation images and their lists."""
    bucket = boto3.resource("s3").create_bucket(Bucket=f"{NAME}-data")
    for split, number in (("train", 40), ("validation", 10)):
        rows = []
        for row in range(number):
            bucket.put_object(Key=f"images/{split}/{row}.png", Body=png(row % 2, row))
            rows.append(f"{row}\t{row % 2}\t{row}.png\n")
        bucket.put_object(Key=f"lists/{split}.lst", Body="".join(rows).encode())
    return str(bucket.name)


@pytest.fixture(scope="module")
def role(bucket: str) -> str:
    iam = boto3.client("iam")
    arn: str = iam.create_role(RoleName=f"{NAME}-role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": ["s3:*", "logs:*", "cloudwatch:*", "ecr:*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=f"{NAME}-role", PolicyName="all", PolicyDocument=policy)
    return arn


@pytest.fixture(scope="module")
def sagemaker(aws: dict[str, str]) -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def runtime(aws: dict[str, str]) -> Any:
    return boto3.client("sagemaker-runtime")


def job_request(name: str, bucket: str, role: str, **changes: Any) -> dict[str, Any]:
    uris = {
        "train": "images/train/", "validation": "images/validation/",
        "train_lst": "lists/train.lst", "validation_lst": "lists/validation.lst",
    }  # fmt: skip
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {"num_classes": "2", "num_training_samples": "40", "image_shape": "3,32,32", "epochs": "2"},
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "ContentType": "application/x-image",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{key}"}},
            }
            for channel, key in uris.items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
        "ResourceConfig": {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }


def ended_job(sagemaker: Any, name: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    result: dict[str, Any] = wait(ended)
    return result


@pytest.fixture(scope="module")
def job(sagemaker: Any, bucket: str, role: str) -> dict[str, Any]:
    sagemaker.create_training_job(**job_request(NAME, bucket, role, Tags=[{"Key": "team", "Value": "scones"}]))
    return ended_job(sagemaker, NAME)


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any, job: dict[str, Any], bucket: str, role: str) -> Iterator[str]:
    """An endpoint in service that captures everything."""
    container = {"Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName=NAME, PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "AllTraffic", "ModelName": NAME, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant], DataCaptureConfig=capture)
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    assert sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"] == "Creating"
    status = wait(lambda: (s := sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"]) != "Creating" and s)
    assert status == "InService"
    yield NAME
    sagemaker.delete_endpoint(EndpointName=NAME)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_a_job_goes_through_aws_s_statuses_to_a_model(job: dict[str, Any], bucket: str) -> None:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    statuses = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{bucket}/models/{NAME}/output/model.tar.gz"
    assert boto3.client("s3").head_object(Bucket=bucket, Key=f"models/{NAME}/output/model.tar.gz")["ContentLength"] > 0
    assert job["TrainingStartTime"] < job["TrainingEndTime"]


def test_a_job_s_metrics_and_log_are_kept(job: dict[str, Any]) -> None:
    final = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert set(final) == {"train:accuracy", "validation:accuracy"}
    logs = boto3.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    stream = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{NAME}/")["logStreams"][0]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert any("Epoch[1] Validation-accuracy=" in event["message"] for event in events)


def test_a_job_name_is_used_once(sagemaker: Any, job: dict[str, Any], bucket: str, role: str) -> None:
    with pytest.raises(ClientError, match="ResourceInUse.*Training job names must be unique"):
        sagemaker.create_training_job(**job_request(NAME, bucket, role))


def test_a_job_that_fails_says_why(sagemaker: Any, bucket: str, role: str) -> None:
    name = f"{NAME}-unknown"
    wrong = {"num_classes": "2", "num_training_samples": "40", "colour": "red"}
    sagemaker.create_training_job(**job_request(name, bucket, role, HyperParameters=wrong))
    job = ended_job(sagemaker, name)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ")
    assert "colour" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 1")


def test_a_job_without_data_fails_as_a_client_error(sagemaker: Any, bucket: str, role: str) -> None:
    request = job_request(f"{NAME}-empty", bucket, role)
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{bucket}/nothing/"
    sagemaker.create_training_job(**request)
    reason = ended_job(sagemaker, f"{NAME}-empty")["FailureReason"]
    assert reason == f"ClientError: Data download failed: no S3 objects found under s3://{bucket}/nothing/"


def test_an_unknown_image_fails_the_job(sagemaker: Any, bucket: str, role: str) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-own:1"
    specification = {"TrainingImage": image, "TrainingInputMode": "File"}
    sagemaker.create_training_job(
        **job_request(f"{NAME}-image", bucket, role, AlgorithmSpecification=specification)
    )
    assert "my-own" in ended_job(sagemaker, f"{NAME}-image")["FailureReason"]


def test_a_role_that_does_not_trust_sagemaker_is_refused(sagemaker: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="ValidationException.*Could not assume role"):
        sagemaker.create_training_job(**job_request("x", bucket, "arn:aws:iam::000000000000:role/nobody"))


def test_a_name_against_the_rules_is_refused_in_aws_s_words(aws: dict[str, str], bucket: str, role: str) -> None:
    with pytest.raises(ClientError, match="Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must"):
        boto3.client("sagemaker").create_training_job(**job_request("a_b", bucket, role))


def test_the_endpoint_answers_with_probabilities(runtime: Any, endpoint: str) -> None:
    reply = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", Body=png(1, 7))
    probabilities = json.loads(reply["Body"].read())
    assert len(probabilities) == 2
    assert sum(probabilities) == pytest.approx(1, abs=1e-4)
    assert reply["ContentType"] == "application/json"
    assert reply["InvokedProductionVariant"] == "AllTraffic"


def test_what_is_not_an_image_is_a_model_error(runtime: Any, endpoint: str) -> None:
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", Body=b"not an image")
    assert caught.value.response["Error"]["Code"] == "ModelError"
    assert caught.value.response["OriginalStatusCode"] == 400  # type: ignore[typeddict-item]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_every_inference_is_captured_once(runtime: Any, endpoint: str, bucket: str) -> None:
    ids = {f"capture-{number}" for number in range(25)}
    image = png(0, 3)
    for inference_id in ids:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", InferenceId=inference_id, Body=image)
    records = wait(lambda: len(found := captured(bucket, endpoint, ids)) == len(ids) and found, 30)
    assert {record["eventMetadata"]["inferenceId"] for record in records} == ids
    assert records[0]["captureData"]["endpointInput"]["encoding"] == "BASE64"
    assert records[0]["captureData"]["endpointOutput"]["encoding"] == "JSON"
    assert len(json.loads(records[0]["captureData"]["endpointOutput"]["data"])) == 2


def captured(bucket: str, endpoint: str, ids: set[str]) -> list[dict[str, Any]]:
    objects = boto3.resource("s3").Bucket(bucket).objects.filter(Prefix=f"captured/{endpoint}/AllTraffic/")
    lines = [json.loads(line) for one in objects for line in one.get()["Body"].read().splitlines()]
    return [line for line in lines if line["eventMetadata"].get("inferenceId") in ids]


def test_an_unknown_endpoint_is_not_found(runtime: Any) -> None:
    with pytest.raises(ClientError, match=r"ValidationError.*Endpoint nowhere of account \d+ not found"):
        runtime.invoke_endpoint(EndpointName="nowhere", Body=b"")


def test_an_endpoint_is_updated_without_a_failed_request(sagemaker: Any, runtime: Any, endpoint: str) -> None:
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint)
    sagemaker.create_endpoint_config(
        EndpointConfigName=f"{NAME}-2", ProductionVariants=[{**config["ProductionVariants"][0], "VariantName": "Two"}]
    )
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=f"{NAME}-2")
    variants = []
    while sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Updating" or "Two" not in variants:
        reply = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", Body=png(1, 9))
        variants.append(reply["InvokedProductionVariant"])
        assert len(variants) < 10_000
    assert variants[0] == "AllTraffic"
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"] == f"{NAME}-2"


def test_an_endpoint_whose_model_cannot_be_loaded_fails(sagemaker: Any, bucket: str, role: str) -> None:
    boto3.client("s3").put_object(Bucket=bucket, Key="models/broken.tar.gz", Body=empty_archive())
    name = f"{NAME}-broken"
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/models/broken.tar.gz"}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "A", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    wait(lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Failed")
    assert "did not pass the ping health check" in sagemaker.describe_endpoint(EndpointName=name)["FailureReason"]
    sagemaker.delete_endpoint(EndpointName=name)


def empty_archive() -> bytes:
    import tarfile

    buffer = io.BytesIO()
    tarfile.open(fileobj=buffer, mode="w:gz").close()
    return buffer.getvalue()


def test_a_missing_model_archive_is_refused(sagemaker: Any, bucket: str, role: str) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/models/none.tar.gz"}
    with pytest.raises(ClientError, match="ValidationException.*Could not find model data"):
        sagemaker.create_model(ModelName="x", PrimaryContainer=container, ExecutionRoleArn=role)


@pytest.mark.parametrize(
    ("call", "arguments", "noun"),
    [
        ("describe_endpoint", {"EndpointName": "none"}, "endpoint"),
        ("delete_endpoint", {"EndpointName": "none"}, "endpoint"),
        ("describe_endpoint_config", {"EndpointConfigName": "none"}, "endpoint configuration"),
        ("describe_model", {"ModelName": "none"}, "model"),
        ("create_endpoint", {"EndpointName": "none", "EndpointConfigName": "none"}, "endpoint configuration"),
    ],
)
def test_what_is_missing_is_named(sagemaker: Any, call: str, arguments: dict[str, str], noun: str) -> None:
    with pytest.raises(ClientError, match=f'ValidationException.*Could not find {noun} "arn:aws:sagemaker:'):
        getattr(sagemaker, call)(**arguments)


def test_lists_are_filtered_and_paged(sagemaker: Any, role: str, bucket: str, job: dict[str, Any]) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    for number in range(5):
        name = f"{NAME}-list-{number}"
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    pages = sagemaker.get_paginator("list_models").paginate(
        NameContains=f"{NAME}-list", SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    names = [[model["ModelName"] for model in page["Models"]] for page in pages]
    assert names == [[f"{NAME}-list-{n}" for n in page] for page in ([0, 1], [2, 3], [4])]
    for page in names:
        for name in page:
            sagemaker.delete_model(ModelName=name)


def test_tags_stay_with_their_resource(sagemaker: Any, job: dict[str, Any]) -> None:
    arn = job["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "low"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "cost", "Value": "low"}]


def test_what_is_not_emulated_says_so(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="UnknownOperationException.*does not emulate sagemaker:ListProcessingJobs"):
        sagemaker.list_processing_jobs()
