"""Roles of the tests' own, and clients that act as one."""

import json
import uuid
from typing import Any

import boto3

WRITE_LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}
# All that training jobs and endpoints do as their execution role.
TRAIN_AND_SERVE = {"Effect": "Allow", "Action": ["s3:*", "logs:*", "cloudwatch:*", "ecr:*"], "Resource": "*"}


def policy_document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def create_role(name: str, service: str, *statements: dict[str, Any]) -> str:
    """Return the ARN of a new role that the service (lambda, sagemaker, states) may assume."""
    return _create_role(name, {"Service": f"{service}.amazonaws.com"}, *statements)


def create_person(name: str, *policy_arns: str) -> str:
    """Return the ARN of a new role that the account may assume, with these managed policies."""
    arn = _create_role(name, {"AWS": "*"})
    for policy_arn in policy_arns:
        boto3.client("iam").attach_role_policy(RoleName=name, PolicyArn=policy_arn)
    return arn


def client_of_role(service: str, *statements: dict[str, Any]) -> Any:
    """Return a client with the credentials of a new role that has these permissions and no others."""
    create_client: Any = session_of_role(*statements).client  # its overloads know the services' names as literals only
    return create_client(service)


def session_of_role(*statements: dict[str, Any]) -> boto3.Session:
    """Return a session with the credentials of a new role that has these permissions and no others."""
    role = _create_role(f"it-{uuid.uuid4().hex[:8]}", {"AWS": "*"}, *statements)
    session = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.Session(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])


def _create_role(name: str, principal: dict[str, str], *statements: dict[str, Any]) -> str:
    iam = boto3.client("iam")
    trust = policy_document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy_document(*statements))
    return role
