"""What the tests of SageMaker share: requests, and waiting for what comes of them."""

import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import numpy as np
import psutil
import pytest
from botocore.config import Config
from PIL import Image
from sagemaker.core import image_uris

IMAGE = image_uris.retrieve("image-classification", "us-east-1")
NAME = f"it-{uuid.uuid4().hex[:8]}"  # what everything here is called, or starts with
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
EVERYTHING = {"Effect": "Allow", "Action": ["s3:*", "logs:*", "cloudwatch:*", "ecr:*"], "Resource": "*"}
# A client that sends what botocore would refuse itself.
UNCHECKED = Config(parameter_validation=False, retries={"total_max_attempts": 1})

# Some tests end or look into processes of this machine.
only_local = pytest.mark.skipif("os.environ.get('INTEGRATION_TARGET') == 'account'", reason="needs the local cloud")


def wait(reached: Callable[[], Any], seconds: float = 120) -> Any:
    """Return the first true value of `reached`."""
    deadline = time.monotonic() + seconds
    while not (value := reached()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)
    return value


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def create_role(name: str, *statements: dict[str, Any], trust: dict[str, Any] = TRUST) -> str:
    """Return the ARN of a new role that SageMaker may assume."""
    iam = boto3.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document(*statements))
    return arn


def png(label: int, seed: int = 0) -> bytes:
    """A noisy image, dark for label 0 and light for label 1."""
    noise = np.random.default_rng(seed).integers(0, 100, (32, 32, 3)) + 120 * label
    buffer = io.BytesIO()
    Image.fromarray(noise.astype("uint8")).save(buffer, "PNG")
    return buffer.getvalue()


def archive_without_a_model() -> bytes:
    buffer = io.BytesIO()
    tarfile.open(fileobj=buffer, mode="w:gz").close()
    return buffer.getvalue()


# Training ------------------------------------------------------------------------------------------------------


def job_request(name: str, bucket: str, role: str, **changes: Any) -> dict[str, Any]:
    uris = {
        "train": "images/train/",
        "validation": "images/validation/",
        "train_lst": "lists/train.lst",
        "validation_lst": "lists/validation.lst",
    }
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": hyperparameters(epochs="2"),
        "InputDataConfig": [channel(name, f"s3://{bucket}/{key}") for name, key in uris.items()],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
        "ResourceConfig": {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }


def hyperparameters(**changes: str) -> dict[str, str]:
    return {"num_classes": "2", "num_training_samples": "40", "image_shape": "3,32,32", **changes}


def channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
    return {"ChannelName": name, "ContentType": "application/x-image", "DataSource": source}


def ended_job(sagemaker: Any, name: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    result: dict[str, Any] = wait(ended)
    return result


def log_of(group: str, stream_prefix: str) -> list[str]:
    """Return the messages that have been logged, none while there is no such stream."""
    logs = boto3.client("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream_prefix)["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    ]


# Endpoints -----------------------------------------------------------------------------------------------------


def variant(model_name: str, name: str = "AllTraffic", **changes: Any) -> dict[str, Any]:
    common = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return {"VariantName": name, "ModelName": model_name, **common, **changes}


def capture_config(bucket: str, **changes: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        **changes,
    }


def settled(sagemaker: Any, name: str) -> dict[str, Any]:
    """Return the endpoint's description once nothing happens to it."""

    def description() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        return found if found["EndpointStatus"] in ("InService", "Failed") else None

    result: dict[str, Any] = wait(description)
    return result


def delete_endpoint(sagemaker: Any, name: str) -> None:
    settled(sagemaker, name)
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def captured(bucket: str, endpoint_name: str, prefix: str = "captured") -> list[dict[str, Any]]:
    """Return every captured record of an endpoint."""
    objects = boto3.resource("s3").Bucket(bucket).objects.filter(Prefix=f"{prefix}/{endpoint_name}/")
    return [json.loads(line) for one in objects for line in one.get()["Body"].read().splitlines()]


# Processes -----------------------------------------------------------------------------------------------------


def container(variable: str, value: str) -> psutil.Process:
    """Return the process of a training job or an endpoint: the one with this in its environment."""

    def find() -> psutil.Process | None:
        for process in psutil.process_iter():
            try:
                if value in process.environ().get(variable, ""):
                    return process
            except psutil.Error:  # ended, or another user's
                continue
        return None

    found: psutil.Process = wait(find)
    return found
