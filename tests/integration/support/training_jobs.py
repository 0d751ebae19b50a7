"""Requests for training jobs, and their ends."""

from typing import Any

from sagemaker.core import image_uris

from tests.integration.support.waiting import wait_for

IMAGE: str = image_uris.retrieve("image-classification", "us-east-1")  # endpoints are served by it too
CHANNELS = {  # name -> key or prefix in the bucket, as support/photos.py stages them
    "train": "images/train/",
    "validation": "images/validation/",
    "train_lst": "lists/train.lst",
    "validation_lst": "lists/validation.lst",
}


def job_request(name: str, bucket: str, role: str, **changes: Any) -> dict[str, Any]:
    """Return the arguments of CreateTrainingJob; `changes` replace whole members."""
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": hyperparameters(epochs="2"),
        "InputDataConfig": [channel(name, f"s3://{bucket}/{key}") for name, key in CHANNELS.items()],
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
    """Wait for the end of a job and return its description."""

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return wait_for(ended)
