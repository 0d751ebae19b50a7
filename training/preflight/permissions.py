"""Whether the caller may do what the steps do: IAM's own simulation, where the caller may ask for it.

IAM decides by the policies of the user or role. Policies of a session and of resources are not part of a simulation, so
a refusal that depends on a condition's value which is not given here counts as undecided.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from training.config import Stack, alarm_names, candidate_name
from training.context import Clients
from training.expiry import schedule_name
from training.options import Instances
from training.preflight.check import UNANSWERED, Check, not_checked, passed, problem
from training.scaling import is_range

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

SUBJECT = "permissions of the caller"
SCALING = tuple(
    f"application-autoscaling:{operation}"
    for operation in (
        "DescribeScalableTargets",
        "RegisterScalableTarget",
        "DeregisterScalableTarget",
        "PutScalingPolicy",
    )
)
STAMP = "-20260101-000000"  # of a job, a model or a configuration


@dataclass(frozen=True)
class Rights:
    """Actions on one resource."""

    resource: str  # an ARN, or "*" for actions that have none
    actions: tuple[str, ...]
    context: Mapping[str, str] = field(default_factory=dict)  # condition keys of the request


def rights_of(steps: tuple[str, ...], stack: Stack) -> list[Rights]:
    """Return what the steps do, on the resources that they do it with."""
    return [right for step in steps if step in NEEDED for right in NEEDED[step](stack)]


def candidate_rights(stack: Stack) -> Iterator[Rights]:
    """Yield what a deployment does that compares its model with the one in service."""
    name = candidate_name(stack.endpoint_name)
    yield from endpoint_rights(stack, name, name, changes=("CreateEndpoint",))


def expiry_rights(stack: Stack) -> Iterator[Rights]:
    """Yield what a deployment does whose endpoint expires."""
    schedule = arn(stack, "scheduler", f"schedule/default/{schedule_name(stack.endpoint_name)}")
    yield Rights(schedule, ("scheduler:CreateSchedule", "scheduler:UpdateSchedule"))
    yield pass_role(stack.expiry_role_arn, "scheduler")


def train_rights(stack: Stack) -> Iterator[Rights]:
    yield Rights(
        arn(stack, "sagemaker", f"training-job/{stack.name}{STAMP}"), tagged("CreateTrainingJob", "DescribeTrainingJob")
    )
    yield Rights("*", ("sagemaker:ListTrainingJobs",))
    yield pass_role(stack.execution_role_arn, "sagemaker")


def deploy_rights(stack: Stack) -> Iterator[Rights]:
    yield Rights(
        arn(stack, "sagemaker", f"model/{stack.name}{STAMP}"), tagged("CreateModel", "DescribeModel", "DeleteModel")
    )
    changes = ("CreateEndpoint", "UpdateEndpoint")
    yield from endpoint_rights(stack, stack.endpoint_name, stack.endpoint_name + STAMP, changes)
    yield pass_role(stack.execution_role_arn, "sagemaker")


def endpoint_rights(stack: Stack, name: str, config_name: str, changes: tuple[str, ...]) -> Iterator[Rights]:
    """Yield what is done with an endpoint; IAM asks for its changes on the configuration too."""
    others = ("DescribeEndpoint", "DeleteEndpoint", "InvokeEndpoint")
    yield Rights(arn(stack, "sagemaker", f"endpoint/{name}"), tagged(*changes, *others))
    of_configs = ("CreateEndpointConfig", "DescribeEndpointConfig", "DeleteEndpointConfig")
    yield Rights(arn(stack, "sagemaker", f"endpoint-config/{config_name}"), tagged(*of_configs, *changes))


def instances_rights(stack: Stack, instances: Instances) -> list[Rights]:
    """Return what a deployment with several instances does beyond others: alarms, and scaling between two numbers."""
    rights = []
    if instances[1] > 1:
        changes = ("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms")
        names = alarm_names(stack.endpoint_name)
        rights += [Rights(arn(stack, "cloudwatch", f"alarm:{name}"), changes) for name in names]
        rights.append(Rights("*", ("cloudwatch:DescribeAlarms",)))
    if is_range(instances):
        endpoint = arn(stack, "sagemaker", f"endpoint/{stack.endpoint_name}")
        rights += [Rights("*", SCALING), Rights(endpoint, tagged("UpdateEndpointWeightsAndCapacities", "DeleteTags"))]
    return rights


def stage_rights(stack: Stack) -> Iterator[Rights]:
    bucket = f"arn:{partition(stack)}:s3:::{stack.bucket}"
    yield Rights(bucket, ("s3:ListBucket",))
    yield Rights(f"{bucket}/images/train/photo.png", ("s3:PutObject", "s3:DeleteObject"))


def execution_rights(stack: Stack) -> Iterator[Rights]:
    yield Rights(stack.state_machine_arn, ("states:StartExecution", "states:ListExecutions"))
    yield Rights("*", ("lambda:GetAccountSettings",))


NEEDED = {"stage": stage_rights, "train": train_rights, "deploy": deploy_rights, "test": execution_rights}


def tagged(*operations: str) -> tuple[str, ...]:
    """Return the actions of SageMaker's operations, and those of the tags that every resource of a run has."""
    return tuple(f"sagemaker:{operation}" for operation in (*operations, "AddTags", "ListTags"))


