"""The schedule of EventBridge Scheduler that starts runs of monitor, and the jobs that it has started."""

import re
from typing import Any

from botocore.exceptions import ClientError

from training import schedules
from training.config import Stack
from training.context import Context
from training.refusals import is_missing

EXECUTION_ID = "<aws.scheduler.execution-id>"  # the Scheduler replaces it
JOB_ID = re.compile(r"[A-Za-z0-9]{1,40}")  # what it is replaced by; AWS's have 16 characters
JOB_LOGS = "/aws/sagemaker/ProcessingJobs"


def schedule_name(stack: Stack) -> str:
    return f"{stack.endpoint_name}-monitor"


def description(stack: Stack) -> str:
    """Return what tells a schedule of this stack from others: schedules have no tags."""
    return f"Watches what the endpoint {stack.endpoint_name} of the stack {stack.name} captures"


def job_prefix(stack: Stack) -> str:
    """Return how the names of the runs' processing jobs begin."""
    return f"{stack.name}-monitor-"


def is_job(name: str, stack: Stack) -> bool:
    """Tell whether a processing job is a run of this stack; the name of another stack may begin alike."""
    return name.startswith(job_prefix(stack)) and bool(JOB_ID.fullmatch(name.removeprefix(job_prefix(stack))))


def read(context: Context) -> dict[str, Any] | None:
    """Return this stack's schedule, None without one."""
    return schedules.read(context, schedule_name(context.stack), description(context.stack))


def find(context: Context) -> str | None:
    """Return how often runs are started, such as rate(1 day); None when none is."""
    return schedules.read_expression(context, schedule_name(context.stack), description(context.stack))


def delete(context: Context) -> None:
    """Delete the schedule; does nothing without one."""
    schedules.delete(context, schedule_name(context.stack))


def running_jobs(context: Context) -> list[str]:
    """Return the names of the runs that are under way."""
    pages = context.clients.sagemaker.get_paginator("list_processing_jobs").paginate(
        NameContains=job_prefix(context.stack), StatusEquals="InProgress"
    )
    names = [job["ProcessingJobName"] for page in pages for job in page["ProcessingJobSummaries"]]
    return [name for name in names if is_job(name, context.stack)]


def log_streams(context: Context) -> list[str]:
    """Return the log streams of this stack's runs; their group is that of all processing jobs of the account."""
    logs, found = context.clients.logs, []
    try:
        for page in logs.get_paginator("describe_log_streams").paginate(
            logGroupName=JOB_LOGS, logStreamNamePrefix=job_prefix(context.stack)
        ):
            found += [stream["logStreamName"] for stream in page["logStreams"]]
    except ClientError as err:
        if not is_missing(err):
            raise
    return [name for name in found if is_job(name.partition("/")[0], context.stack)]
