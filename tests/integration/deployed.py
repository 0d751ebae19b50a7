"""Roles and functions that a test deploys for itself."""

import io
import json
import time
import uuid
import zipfile
from typing import Any

import boto3

NAME = f"it-{uuid.uuid4().hex[:8]}"
WRITE_LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}


def create_role(name: str, service: str, *statements: dict[str, Any]) -> str:
    """Return the ARN of a new role that the service may assume."""
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    iam = boto3.client("iam")
    role: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document([trust]))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document(list(statements)))
    return role


def document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def create_function(name: str, role: str, code: str, **settings: Any) -> str:
    """Return the ARN of a new Python function, whose module is `app`, when it can be invoked."""
    client = boto3.client("lambda")
    request: dict[str, Any] = {"Runtime": "python3.13", "Handler": "app.lambda_handler", **settings}
    created = client.create_function(FunctionName=name, Role=role, Code={"ZipFile": package(code)}, **request)
    while client.get_function_configuration(FunctionName=name)["State"] == "Pending":
        time.sleep(0.05)
    return created["FunctionArn"]


def package(code: str) -> bytes:
    """Return a deployment package with this code as app.py."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", code)
    return buffer.getvalue()
