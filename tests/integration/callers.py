"""Clients that act as a role of the test's own."""

import json
import uuid
from typing import Any

import boto3


def client_of_role(service: str, *statements: dict[str, Any]) -> Any:
    """Return a client with the credentials of a new role that may do this, and nothing else."""
    iam, name = boto3.client("iam"), f"it-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document(*statements))
    session = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.Session(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]).client(service)


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