def pass_role(role_arn: str, service: str) -> Rights:
    return Rights(role_arn, ("iam:PassRole",), {"iam:PassedToService": f"{service}.amazonaws.com"})


def arn(stack: Stack, service: str, resource: str) -> str:
    account = stack.execution_role_arn.split(":")[4]
    return f"arn:{partition(stack)}:{service}:{stack.region}:{account}:{resource}"


def partition(stack: Stack) -> str:
    return stack.execution_role_arn.split(":")[1]


# The simulation ----------------------------------------------------------------------------------------------


def check_permissions(clients: Clients, rights: Sequence[Rights]) -> Check:
    """Return whether the caller has these rights."""
    try:
        caller = clients.sts.get_caller_identity()["Arn"]
        principal = principal_of(caller, clients.iam)
        if principal is None:
            return not_checked(SUBJECT, f"IAM simulates users and roles, not {caller}")
        denied, undecided = simulate(clients.iam, principal, rights)
    except UNANSWERED as err:
        return not_checked(SUBJECT, err)
    if denied:
        return problem(SUBJECT, f"{principal} may not do {', '.join(denied)}", "have its policies allow it")
    if undecided:
        return not_checked(SUBJECT, f"it depends on conditions whether {principal} may do {', '.join(undecided)}")
    return passed(SUBJECT, principal)


def principal_of(caller: str, iam: "IAMClient") -> str | None:
    """Return the ARN of the user or role behind a caller; None for the root user and others that IAM refuses.

    A session's ARN lacks the path of its role, which GetRole knows; without the permission for it, there is no path.
    """
    kind, *names = caller.split(":", 5)[5].split("/")
    if kind == "user":
        return caller
    if kind != "assumed-role":
        return None
    _, partition, _, _, account, _ = caller.split(":", 5)
    try:
        return iam.get_role(RoleName=names[0])["Role"]["Arn"]
    except ClientError:
        return f"arn:{partition}:iam::{account}:role/{names[0]}"


def simulate(iam: "IAMClient", principal: str, rights: Sequence[Rights]) -> tuple[list[str], list[str]]:
    """Return the actions that are denied, and those whose decision depends on conditions that are not known here."""
    denied: dict[str, None] = {}  # in order, each once
    undecided: dict[str, None] = {}
    for right in rights:
        entries: Any = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in right.context.items()
        ]
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=principal,
            ActionNames=list(right.actions),
            ResourceArns=[right.resource],
            ContextEntries=entries,
        )
        for result in (result for page in pages for result in page["EvaluationResults"]):
            decision, missing = decision_of(result)
            if decision != "allowed":
                (undecided if missing else denied)[result["EvalActionName"]] = None
    return list(denied), list(undecided)


def decision_of(result: Any) -> tuple[str, list[str]]:
    """Return the decision on the one resource that was asked about, and the condition keys that had no value.

    IAM gives both for each resource apart, unless that resource is "*".
    """
    specific: Any = next(iter(result.get("ResourceSpecificResults", [])), {})
    missing = [*result.get("MissingContextValues", []), *specific.get("MissingContextValues", [])]
    return specific.get("EvalResourceDecision", result["EvalDecision"]), missing
