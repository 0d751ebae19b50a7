"""Which schedules the local EventBridge Scheduler takes: those that delete an endpoint or start a processing job.

MiniStack takes every schedule. Here the caller must be allowed to pass its role, the role must trust the Scheduler, and
what would be ignored later is refused by name. `due_schedules` calls the targets.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from ministack.services import scheduler

from localcloud import identity
from localcloud.corrections.schedule_expressions import Schedule, interval_of, moment_of
from localcloud.sagemaker.validation import service_model

PRINCIPAL = "scheduler.amazonaws.com"
UNIVERSAL_TARGET = re.compile(r"arn:aws[a-z-]*:scheduler:::aws-sdk:sagemaker:(deleteEndpoint|createProcessingJob)")
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
    yield from input_problems(operation_of(target), target.get("Input"))


def unemulated(schedule: Schedule, target: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each member that would be ignored; one that asks for nothing is treated as absent."""
    wanted = [name for name in schedule if schedule[name] and name not in HONOURED]
    wanted += [f"Target.{name}" for name in target if target[name] and name not in HONOURED_OF_TARGET]
    wanted += [
        f"{name} {schedule[name]!r} (only {value!r})"
        for name, value in ONLY.items()
        if schedule.get(name, value) != value
    ]
    if not operation_of(target):
        wanted.append(f"Target.Arn {target.get('Arn')!r} (only sagemaker's deleteEndpoint and createProcessingJob)")
    yield from (f"The local cloud does not emulate {one} of a schedule." for one in wanted)


def expression_problems(expression: str) -> Iterator[str]:
    if expression.startswith("cron("):
        yield f"The local cloud does not emulate {expression}: schedules are at(yyyy-mm-ddThh:mm:ss) or rate(1 hour)."
    elif interval_of(expression) is None and ((moment := moment_of(expression)) is None or moment <= time.time()):
        yield f"Invalid Schedule Expression {expression}."


def operation_of(target: dict[str, Any]) -> str:
    """Return the operation of a universal target that is emulated, such as DeleteEndpoint, or ""."""
    found = UNIVERSAL_TARGET.fullmatch(str(target.get("Arn", "")))
    return found[1][0].upper() + found[1][1:] if found else ""


def input_problems(operation: str, text: object) -> Iterator[str]:
    """A universal target gets the request of its operation as JSON."""
    try:
        request = json.loads(str(text))
    except ValueError:
        request = None
    shape = service_model("sagemaker").operation_model(operation).input_shape if operation else None
    required = shape.required_members if shape is not None else []
    if not isinstance(request, dict) or not all(name in request for name in required):
        wanted = ", ".join(required)
        yield f"Invalid Input: the target {operation} needs a JSON object with {wanted}."
