"""How executions invoke functions: as their role, in this process, with AWS's names for what goes wrong."""

import json
import threading
import uuid
from typing import Any

from ministack.services import lambda_svc

from localcloud import identity
from localcloud.corrections import function_concurrency
from localcloud.corrections.function_concurrency import FunctionPlace, scheduled
from localcloud.corrections.functions import begun
from localcloud.identity import Permission
from localcloud.step_functions.interpreter.branch import Answer, Invocation
from localcloud.step_functions.interpreter.failures import TaskFailedError

SESSION_NAME = "StepFunctions"  # on AWS a random word


def invoke(invocation: Invocation) -> Answer:
    """Invoke a function and return its answer.

    Raises:
        TaskFailedError: The role may not, there is no such function, or it was throttled.
    """
    func, config, _ = lambda_svc._get_func_record_for_ref(invocation.function)
    function_arn = arn_of(invocation.function)
    check_invocation_is_allowed(invocation.role_arn, function_arn)
    if not func or not config:
        raise service_error("ResourceNotFoundException", 404, f"Function not found: {function_arn}")
    record = lambda_svc._execution_record_for_config(func, {**config, "FunctionArn": function_arn})
    begun.set(Begun(invocation))
    scheduled.set(invocation.place)
    result = lambda_svc._execute_function_with_config_scope(record, json.loads(invocation.payload))
    return answer_of(result, str(config.get("Version", "$LATEST")))


def take_place(function: str) -> FunctionPlace | None:
    """Return the place of an invocation that is scheduled now, None when there is no such function."""
    name, _ = lambda_svc._resolve_name_and_qualifier(function)
    return function_concurrency.take_place(name) if name in lambda_svc._functions else None


class Begun(threading.Event):
    """Tells an invocation that it has left Lambda's queue."""

    def __init__(self, invocation: Invocation) -> None:
        super().__init__()
        self._invocation = invocation

    def set(self) -> None:
        super().set()
        self._invocation.begun()


def arn_of(function: str) -> str:
    """Return the ARN of a name or ARN: permission on the function is no permission on its versions and aliases."""
    name, qualifier = lambda_svc._resolve_name_and_qualifier(function)
    arn = f"arn:aws:lambda:{identity.region()}:{identity.account_id()}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def answer_of(result: dict[str, Any], version: str) -> Answer:
    """Return what MiniStack's record of an invocation says."""
    body = result.get("body")
    if result.get("throttle"):
        assert isinstance(body, dict)
        raise service_error("TooManyRequestsException", 429, body["message"])
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(payload, version, str(uuid.uuid4()), is_error=bool(result.get("error")))


def check_invocation_is_allowed(role_arn: str, function_arn: str) -> None:
    """Raise Lambda.AWSLambdaException unless the role may invoke the function."""
    session = identity.assume_role(role_arn, SESSION_NAME)
    if identity.denial(session.access_key_id, Permission("lambda:InvokeFunction", function_arn)):
        raise service_error(
            "AWSLambdaException",
            403,
            f"User: {session.arn} is not authorized to perform: lambda:InvokeFunction on resource: {function_arn} "
            "because no identity-based policy allows the lambda:InvokeFunction action",
            "AccessDeniedException",
        )


def service_error(name: str, status: int, sentence: str, code: str | None = None) -> TaskFailedError:
    """Return the error of a call to Lambda that reached no function."""
    service = f"Service: AWSLambda; Status Code: {status}; Error Code: {code or name}"
    request = f"Request ID: {uuid.uuid4()}; Proxy: null"
    return TaskFailedError(f"Lambda.{name}", f"{sentence} ({service}; {request})")
