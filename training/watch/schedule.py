"""The schedule of EventBridge Scheduler that starts runs of monitor, and the jobs that it has started."""

import re
from typing import Any

from botocore.exceptions import ClientError

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
    try:
        schedule: Any = context.clients.scheduler.get_schedule(Name=schedule_name(context.stack))
    except ClientError as err:
        if not is_missing(err):
            raise
        return None
    return schedule if schedule.get("Description") == description(context.stack) else None


def find(context: Context) -> str | None:
    """Return how often runs are started, such as rate(1 day); None when none is."""
    schedule = read(context)
    if schedule is None or schedule.get("State", "ENABLED") != "ENABLED":
        return None
    return str(schedule["ScheduleExpression"])


def put(context: Context, schedule: dict[str, Any]) -> None:
    """Create the schedule, or change it."""
    client = context.clients.scheduler
    try:
        client.update_schedule(**schedule)
    except ClientError as err:
        if not is_missing(err):
            raise
        client.create_schedule(**schedule)


def delete(context: Context) -> None:
    """Delete the schedule; does nothing without one."""
    try:
        context.clients.scheduler.delete_schedule(Name=schedule_name(context.stack))
    except ClientError as err:
        if not is_missing(err):
            raise


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
