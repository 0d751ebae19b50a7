"""Schedules that delete an endpoint."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError

TARGET = "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint"


def request(name: str, endpoint_name: str, role: str, seconds: float, **changes: Any) -> Any:
    """Return the arguments of CreateSchedule, for a call after so many seconds; `changes` replace whole members."""
    return {
        "Name": name,
        "ScheduleExpression": at(seconds),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": target(endpoint_name, role),
        **changes,
    }


def target(endpoint_name: str, role: str, **changes: Any) -> dict[str, Any]:
    retries = {"MaximumRetryAttempts": 60}
    request = json.dumps({"EndpointName": endpoint_name})
    return {"Arn": TARGET, "RoleArn": role, "Input": request, "RetryPolicy": retries, **changes}


def at(seconds: float) -> str:
    """Return the expression for a time so many seconds from now, and up to a second later."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds + 1)
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"


def allow_deletion(endpoint_name: str) -> dict[str, Any]:
    """Return the statement that lets a schedule's role delete one endpoint."""
    return {
        "Effect": "Allow",
        "Action": "sagemaker:DeleteEndpoint",
        "Resource": f"arn:aws:sagemaker:*:*:endpoint/{endpoint_name}",
    }


def schedule_exists(name: str) -> bool:
    client = boto3.client("scheduler")
    try:
        client.get_schedule(Name=name)
    except client.exceptions.ResourceNotFoundException:
        return False
    return True


def endpoint_exists(name: str) -> bool:
    return endpoint_status(name) is not None


def endpoint_status(name: str) -> str | None:
    """Return the status of an endpoint, None when there is none."""
    try:
        return boto3.client("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"]
    except ClientError as err:
        assert "Could not find endpoint" in str(err)
        return None
