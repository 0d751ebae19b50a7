"""Schedules of EventBridge Scheduler, which let a role of the stack call AWS's API at a time or again and again.

They have no tags: name and description together tell whose one is.
"""

import json
import re
from typing import Any

from botocore.exceptions import ClientError

from training.context import Context
from training.refusals import is_denied, is_missing

NO_ROLE = re.compile(r"execution role you provide must allow")


def target(role_arn: str, action: str, arguments: dict[str, Any], retry_policy: dict[str, int]) -> dict[str, Any]:
    """Return the target that calls an action of AWS's API with the role, such as sagemaker:deleteEndpoint."""
    partition = role_arn.split(":")[1]
    return {
        "Arn": f"arn:{partition}:scheduler:::aws-sdk:{action}",
        "RoleArn": role_arn,
        "Input": json.dumps(arguments),
        "RetryPolicy": retry_policy,
    }


def put(context: Context, schedule: dict[str, Any]) -> None:
    """Create a schedule, or change it: UpdateSchedule takes the arguments of CreateSchedule."""
    client = context.clients.scheduler
    try:
        client.update_schedule(**schedule)
    except ClientError as err:
        if not is_missing(err):
            raise
        client.create_schedule(**schedule)


def is_refused(err: ClientError) -> bool:
    """Tell whether `put` failed because the caller lacks a permission, or the schedule's role its trust."""
    return is_denied(err) or bool(NO_ROLE.search(str(err)))


def read(context: Context, name: str, description: str) -> dict[str, Any] | None:
    """Return a schedule, None when there is none of this name and description."""
    try:
        schedule: Any = context.clients.scheduler.get_schedule(Name=name)
    except ClientError as err:
        if not is_missing(err):
            raise
        return None
    return schedule if schedule.get("Description") == description else None


def read_expression(context: Context, name: str, description: str) -> str | None:
    """Return when a schedule is due, such as rate(1 day); None when there is none that is enabled."""
    schedule = read(context, name, description)
    if schedule is None or schedule.get("State", "ENABLED") != "ENABLED":
        return None
    return str(schedule["ScheduleExpression"])


def delete(context: Context, name: str) -> None:
    """Delete a schedule; does nothing without one."""
    try:
        context.clients.scheduler.delete_schedule(Name=name)
    except ClientError as err:
        if not is_missing(err):
            raise
