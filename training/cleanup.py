"""Step `cleanup`: delete what the runs of a stack made, and only that, and check that nothing is left."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from training import expiry, guardrails, remains, scaling
from training.config import (
    CODE_PREFIX,
    IMAGE_PREFIX,
    INCOMING_PREFIX,
    INSTANCES_TAG,
    LIST_PREFIX,
    MANIFEST_PREFIX,
    MODEL_PREFIX,
    REPORT_PREFIX,
    REVIEW_PREFIX,
    SPLITS,
    TRY_PREFIX,
    VERDICT_PREFIX,
    WATCH_PREFIX,
    Stack,
    candidate_name,
    capture_prefix,
    image_prefix,
    traffic_prefix,
)
from training.context import Context, of_candidate
from training.errors import CleanupError
from training.objects import delete_objects, object_versions
from training.refusals import is_denied, is_missing
from training.watch import schedule

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

OWN_PREFIXES = (
    LIST_PREFIX,
    CODE_PREFIX,
    MODEL_PREFIX,
    MANIFEST_PREFIX,
    WATCH_PREFIX,
    REPORT_PREFIX,
    VERDICT_PREFIX,
    REVIEW_PREFIX,
    TRY_PREFIX,
)
POLL_SECONDS = 1.0
WAIT_SECONDS = 900


@dataclass(frozen=True)
class Leftover:
    """Something that a run made, and how to delete it."""

    name: str
    delete: Callable[[], object]


def cleanup(context: Context, everything: bool = False) -> list[str]:
    """Delete everything that the runs made and return the names of what was deleted.

    The stack itself stays (`sam delete` removes it). So does what somebody else put into its bucket, unless the user
    wants that deleted too, or `everything`.

    Raises:
        CleanupError: Something is left after the deletion.
    """
    stack, console = context.stack, context.console
    deleted = delete(context, find(context))
    deleted += delete(context, captures(context))  # what arrived while the rest was deleted
    remaining = [leftover.name for leftover in find(context)]
    if remaining:
        raise CleanupError(f"Cleanup left {', '.join(remaining)}: run it again.")
    console.print(f"Nothing is left of the runs of {stack.name}." if deleted else "There was nothing to delete.")
    tell_unproven(context, deleted)
    return deleted + remains.offer(context, everything)


def delete(context: Context, leftovers: Iterator[Leftover]) -> list[str]:
    """Delete each leftover as it is found, and return their names."""
    deleted = []
    for leftover in leftovers:
        leftover.delete()
        context.console.print(f"Deleted {leftover.name}", highlight=False)
        deleted.append(leftover.name)
    return deleted


def tell_unproven(context: Context, deleted: list[str]) -> None:
    """Say what may be left all the same."""
    name = context.stack.endpoint_name
    if f"endpoint {name}" in deleted:
        context.console.print(
            "What the endpoint captured last can arrive for some minutes more: run cleanup again before `sam delete`, "
            "or leave it to the bucket's lifecycle rule."
        )
    try:
        expiry.read(context)
    except ClientError as err:
        if not is_denied(err):
            raise
        unread = expiry.schedule_name(name)
        context.console.print(f"Whether there is a schedule {unread} is not readable: {err}", highlight=False)


def find(context: Context) -> Iterator[Leftover]:
    """Yield what the runs have left, in the order in which it can be deleted: what costs money first."""
    stack, clients = context.stack, context.clients
    yield from scheduled_runs(context)
    yield from batches(context)
    yield from training_jobs(context)
    yield from endpoints(context)
    yield from schedules(context)
    yield from endpoint_configs(context)
    yield from models(context)
    yield from captures(context)
    sent = map(traffic_prefix, (IMAGE_PREFIX, INCOMING_PREFIX))
    for prefix in (*(f"{prefix}/" for prefix in OWN_PREFIXES), *map(image_prefix, SPLITS), *sent):
        yield from objects(stack.bucket, prefix, clients.s3)
    yield from log_groups(stack, clients.logs)
    yield from alarms(stack, clients.cloudwatch)


def training_jobs(context: Context) -> Iterator[Leftover]:
    """Yield the jobs that are running: ended jobs cost nothing and stay in SageMaker's history."""
    sagemaker = context.clients.sagemaker
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains=context.stack.name, StatusEquals="InProgress"
    )
    for job in (job for page in pages for job in page["TrainingJobSummaries"]):
        name = job["TrainingJobName"]
        if context.owns(job["TrainingJobArn"]):
            yield Leftover(f"training job {name} (stopped)", partial(stop_training_job, sagemaker, name))


def stop_training_job(sagemaker: "SageMakerClient", name: str) -> None:
    sagemaker.stop_training_job(TrainingJobName=name)
    ended = ("Stopped", "Failed", "Completed")
    wait_until(lambda: sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in ended)


def scheduled_runs(context: Context) -> Iterator[Leftover]:
    """Yield the schedule of monitor, then its runs; somebody who may not look for them has scheduled none."""
    try:
        if schedule.read(context) is not None:
            yield Leftover(f"schedule {schedule.schedule_name(context.stack)}", partial(schedule.delete, context))
        running = schedule.running_jobs(context)
    except ClientError as err:
        if not is_denied(err):
            raise
        return
    for name in running:
        yield Leftover(f"run of monitor {name} (stopped)", partial(stop_run, context.clients.sagemaker, name))


