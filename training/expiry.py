"""The end of an endpoint: a one-time schedule of EventBridge Scheduler deletes it, whatever becomes of this machine."""

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from training import schedules
from training.config import Stack
from training.context import Context
from training.errors import EndpointError, StackError
from training.refusals import is_denied, is_missing

AT = "at(%Y-%m-%dT%H:%M:%S)"  # in UTC, the time zone of a schedule that names none
# The endpoint may be changing when the schedule is due: the Scheduler tries again for a day, as often as it can.
RETRIES = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


def schedule_name(endpoint_name: str) -> str:
    """Return the name of an endpoint's schedule; with the longest name of an endpoint it has 54 of 64 characters."""
    return f"{endpoint_name}-expiry"


def description(stack: Stack) -> str:
    """Return what tells a schedule of this stack from others: schedules have no tags."""
    return f"Deletes the endpoint {stack.endpoint_name} of the stack {stack.name}"


def check_stack(stack: Stack, expires_in: timedelta | None) -> None:
    """Refuse a stack that cannot end its endpoint.

    Raises:
        StackError: It was deployed from a template without the schedule's role.
    """
    if expires_in is not None and not stack.expiry_role_arn:
        raise StackError(
            f"The stack {stack.name} was deployed from an older template, without the role that deletes the endpoint "
            "at its expiry: run `sam build && sam deploy` again, or add --expires-in never to this command."
        )


def renew(context: Context, expires_in: timedelta | None) -> None:
    """Let the endpoint end so long from now, whether it exists yet or not; None for never.

    The endpoint of another stack is left as it is.

    Raises:
        EndpointError: The schedule cannot be made.
    """
    if is_foreign(context):
        return
    if expires_in is None:
        forget(context)
        return
    try:
        schedules.put(context, request(context.stack, datetime.now(UTC) + expires_in))
    except ClientError as err:
        if not schedules.is_refused(err):
            raise
        raise EndpointError(
            f"The expiry of the endpoint cannot be scheduled ({err}): correct the permission, or the stack with "
            "`sam deploy`, or add --expires-in never to this command."
        ) from err


def is_foreign(context: Context) -> bool:
    """Tell whether the endpoint exists and is not this stack's."""
    try:
        endpoint = context.clients.sagemaker.describe_endpoint(EndpointName=context.stack.endpoint_name)
    except ClientError as err:
        if not is_missing(err):
            raise
        return False
    return not context.owns(endpoint["EndpointArn"])


def request(stack: Stack, moment: datetime) -> dict[str, Any]:
    """Return the arguments of CreateSchedule, which are those of UpdateSchedule too."""
    arguments = {"EndpointName": stack.endpoint_name}
    return {
        "Name": schedule_name(stack.endpoint_name),
        "Description": description(stack),
        "ScheduleExpression": moment.strftime(AT),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": schedules.target(stack.expiry_role_arn, "sagemaker:deleteEndpoint", arguments, RETRIES),
    }


def forget(context: Context) -> None:
    """Delete the schedule, if the caller may: `--expires-in never` is for those who may not, too."""
    try:
        delete(context)
    except ClientError as err:
        if not is_denied(err):
            raise
        context.console.print(
            f"The expiry of an earlier deployment cannot be deleted and stays in force, if there is one: {err}",
            highlight=False,
        )


def delete(context: Context) -> None:
    """Delete the endpoint's schedule; does nothing without one."""
    schedules.delete(context, schedule_name(context.stack.endpoint_name))


def read(context: Context) -> dict[str, Any] | None:
    """Return this stack's schedule, None without one."""
    return schedules.read(context, schedule_name(context.stack.endpoint_name), description(context.stack))


def find(context: Context) -> datetime | None:
    """Return when the endpoint is deleted, None when no schedule of this stack does that."""
    name, whose = schedule_name(context.stack.endpoint_name), description(context.stack)
    expression = schedules.read_expression(context, name, whose)
    if expression is None:
        return None
    try:
        return datetime.strptime(expression, AT).replace(tzinfo=UTC)
    except ValueError:  # somebody has changed it
        return None
