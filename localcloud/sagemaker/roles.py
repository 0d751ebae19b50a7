"""What SageMaker does with an execution role: assume it, and reach S3 and the logs with its permissions."""

import hashlib
import json
from typing import Any

import boto3
from botocore.config import Config
from ministack.core.iam_evaluator import EvalContext, EvalResult, enforce, evaluate_trust_policy
from ministack.core.responses import request_scope
from ministack.services import iam, sts

from localcloud.environment import ROOT_KEY
from localcloud.sagemaker.errors import ServiceError

PRINCIPAL = "sagemaker.amazonaws.com"


def check_assumable(role_arn: str) -> None:
    """Raise AWS's ValidationException unless the role exists and trusts SageMaker."""
    role = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    if role is None or role["Arn"] != role_arn or not trusts_sagemaker(role, role_arn):
        raise ServiceError(
            "ValidationException",
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{PRINCIPAL}' to assume the role.",
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


def client(service: str, role_arn: str, region: str) -> Any:
    """Return a boto3 client that acts with the role's permissions; AWS_ENDPOINT_URL leads it to this cloud."""
    own = credentials(role_arn)
    session: Any = boto3.Session(
        own["AWS_ACCESS_KEY_ID"], own["AWS_SECRET_ACCESS_KEY"], own["AWS_SESSION_TOKEN"], region_name=region
    )
    return session.client(service, config=Config(max_pool_connections=16, retries={"mode": "standard"}))


def allows(role_arn: str, region: str, action: str, resource_arn: str) -> bool:
    """Tell whether the role may do something that has no call of its own here, such as pulling an image."""
    access_key = credentials(role_arn)["AWS_ACCESS_KEY_ID"]
    with request_scope(role_arn.split(":")[4], region):
        denied = enforce(access_key, action, action.split(":")[0], region, resource_arn=resource_arn)
    return not isinstance(denied, EvalResult)
