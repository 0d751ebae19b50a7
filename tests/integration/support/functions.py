"""Lambda functions that a test deploys for itself."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.integration.support.waiting import wait_for


def create_function(name: str, role: str, code: str, **settings: Any) -> str:
    """Return the ARN of a new Python function, whose module is `app`, once it can be invoked."""
    client = boto3.client("lambda")
    request: dict[str, Any] = {"Runtime": "python3.13", "Handler": "app.lambda_handler", **settings}
    created = client.create_function(FunctionName=name, Role=role, Code={"ZipFile": package(code)}, **request)
    wait_for(lambda: client.get_function_configuration(FunctionName=name)["State"] != "Pending", pause=0.05)
    return created["FunctionArn"]


def package(code: str) -> bytes:
    """Return a deployment package with this code as app.py."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", code)
    return buffer.getvalue()


def throttling_reason(call: Callable[[], Any]) -> str:
    """Return the reason for throttling, `""` when the call was not throttled."""
    try:
        call()
    except ClientError as err:
        response: Any = err.response
        assert response["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
        return str(response["Reason"])
    return ""