def stop_run(sagemaker: "SageMakerClient", name: str) -> None:
    sagemaker.stop_processing_job(ProcessingJobName=name)
    ended = ("Stopped", "Failed", "Completed")
    wait_until(lambda: sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"] in ended)


def batches(context: Context) -> Iterator[Leftover]:
    """Yield the batches that are running; somebody who may not list them runs none."""
    client, machine = context.clients.stepfunctions, context.stack.batch_machine_arn
    if not machine:  # of an older template
        return
    try:
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter="RUNNING")
        running = [one for page in pages for one in page["executions"]]
    except ClientError as err:
        if not is_denied(err):
            raise
        return
    for one in running:
        yield Leftover(f"batch {one['name']} (stopped)", partial(stop_batch, context, one["executionArn"]))


def stop_batch(context: Context, arn: str) -> None:
    client = context.clients.stepfunctions
    client.stop_execution(executionArn=arn, error="Cleanup", cause="`cleanup` stopped this batch.")
    wait_until(lambda: client.describe_execution(executionArn=arn)["status"] != "RUNNING")


def endpoints(context: Context) -> Iterator[Leftover]:
    sagemaker = context.clients.sagemaker
    pages = sagemaker.get_paginator("list_endpoints").paginate(NameContains=context.stack.endpoint_name)
    for endpoint in (endpoint for page in pages for endpoint in page["Endpoints"]):
        name, tags = endpoint["EndpointName"], context.tags_of(endpoint["EndpointArn"])
        if context.is_ours(tags):
            if scaling.scaled_between(tags):  # or new instances could keep the deletion from ending
                yield Leftover(f"scaling of endpoint {name}", partial(stop_scaling, context, name))
            yield Leftover(f"endpoint {name}", partial(delete_endpoint, sagemaker, name))


def stop_scaling(context: Context, name: str) -> None:
    """Deregister an endpoint from Application Auto Scaling, and forget that it was scaled."""
    scaling.deregister(name, context.clients.autoscaling)
    arn = context.clients.sagemaker.describe_endpoint(EndpointName=name)["EndpointArn"]
    context.clients.sagemaker.delete_tags(ResourceArn=arn, TagKeys=[INSTANCES_TAG])


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
        if not is_missing(err):
            raise
        return None


def schedules(context: Context) -> Iterator[Leftover]:
    """Yield the schedules of expiries; the endpoints come first, because they are what costs.

    A schedule that the caller may not read ends by itself.
    """
    for one in (context, of_candidate(context)):
        try:
            found = expiry.read(one)
        except ClientError as err:
            if not is_denied(err):
                raise
            return
        if found is not None:
            yield Leftover(f"schedule {found['Name']}", partial(expiry.delete, one))


def captures(context: Context) -> Iterator[Leftover]:
    stack = context.stack
    yield from objects(stack.bucket, capture_prefix(stack.endpoint_name), context.clients.s3)


def endpoint_configs(context: Context) -> Iterator[Leftover]:
    sagemaker = context.clients.sagemaker
    pages = sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=context.stack.endpoint_name)
    for config in [config for page in pages for config in page["EndpointConfigs"]]:
        name = config["EndpointConfigName"]
        if context.owns(config["EndpointConfigArn"]):
            yield Leftover(
                f"endpoint configuration {name}",
                partial(sagemaker.delete_endpoint_config, EndpointConfigName=name),
            )


def models(context: Context) -> Iterator[Leftover]:
    sagemaker = context.clients.sagemaker
    pages = sagemaker.get_paginator("list_models").paginate(NameContains=context.stack.name)
    for model in [model for page in pages for model in page["Models"]]:
        name = model["ModelName"]
        if context.owns(model["ModelArn"]):
            yield Leftover(f"model {name}", partial(sagemaker.delete_model, ModelName=name))


def objects(bucket: str, prefix: str, s3: "S3Client") -> Iterator[Leftover]:
    """Yield all versions of the objects under a prefix as one leftover."""
    number = sum(len(versions) for versions in object_versions(bucket, prefix, s3))
    if number:
        yield Leftover(
            f"s3://{bucket}/{prefix} ({number} object versions)", partial(delete_objects, bucket, prefix, s3)
        )


def alarms(stack: Stack, cloudwatch: "CloudWatchClient") -> Iterator[Leftover]:
    for name in guardrails.found_alarms(stack, cloudwatch):
        yield Leftover(f"alarm {name}", partial(cloudwatch.delete_alarms, AlarmNames=[name]))


def log_groups(stack: Stack, logs: "CloudWatchLogsClient") -> Iterator[Leftover]:
    """Yield the log groups that the containers of the endpoint and of candidates wrote."""
    prefix = "/aws/sagemaker/Endpoints/"
    ours = [f"{prefix}{name}" for name in (stack.endpoint_name, candidate_name(stack.endpoint_name))]
    for group in logs.describe_log_groups(logGroupNamePrefix=ours[0])["logGroups"]:
        if (name := group["logGroupName"]) in ours:
            yield Leftover(f"log group {name}", partial(logs.delete_log_group, logGroupName=name))


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise CleanupError(f"A deletion has not ended after {WAIT_SECONDS} s: run cleanup again.")
        time.sleep(POLL_SECONDS)
