"""Which targets a rule takes: what AWS refuses is refused, and what is not emulated is named."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import error_response_json
from ministack.services import eventbridge

from localcloud import identity
from localcloud.corrections.events.targets import CALLS, PRINCIPAL
from localcloud.identity import Permission

MOST_TARGETS = 5  # of a rule
HONOURED = (
    "Arn",
    "DeadLetterConfig",
    "Id",
    "Input",
    "InputPath",
    "InputTransformer",
    "RetryPolicy",
    "RoleArn",
    "SqsParameters",
)
INPUTS = ("Input", "InputPath", "InputTransformer")
LIMITS = {"MaximumEventAgeInSeconds": (60, 86_400), "MaximumRetryAttempts": (0, 185)}
QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]+")  # FIFO queues end in .fifo

Target = dict[str, Any]


class RefusedTargetError(Exception):
    """When a stack gives a rule a target that is refused; the message is the status reason."""


def put_rule(original: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Judge the role of a rule before MiniStack keeps it."""

    def put(data: dict[str, Any]) -> Any:
        for problem in role_problems(data, "events"):
            return error_response_json("ValidationException", problem, 400)
        for permission in passing(data):
            if denied := identity.denial_of_caller(permission):
                return error_response_json(denied.code, denied.message, 400)
        return original(data)

    return put


def put_targets(original: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Judge the targets before MiniStack keeps them."""

    def put(data: dict[str, Any]) -> Any:
        targets = data.get("Targets", [])
        for problem in (one for target in targets for one in problems(target)):
            return error_response_json("ValidationException", problem, 400)
        for permission in (one for target in targets for one in passing(target)):
            if denied := identity.denial_of_caller(permission):
                return error_response_json(denied.code, denied.message, 400)
        key = eventbridge._rule_key(data.get("Rule"), data.get("EventBusName", "default"))
        kept = {target["Id"] for target in eventbridge._targets.get(key, [])}
        if len(kept | {target["Id"] for target in targets}) > MOST_TARGETS:
            sentence = "The requested resource exceeds the maximum number allowed."
            return error_response_json("LimitExceededException", sentence, 400)
        return original(data)

    return put


def create_rule_of_stack(original: Callable[..., Any]) -> Callable[..., Any]:
    """Create a stack's rule with targets that are not refused.

    Whether the caller may pass their roles, `stack_permissions` asks.
    """

    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        for problem in (one for target in props.get("Targets") or [] for one in problems(target)):
            raise RefusedTargetError(f"{problem} (Service: EventBridge, Status Code: 400)")
        return original(logical_id, props, stack_name)

    return create


def refuse_pipes(original: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a stack's pipe by name: MiniStack creates every one, and those from a queue do nothing."""

    def create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        raise RefusedTargetError("The local cloud does not emulate AWS::Pipes::Pipe.")

    return create


def passing(holder: dict[str, Any]) -> Iterator[Permission]:
    """Yield what the caller needs to give a target or a rule its role."""
    if role_arn := holder.get("RoleArn"):
        yield identity.pass_role(role_arn, PRINCIPAL)


def problems(target: Target) -> Iterator[str]:
    """Yield a sentence for what keeps a target from being kept."""
    arn = str(target.get("Arn", ""))
    try:
        service = str(parse_arn(arn).service)
    except ArnParseError:
        yield f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        return
    yield from unemulated(target, service)
    yield from role_problems(target, service)
    yield from input_problems(target)
    yield from retry_problems(target)
    yield from dead_letter_problems(target)


def unemulated(target: Target, service: str) -> Iterator[str]:
    if service not in CALLS and not (service == "events" and ":event-bus/" in target["Arn"]):
        yield f"The local cloud does not emulate {service} as the target of a rule."
    for name in target:
        if target[name] and name not in HONOURED:
            yield f"The local cloud does not emulate {name} of a target."


def role_problems(holder: dict[str, Any], service: str) -> Iterator[str]:
    """Yield what is wrong with the role of a target or a rule.

    Args:
        service: Of the target.
    """
    role_arn = str(holder.get("RoleArn") or "")
    if service == "states" and not role_arn:
        yield f"RoleArn is required for target {holder['Arn']}."
    elif role_arn and not (is_own(role_arn) and identity.role_trusts(role_arn, PRINCIPAL)):
        yield f"Provided role '{role_arn}' cannot be assumed by principal '{PRINCIPAL}'."


def is_own(role_arn: str) -> bool:
    return role_arn.count(":") == 5 and identity.account_of(role_arn) == identity.account_id()


def input_problems(target: Target) -> Iterator[str]:
    if sum(bool(target.get(name)) for name in INPUTS) > 1:
        yield f"Only one of Input, InputPath, or InputTransformer must be provided for target {target.get('Id')}."
    try:
        json.loads(target.get("Input") or "{}")
    except ValueError as err:
        yield f"JSON syntax error in input for target {target.get('Id')} : {err}"


def retry_problems(target: Target) -> Iterator[str]:
    for name, (least, most) in LIMITS.items():
        value = int((target.get("RetryPolicy") or {}).get(name, least))
        bound = f"greater than or equal to {least}" if value < least else f"less than or equal to {most}"
        if not least <= value <= most:
            member = f"targets.1.member.retryPolicy.{name[0].lower()}{name[1:]}"
            yield (
                f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must "
                f"have value {bound}"
            )


def dead_letter_problems(target: Target) -> Iterator[str]:
    config = target.get("DeadLetterConfig")
    if not config:
        return
    queue = QUEUE.fullmatch(str(config.get("Arn")))
    if queue is None or queue[1] != identity.region():
        yield (
            f"Parameter DeadLetterConfig.Arn {config.get('Arn')} is not valid. Reason: Provided Arn is not that of a "
            "standard queue in this Region."
        )
