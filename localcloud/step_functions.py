"""Corrections of MiniStack's Step Functions. Each is one function that says what AWS does."""

import json
from typing import Any

from ministack.services import stepfunctions


def correct() -> None:
    """Apply every correction; called once, before the server starts."""
    name_throttling()


def name_throttling() -> None:
    """Report a throttled function as `Lambda.TooManyRequestsException`, the name that `Retry` asks for.

    MiniStack's throttling answer has no errorType, so it reached the state machine as `Lambda.Unknown`.
    """
    original = stepfunctions._call_lambda

    def call_lambda(func_ref: str, event: Any) -> Any:
        try:
            return original(func_ref, event)
        except stepfunctions._ExecutionError as err:
            if err.error != "Lambda.Unknown" or "TooManyRequestsException" not in err.cause:
                raise
            message = json.loads(err.cause).get("message", "Rate Exceeded.")
            raise stepfunctions._ExecutionError("Lambda.TooManyRequestsException", message) from err

    stepfunctions._call_lambda = call_lambda
