"""What SageMaker does with an execution role: assume it, and reach S3, logs and metrics with its permissions."""

from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

from localcloud import identity
from localcloud.identity import Permission
from localcloud.sagemaker.errors import invalid

PRINCIPAL = "sagemaker.amazonaws.com"
SESSION_NAME = "SageMaker"  # as on AWS
# What pulling an image needs, after "SageMaker AI Roles" in the developer guide; the first has no resource.
LOG_IN_TO_REGISTRY = "ecr:GetAuthorizationToken"
PULL_ACTIONS = ("ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer")


def check_assumable(role_arn: str) -> None:
    """Raise AWS's ValidationException unless the caller's account has the role and it trusts SageMaker."""
    if identity.account_of(role_arn) != identity.account_id():
        raise invalid("RoleArn: Cross-account pass role is not allowed.")
    if not identity.role_trusts(role_arn, PRINCIPAL):
        raise invalid(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{PRINCIPAL}' to assume the role."
        )


def credentials(role_arn: str) -> dict[str, str]:
    """Return the environment variables of a session of the role."""
    return identity.assume_role(role_arn, SESSION_NAME).variables()


@lru_cache(maxsize=64)
def client(service: str, role_arn: str, region: str) -> Any:
    """Return a boto3 client that acts with the role's permissions; AWS_ENDPOINT_URL points it at this cloud."""
    assumed = identity.assume_role(role_arn, SESSION_NAME)
    session: Any = boto3.Session(assumed.access_key_id, assumed.secret_access_key, assumed.token, region_name=region)
    return session.client(service, config=Config(max_pool_connections=16, retries={"mode": "standard"}))


def missing_pull_action(role_arn: str, region: str, image_uri: str) -> str | None:
    """Return the first action of pulling an image that the role may not do, None when it may do all.

    There is no registry here, so the role's policies are asked directly.
    """
    registry, _, repository = image_uri.partition("/")
    arn = f"arn:aws:ecr:{region}:{registry.split('.')[0]}:repository/{repository.split(':')[0]}"
    needed = [Permission(LOG_IN_TO_REGISTRY), *(Permission(action, arn) for action in PULL_ACTIONS)]
    access_key = identity.assume_role(role_arn, SESSION_NAME).access_key_id
    with identity.request_scope(identity.account_of(role_arn), region):
        refused = (one.action for one in needed if identity.denial(access_key, one) is not None)
        return next((action.removeprefix("ecr:") for action in refused), None)
