"""Which schedules the local EventBridge Scheduler takes: one-time ones that delete an endpoint of SageMaker.

MiniStack takes every schedule. Here the caller must be allowed to pass its role, the role must trust the Scheduler, and
what would be ignored later is refused by name. `due_schedules` calls the targets.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from ministack.services import scheduler

from localcloud import identity

PRINCIPAL = "scheduler.amazonaws.com"
DELETE_ENDPOINT = re.compile(r"arn:aws[a-z-]*:scheduler:::aws-sdk:sagemaker:deleteEndpoint")
AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
UNTRUSTED = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
HONOURED = (  # members of CreateSchedule and UpdateSchedule; every other one is refused
    "ActionAfterCompletion",
    "ClientToken",
    "Description",
    "FlexibleTimeWindow",
    "GroupName",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "State",
    "Target",
)
ONLY = {"GroupName": "default", "ScheduleExpressionTimezone": "UTC", "FlexibleTimeWindow": {"Mode": "OFF"}}
HONOURED_OF_TARGET = ("Arn", "Input", "RetryPolicy", "RoleArn")

Schedule = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes]  # HTTP status, headers, body
HandleRequest = Callable[[str, str, Any, bytes, Any], Awaitable[Reply]]


def refuse_unfit_schedules(original: HandleRequest) -> HandleRequest:
    """Judge CreateSchedule and UpdateSchedule before MiniStack keeps the schedule."""

    async def handle_request(method: str, path: str, headers: Any, body_bytes: bytes, query_params: Any) -> Reply:
        if method in ("POST", "PUT"):
            refused = refusal(headers, parse(body_bytes))
            if refused is not None:
                return refused
        return await original(method, path, headers, body_bytes, query_params)

    return handle_request


def parse(body: bytes) -> Schedule:
    """Return the request's members; MiniStack refuses a body that is no JSON for the members that it lacks."""
    try:
        members = json.loads(body or b"{}")
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def refusal(headers: dict[str, str], schedule: Schedule) -> Reply | None:
    """Return AWS's answer to a schedule that it would refuse, and ours to one that is not emulated."""
    for problem in problems(schedule):
        return error(400, "ValidationException", problem)
    role_arn = str(schedule["Target"]["RoleArn"])
    passing = identity.pass_role(role_arn, PRINCIPAL)
    denied = identity.denial(identity.access_key_of(headers), passing, headers)
    if denied is not None:
        return error(denied.status or 403, denied.code, denied.message)
    if identity.account_of(role_arn) != identity.account_id() or not identity.role_trusts(role_arn, PRINCIPAL):
        return error(400, "ValidationException", UNTRUSTED)
    return None


def error(status: int, code: str, message: str) -> Reply:
    reply: Reply = scheduler._error(status, code, message)
    return reply


def problems(schedule: Schedule) -> Iterator[str]:
    """Yield a sentence for what keeps a schedule from being honoured."""
    target = schedule.get("Target")
    if not isinstance(target, dict) or not ROLE.fullmatch(str(target.get("RoleArn"))):
        yield "1 validation error detected: Value at 'target' failed to satisfy constraint."
        return
    yield from unemulated(schedule, target)
    yield from expression_problems(str(schedule.get("ScheduleExpression", "")))
    yield from input_problems(target.get("Input"))


def unemulated(schedule: Schedule, target: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each member that would be ignored; one that asks for nothing is treated as absent."""
    wanted = [name for name in schedule if schedule[name] and name not in HONOURED]
    wanted += [f"Target.{name}" for name in target if target[name] and name not in HONOURED_OF_TARGET]
    wanted += [
        f"{name} {schedule[name]!r} (only {value!r})"
        for name, value in ONLY.items()
        if schedule.get(name, value) != value
    ]
    if not DELETE_ENDPOINT.fullmatch(str(target.get("Arn", ""))):
        wanted.append(f"Target.Arn {target.get('Arn')!r} (only aws-sdk:sagemaker:deleteEndpoint)")
    yield from (f"The local cloud does not emulate {one} of a schedule." for one in wanted)


def expression_problems(expression: str) -> Iterator[str]:
    if expression.startswith(("rate(", "cron(")):
        yield f"The local cloud does not emulate {expression}: schedules are one-time, at(yyyy-mm-ddThh:mm:ss)."
    elif (moment := moment_of(expression)) is None or moment <= time.time():
        yield f"Invalid Schedule Expression {expression}."


def moment_of(expression: str) -> float | None:
    """Return the time of a one-time expression in seconds since 1970, None when it is no such expression."""
    found = AT.fullmatch(expression)
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp() if found else None
    except ValueError:  # no such day or hour
        return None


def input_problems(text: object) -> Iterator[str]:
    """A universal target gets the request of its operation as JSON."""
    try:
        request = json.loads(str(text))
    except ValueError:
        request = None
    if not isinstance(request, dict) or not isinstance(request.get("EndpointName"), str):
        yield "Invalid Input: the target deleteEndpoint needs a JSON object with EndpointName."
