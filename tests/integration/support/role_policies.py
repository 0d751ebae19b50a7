"""A deployed stack's roles: each permission of their own policies, and a role without one of them for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from tests.integration.support.iam import policy_document
from tests.integration.support.stacks import stack_outputs


@dataclass(frozen=True)
class System:
    """The application as a deployed stack."""

    stack: str
    outputs: dict[str, str]
    functions: dict[str, str]  # names by logical id
    roles: dict[str, str]  # names by logical id
    machines: dict[str, str]  # ARNs by logical id

    @property
    def bucket(self) -> str:
        return self.outputs["BucketName"]


@dataclass(frozen=True)
class Permission:
    """One action on one resource that a role's policies allow."""

    role: str  # logical id
    action: str
    resource: str  # the last part of its ARN, with logical names


def describe_system(stack: str) -> System:
    resources = boto3.client("cloudformation").list_stack_resources(StackName=stack)["StackResourceSummaries"]

    def ids(kind: str) -> dict[str, str]:
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources if r["ResourceType"] == kind}

    return System(
        stack,
        stack_outputs(stack),
        ids("AWS::Lambda::Function"),
        ids("AWS::IAM::Role"),
        ids("AWS::StepFunctions::StateMachine"),
    )


def permissions(system: System) -> set[Permission]:
    """Return every permission of the roles' own policies."""
    return {permission for role in system.roles for _, permission, _ in allowed(system, role)}


def allowed(system: System, role: str) -> Iterator[tuple[str, Permission, dict[str, Any]]]:
    """Yield each permission of a role, with its policy's name and a statement for this permission only."""
    iam = boto3.client("iam")
    for policy in iam.list_role_policies(RoleName=system.roles[role])["PolicyNames"]:
        found: Any = iam.get_role_policy(RoleName=system.roles[role], PolicyName=policy)["PolicyDocument"]
        for statement in found["Statement"]:
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    permission = Permission(role, action, shorten(system, resource))
                    yield policy, permission, {**statement, "Action": action, "Resource": resource}


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def shorten(system: System, arn: str) -> str:
    name = arn.rsplit(":", 1)[-1].replace(system.bucket, "bucket")
    for logical_id, function in (*system.functions.items(), *system.roles.items()):
        name = name.replace(function, logical_id)
    return name


@contextmanager
def without(system: System, permission: Permission) -> Iterator[None]:
    """Remove a permission from its role, and restore it at the end."""
    iam, role = boto3.client("iam"), system.roles[permission.role]
    everything = list(allowed(system, permission.role))
    (policy,) = {name for name, one, _ in everything if one == permission}
    before = [statement for name, _, statement in everything if name == policy]
    after = [statement for name, one, statement in everything if name == policy and one != permission]
    if after:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=policy_document(*after))
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=policy_document(*before))
