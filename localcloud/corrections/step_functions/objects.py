"""What Distributed Map needs of the rest of the local cloud: S3 as a role, and what a role may do."""

import functools
from typing import Any

import boto3
from botocore.config import Config

from localcloud import identity
from localcloud.corrections.step_functions.functions import SESSION_NAME
from localcloud.identity import Permission


@functools.lru_cache(maxsize=64)
def s3(role_arn: str, region: str) -> Any:
    """Return boto3's client of S3 with a role's permissions; AWS_ENDPOINT_URL points it at this cloud."""
    assumed = identity.assume_role(role_arn, SESSION_NAME)
    session: Any = boto3.Session(assumed.access_key_id, assumed.secret_access_key, assumed.token, region_name=region)
    return session.client("s3", config=Config(max_pool_connections=16, retries={"mode": "standard"}))


def denial(role_arn: str, action: str, resource_arn: str) -> str | None:
    """Return why a role may not take an action on a resource, None when it may."""
    session = identity.assume_role(role_arn, SESSION_NAME)
    if identity.denial(session.access_key_id, Permission(action, resource_arn)) is None:
        return None
    return (
        f"User: {session.arn} is not authorized to perform: {action} on resource: {resource_arn} because no "
        f"identity-based policy allows the {action} action"
    )
