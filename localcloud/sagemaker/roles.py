"""What SageMaker does with an execution role: assume it, and reach S3, the logs and metrics with its permissions."""

import hashlib
import json
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config
from ministack.core.iam_evaluator import EvalContext, enforce, evaluate_trust_policy
from ministack.core.responses import get_account_id, request_scope
from ministack.services import iam, sts

from localcloud.environment import ROOT_KEY
from localcloud.sagemaker.errors import invalid

PRINCIPAL = "sagemaker.amazonaws.com"
# What it takes to pull an image, after "SageMaker AI Roles" in the developer guide; the first knows no repository.
LOG_IN_TO_REGISTRY = "ecr:GetAuthorizationToken"
PULL_ACTIONS = ("ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer")


def check_assumable(role_arn: str) -> None:
    """Raise AWS's ValidationException unless the caller's account has the role and it trusts SageMaker."""
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    if account != get_account_id():
        raise invalid("RoleArn: Cross-account pass role is not allowed.")
    role = iam._roles.get_scoped(account, None, name)
    if role is None or role["Arn"] != role_arn or not trusts_sagemaker(role, role_arn):
        raise invalid(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{PRINCIPAL}' to assume the role."
        )


def trusts_sagemaker(role: dict[str, Any], role_arn: str) -> bool:
    """Tell whether the trust policy lets SageMaker assume the role, conditions included.

    MiniStack's evaluator lets the root user pass for any service, so only the statements that name SageMaker
    are put before it.
    """
    account = role_arn.split(":")[4]
    statements = json.loads(role["AssumeRolePolicyDocument"])["Statement"]
    ours = [one for one in statements if PRINCIPAL in services_of(one.get("Principal"))]
    root = f"arn:aws:iam::{account}:root"
    context = EvalContext(
        principal_arn=root,
        principal_type="Root",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region="",
        service_context={"aws:sourceaccount": account},
    )
    return bool(evaluate_trust_policy({"Statement": ours}, root, context))


def services_of(principal: Any) -> list[str]:
    """Return the service principals of a statement's Principal, which may name one or several."""
    services = principal.get("Service", []) if isinstance(principal, dict) else []
    return [services] if isinstance(services, str) else services


def credentials(role_arn: str) -> dict[str, str]:
    """Register a session of the role, named SageMaker as on AWS, and return its environment variables."""
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    digest = hashlib.sha256(f"{role_arn}:{ROOT_KEY}".encode()).hexdigest()
    access_key, secret, token = f"ASIA{digest[:16].upper()}", digest[16:56], f"token-{digest}"
    session = {"Arn": f"arn:aws:sts::{account}:assumed-role/{name}/SageMaker", "UserId": f"{name}:SageMaker"}
    sts.register_session(access_key, {**session, "SecretAccessKey": secret, "SessionToken": token})
    return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


@lru_cache(maxsize=64)
def client(service: str, role_arn: str, region: str) -> Any:
    """Return a boto3 client that acts with the role's permissions; AWS_ENDPOINT_URL leads it to this cloud."""
    own = credentials(role_arn)
    session: Any = boto3.Session(
        own["AWS_ACCESS_KEY_ID"], own["AWS_SECRET_ACCESS_KEY"], own["AWS_SESSION_TOKEN"], region_name=region
    )
    return session.client(service, config=Config(max_pool_connections=16, retries={"mode": "standard"}))


def missing_pull_action(role_arn: str, region: str, image_uri: str) -> str | None:
    """Return what the role may not do of what pulling an image takes, None when it may do all.

    There is no registry here, so the role's policies are asked directly.
    """
    registry, _, repository = image_uri.partition("/")
    arn = f"arn:aws:ecr:{region}:{registry.split('.')[0]}:repository/{repository.split(':')[0]}"
    access_key = credentials(role_arn)["AWS_ACCESS_KEY_ID"]
    with request_scope(role_arn.split(":")[4], region):
        for action, resource in [(LOG_IN_TO_REGISTRY, "*"), *((action, arn) for action in PULL_ACTIONS)]:
            if enforce(access_key, action, "ecr", region, resource_arn=resource) is not None:
                return action.removeprefix("ecr:")
    return None
