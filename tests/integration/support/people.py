"""A person who has the rights of permissions.yaml, and no others."""

from typing import Any

import boto3

from tests.integration.support.iam import create_person
from tests.integration.support.stacks import ROOT, stack_outputs

NAMES = ("Deploy", "Train", "Serve", "Scale", "Batch", "Review", "Watch", "Operations")  # of the policies


def person(stack: str, environment: dict[str, str]) -> dict[str, str]:
    """Return the environment in which AWS's clients act as who deploys a stack and runs its steps.

    The stack's endpoint has the stack's name.
    """
    outputs = deploy_permissions(stack)
    role = create_person(
        f"{stack}-person",
        *(outputs[f"{name}PolicyArn"] for name in NAMES),
    )
    session = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="person")["Credentials"]
    return {
        **environment,
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }


def deploy_permissions(stack: str) -> dict[str, str]:
    """Deploy permissions.yaml for a stack, as an administrator, and return its outputs."""
    client: Any = boto3.client("cloudformation")
    name = f"permissions-{stack}"
    client.create_stack(
        StackName=name,
        TemplateBody=(ROOT / "permissions.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": stack} for key in ("StackName", "EndpointName")],
        Capabilities=["CAPABILITY_IAM"],
    )
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    return stack_outputs(name)
