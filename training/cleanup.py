"""Step `cleanup`: delete what the runs of a stack made, and only that, and prove that nothing is left."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich.console import Console

from training.config import CAPTURE_PREFIX, IMAGE_PREFIX, LIST_PREFIX, MODEL_PREFIX, SPLITS, STACK_TAG, Stack
from training.errors import CleanupError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

POLL_SECONDS = 1.0
WAIT_SECONDS = 900


@dataclass(frozen=True)
class Clients:
    """The services that hold what a run makes."""

    sagemaker: "SageMakerClient"
    s3: "S3Client"
    logs: "CloudWatchLogsClient"


@dataclass(frozen=True)
class Leftover:
    """Something that a run made, and how to delete it."""

    name: str
    delete: Callable[[], object]


def cleanup(stack: Stack, clients: Clients, console: Console) -> list[str]:
    """Delete everything in order and return the names of what was deleted.

    The stack itself stays: `sam delete` removes it. Objects elsewhere in its bucket stay too.

    Raises:
        CleanupError: Something is still there afterwards.
    """
    deleted = []
    for leftover in find(stack, clients):
        leftover.delete()
        console.print(f"Deleted {leftover.name}", highlight=False)
        deleted.append(leftover.name)
    remaining = [leftover.name for leftover in find(stack, clients)]
    if remaining:
        raise CleanupError(f"Clean-up left {', '.join(remaining)}: run it again.")
    console.print(f"Nothing is left of the runs of {stack.name}." if deleted else "There was nothing to delete.")
    return deleted


def find(stack: Stack, clients: Clients) -> Iterator[Leftover]:
    """Yield what is there, in the order in which it can be deleted: what costs money first."""
    yield from training_jobs(stack, clients.sagemaker)
    yield from endpoints(stack, clients.sagemaker)
    yield from endpoint_configs(stack, clients.sagemaker)
    yield from models(stack, clients.sagemaker)
    prefixes = [f"{CAPTURE_PREFIX}/{stack.endpoint_name}/", f"{LIST_PREFIX}/", f"{MODEL_PREFIX}/"]
    for prefix in [*prefixes, *(f"{IMAGE_PREFIX}/{split}/" for split in SPLITS)]:
        yield from objects(stack.bucket, prefix, clients.s3)
    yield from log_groups(stack, clients.logs)


def training_jobs(stack: Stack, sagemaker: "SageMakerClient") -> Iterator[Leftover]:
    """Yield the jobs that still run: ended ones cost nothing and stay in SageMaker's history."""
    pages = sagemaker.get_paginator("list_training_jobs").paginate(NameContains=stack.name, StatusEquals="InProgress")
    for job in (job for page in pages for job in page["TrainingJobSummaries"]):
        name = job["TrainingJobName"]
        if is_ours(job["TrainingJobArn"], stack, sagemaker):
            yield Leftover(f"training job {name} (stopped)", partial(stop_training_job, sagemaker, name))


def stop_training_job(sagemaker: "SageMakerClient", name: str) -> None:
    sagemaker.stop_training_job(TrainingJobName=name)
    ended = ("Stopped", "Failed", "Completed")
    wait_until(lambda: sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in ended)


def endpoints(stack: Stack, sagemaker: "SageMakerClient") -> Iterator[Leftover]:
    pages = sagemaker.get_paginator("list_endpoints").paginate(NameContains=stack.endpoint_name)
    for endpoint in (endpoint for page in pages for endpoint in page["Endpoints"]):
        name = endpoint["EndpointName"]
        if is_ours(endpoint["EndpointArn"], stack, sagemaker):
            yield Leftover(f"endpoint {name}", partial(delete_endpoint, sagemaker, name))


def delete_endpoint(sagemaker: "SageMakerClient", name: str) -> None:
    """Delete an endpoint once it is settled, and wait until it is gone."""
    changing = ("Creating", "Updating", "SystemUpdating", "RollingBack")
    wait_until(lambda: endpoint_status(sagemaker, name) not in changing)
    sagemaker.delete_endpoint(EndpointName=name)
    wait_until(lambda: endpoint_status(sagemaker, name) is None)


def endpoint_status(sagemaker: "SageMakerClient", name: str) -> str | None:
    """Return the status of an endpoint, None when there is none."""
    try:
        return sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]
    except ClientError as err:
        if "Could not find" not in str(err):
            raise
        return None


def endpoint_configs(stack: Stack, sagemaker: "SageMakerClient") -> Iterator[Leftover]:
    pages = sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=stack.endpoint_name)
    for config in [config for page in pages for config in page["EndpointConfigs"]]:
        name = config["EndpointConfigName"]
        if is_ours(config["EndpointConfigArn"], stack, sagemaker):
            yield Leftover(
                f"endpoint configuration {name}",
                partial(sagemaker.delete_endpoint_config, EndpointConfigName=name),
            )


def models(stack: Stack, sagemaker: "SageMakerClient") -> Iterator[Leftover]:
    pages = sagemaker.get_paginator("list_models").paginate(NameContains=stack.name)
    for model in [model for page in pages for model in page["Models"]]:
        name = model["ModelName"]
        if is_ours(model["ModelArn"], stack, sagemaker):
            yield Leftover(f"model {name}", partial(sagemaker.delete_model, ModelName=name))


def is_ours(arn: str, stack: Stack, sagemaker: "SageMakerClient") -> bool:
    """Tell whether a run of this stack made the resource: a name alone could be a coincidence."""
    return {"Key": STACK_TAG, "Value": stack.name} in sagemaker.list_tags(ResourceArn=arn)["Tags"]


def objects(bucket: str, prefix: str, s3: "S3Client") -> Iterator[Leftover]:
    """Yield the objects under a prefix as one, with all their versions."""
    number = sum(len(versions) for versions in object_versions(bucket, prefix, s3))
    if number:
        yield Leftover(
            f"s3://{bucket}/{prefix} ({number} object versions)", partial(delete_objects, bucket, prefix, s3)
        )


def object_versions(bucket: str, prefix: str, s3: "S3Client") -> Iterator[list[Any]]:
    """Yield the versions and delete markers under a prefix, at most 1,000 at a time."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


def delete_objects(bucket: str, prefix: str, s3: "S3Client") -> None:
    for versions in [versions for versions in object_versions(bucket, prefix, s3) if versions]:
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
        if answer.get("Errors"):
            first = answer["Errors"][0]
            raise CleanupError(f"s3://{bucket}/{first.get('Key')} cannot be deleted: {first.get('Message')}")


def log_groups(stack: Stack, logs: "CloudWatchLogsClient") -> Iterator[Leftover]:
    """Yield the log group that the endpoint's containers wrote."""
    name = f"/aws/sagemaker/Endpoints/{stack.endpoint_name}"
    for group in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]:
        if group["logGroupName"] == name:
            yield Leftover(f"log group {name}", partial(logs.delete_log_group, logGroupName=name))


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise CleanupError(f"A deletion has not ended after {WAIT_SECONDS} s: run cleanup again.")
        time.sleep(POLL_SECONDS)
