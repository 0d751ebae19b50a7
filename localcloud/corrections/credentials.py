"""Correction of the keys that MiniStack gives a Lambda function."""

from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc

from localcloud import identity

ExecutionCredentials = Callable[[dict[str, Any]], dict[str, str]]


def derive_keys_from_a_secret(original: ExecutionCredentials) -> ExecutionCredentials:
    """Give a function a session of its role whose keys nobody can derive from the function's name."""

    def execution_credentials(config: dict[str, Any]) -> dict[str, str]:
        return identity.assume_role(config["Role"], config["FunctionName"]).variables()

    lambda_svc.execution_credentials = execution_credentials  # it has imported the original by name
    return execution_credentials
