"""Calls the target of a rule: a function, a state machine, a queue or another event bus.

A function and a queue are asked by their own policies, unless the target has a role; a state machine by the role's.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.services import eventbridge, lambda_svc, sqs

from localcloud import identity
from localcloud.corrections import main_loop
from localcloud.corrections.queues.saved import Queue
from localcloud.identity import Permission

PRINCIPAL = "events.amazonaws.com"
NO_PERMISSIONS, NO_RESOURCE = "NO_PERMISSIONS", "NO_RESOURCE"
# ERROR_CODE of a dead letter by the error of Step Functions, and whether another attempt may succeed.
STEP_FUNCTIONS_ERRORS = {
    "AccessDeniedException": (NO_PERMISSIONS, False),
    "StateMachineDoesNotExist": (NO_RESOURCE, False),
    "ResourceNotFound": (NO_RESOURCE, False),
    "InvalidExecutionInput": ("INVALID_JSON", False),
    "InvalidArn": ("INVALID_PARAMETER", False),
    "ExecutionLimitExceeded": ("RESOURCE_LIMIT_EXCEEDED", True),
    "ThrottlingException": ("THROTTLING", True),
}


class DeliveryError(Exception):
    """When a target was not reached; the message is the dead letter's ERROR_MESSAGE.

    Args:
        code: The dead letter's ERROR_CODE.
        may_pass: Another attempt may succeed.
    """

    def __init__(self, code: str, message: str, may_pass: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.may_pass = may_pass


@dataclass(frozen=True)
class Call:
    """What one target of a rule is to receive."""

    target: dict[str, Any]
    rule_arn: str
    payload: str

    @property
    def arn(self) -> str:
        return str(self.target["Arn"])

    @property
    def role_arn(self) -> str:
        return str(self.target.get("RoleArn") or "")


def deliver(call: Call) -> None:
    """Call the target.

    Raises:
        DeliveryError: The target is not there, or refuses.
    """
    if call.role_arn and not identity.role_trusts(call.role_arn, PRINCIPAL):
        sentence = f"{call.role_arn} does not exist, or {PRINCIPAL} may not assume it."
        raise DeliveryError("FAILED_TO_ASSUME_ROLE", sentence)
    CALLS[parse_arn(call.arn).service](call)


def invoke_function(call: Call) -> None:
    """Invoke a function asynchronously: Lambda itself tries a failed invocation again."""
    function, config, _ = lambda_svc._get_func_record_for_ref(call.arn)
    if not function or not config:
        raise DeliveryError(NO_RESOURCE, f"Function not found: {call.arn}")
    policy = lambda_svc.function_policy_for_arn(call.arn)
    require(call, "lambda:InvokeFunction", call.arn, policy[0] if policy else "")
    record = lambda_svc._execution_record_for_config(function, config)
    lambda_svc.invoke_async_with_retry(record, json_of(call))


def send_to_queue(call: Call) -> None:
    queue = sqs._queue_by_arn(call.arn)
    if queue is None:
        raise DeliveryError(NO_RESOURCE, "The specified queue does not exist.")
    require(call, "sqs:SendMessage", call.arn, queue["attributes"].get("Policy") or "")
    enqueue(call.arn, call.payload, call.target.get("SqsParameters") or {}, {})


def start_execution(call: Call) -> None:
    """Start an execution as the target's role; AWS_ENDPOINT_URL points the client at this cloud."""
    try:
        client_of(call.role_arn, identity.region()).start_execution(stateMachineArn=call.arn, input=call.payload)
    except ClientError as err:
        error, status = err.response["Error"], err.response["ResponseMetadata"]["HTTPStatusCode"]
        code, may_pass = STEP_FUNCTIONS_ERRORS.get(error["Code"], ("ERROR_FROM_TARGET", status >= 500))
        raise DeliveryError(code, error["Message"], may_pass) from err
    except BotoCoreError as err:
        raise DeliveryError("CONNECTION_FAILURE", str(err), may_pass=True) from err


@functools.lru_cache(maxsize=64)
def client_of(role_arn: str, region: str) -> Any:
    """Return a client of Step Functions with the role's permissions; making one takes longer than a delivery."""
    assumed = identity.assume_role(role_arn, "EventBridge")  # on AWS a random word
    keys = (assumed.access_key_id, assumed.secret_access_key, assumed.token)
    session: Any = boto3.Session(*keys, region_name=region)
    return session.client("stepfunctions", config=Config(retries={"total_max_attempts": 1}))


def require(call: Call, action: str, resource_arn: str, policy: Any) -> None:
    """Ask the target's policy, or the role's, whether the rule may do something.

    Raises:
        DeliveryError: It may not.
    """
    if call.role_arn:
        assumed = identity.assume_role(call.role_arn, "EventBridge")
        denied = identity.denial(assumed.access_key_id, Permission(action, resource_arn))
        if denied:
            raise DeliveryError(NO_PERMISSIONS, denied.message)
    elif not service_may(action, resource_arn, policy, call.rule_arn):
        raise DeliveryError(
            NO_PERMISSIONS,
            f"{PRINCIPAL} is not authorized to perform: {action} on resource: {resource_arn} because no resource-based "
            f"policy allows the {action} action",
        )


def service_may(action: str, resource_arn: str, policy: Any, rule_arn: str) -> bool:
    """Return whether a resource's policy lets EventBridge do something for a rule."""
    if not policy:
        return False
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource_arn,
        region=identity.region(),
        secure_transport=True,
        service_context={"aws:sourcearn": rule_arn, "aws:sourceaccount": identity.account_id()},
    )
    decision = iam_evaluator.evaluate_resource_policy(policy, context, service=PRINCIPAL).decision
    return bool(decision == "Allow")


def enqueue(queue_arn: str, body: str, parameters: dict[str, Any], attributes: dict[str, Any]) -> None:
    """Put a message on a queue.

    Args:
        parameters: SqsParameters of the target.
        attributes: MessageAttributes.

    Raises:
        DeliveryError: The disk does not take the message.
    """

    def put() -> None:
        queue = sqs._queue_by_arn(queue_arn)
        if queue is not None:  # else it was deleted a moment ago
            eventbridge._dispatch_to_sqs(parse_arn(queue_arn), body, parameters)
            if attributes:
                queue["messages"][-1]["message_attributes"] = attributes
                save_last(queue)

    try:
        main_loop.call(put)
    except OSError as err:
        raise DeliveryError("INTERNAL_ERROR", f"The message cannot be saved: {err}", may_pass=True) from err


def save_last(queue: dict[str, Any]) -> None:
    if isinstance(queue, Queue):
        queue.messages.save(queue.messages[-1:])


def json_of(call: Call) -> Any:
    try:
        return json.loads(call.payload)
    except ValueError as err:
        raise DeliveryError("INVALID_JSON", f"The input is not JSON: {err}") from err


CALLS: dict[str, Callable[[Call], None]] = {
    "lambda": invoke_function,
    "sqs": send_to_queue,
    "states": start_execution,
}
