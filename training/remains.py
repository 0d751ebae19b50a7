"""What cleanup leaves: what keeps `sam delete` from working, and what stays after it."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from training.context import Context
from training.objects import delete_objects, object_versions
from training.refusals import is_denied, is_missing
from training.watch import schedule

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

SAM_STACK = "aws-sam-cli-managed-default"  # `sam deploy` made it for the packages of all applications
JOB_LOGS = "/aws/sagemaker/TrainingJobs"
BLOCKS, STAYS = "keeps `sam delete` from working", "stays after `sam delete`"
ANSWERS = ("y", "yes")


@dataclass(frozen=True)
class Remain:
    """Something that cleanup has left."""

    name: str
    effect: str
    delete: Callable[[], object] | None  # None where it is not this stack's


def find(context: Context) -> Iterator[Remain]:
    """Yield what is left; without permission to look, that."""
    for part in (bucket_objects, training_logs, run_logs, sam_stack):
        try:
            yield from part(context)
        except ClientError as err:
            if not is_denied(err):
                raise
            yield Remain(f"not readable: {' '.join(str(err).split())}", "unknown", None)


def bucket_objects(context: Context) -> Iterator[Remain]:
    """Yield the other objects of the stack's bucket by their first prefix, however they came there."""
    bucket, s3 = context.stack.bucket, context.clients.s3
    numbers: dict[str, int] = {}
    for versions in object_versions(bucket, "", s3):
        for version in versions:
            first, slash, _ = version["Key"].partition("/")
            numbers[first + slash] = numbers.get(first + slash, 0) + 1
    for prefix, number in sorted(numbers.items()):
        delete = partial(delete_objects, bucket, prefix, s3)
        yield Remain(f"s3://{bucket}/{prefix} ({number} object versions)", BLOCKS, delete)


def training_logs(context: Context) -> Iterator[Remain]:
    """Yield the log streams of this stack's training jobs; their group is that of all jobs of the account."""
    logs = context.clients.logs
    streams = [stream for name in training_jobs(context) for stream in streams_of(logs, name)]
    if streams:
        name = f"log streams of this stack's training jobs in {JOB_LOGS} ({len(streams)})"
        yield Remain(name, STAYS, partial(delete_streams, logs, streams))


def run_logs(context: Context) -> Iterator[Remain]:
    """Yield the log streams of this stack's scheduled runs of monitor."""
    streams = schedule.log_streams(context)
    if streams:
        name = f"log streams of this stack's runs of monitor in {schedule.JOB_LOGS} ({len(streams)})"
        yield Remain(name, STAYS, partial(delete_streams, context.clients.logs, streams, schedule.JOB_LOGS))


def training_jobs(context: Context) -> Iterator[str]:
    pages = context.clients.sagemaker.get_paginator("list_training_jobs").paginate(NameContains=context.stack.name)
    for job in (job for page in pages for job in page["TrainingJobSummaries"]):
        if context.owns(job["TrainingJobArn"]):
            yield job["TrainingJobName"]


def streams_of(logs: "CloudWatchLogsClient", training_job_name: str) -> list[str]:
    try:
        found = logs.describe_log_streams(logGroupName=JOB_LOGS, logStreamNamePrefix=f"{training_job_name}/")
    except ClientError as err:
        if not is_missing(err):
            raise
        return []
    return [stream["logStreamName"] for stream in found["logStreams"]]


def delete_streams(logs: "CloudWatchLogsClient", streams: list[str], group: str = JOB_LOGS) -> None:
    for stream in streams:
        logs.delete_log_stream(logGroupName=group, logStreamName=stream)


def sam_stack(context: Context) -> Iterator[Remain]:
    """Yield SAM's own stack, whose bucket all applications of the account and region share."""
    try:
        context.clients.cloudformation.describe_stacks(StackName=SAM_STACK)
    except ClientError as err:
        if "does not exist" not in str(err):
            raise
        return
    yield Remain(f"the stack {SAM_STACK} with its bucket, which SAM shares among all applications", STAYS, None)


# Showing and deleting ----------------------------------------------------------------------------------------


def offer(context: Context, everything: bool) -> list[str]:
    """Show what is left and delete what is this stack's, if told to; returns the names of what was deleted."""
    remains = list(find(context))
    for one in remains:
        context.console.print(f"Left: {one.name}: {one.effect}", highlight=False, soft_wrap=True)
    deletable = [one for one in remains if one.delete]
    if not deletable or not (everything or is_wanted(context, len(deletable))):
        return []
    for one in deletable:
        assert one.delete is not None
        one.delete()
        context.console.print(f"Deleted {one.name}", highlight=False)
    return [one.name for one in deletable]


def is_wanted(context: Context, number: int) -> bool:
    """Ask whether to delete what is this stack's; where nobody can be asked, say how."""
    console: Any = context.console
    if sys.stdin is None or not sys.stdin.isatty():
        console.print(f"To delete {number} of these, too, add --everything.", highlight=False)
        return False
    console.print(f"Delete {number} of these, too? [y/N] ", end="", highlight=False)
    return sys.stdin.readline().strip().lower() in ANSWERS
