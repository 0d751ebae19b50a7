"""How a state machine invokes functions: as its role, in its time, with AWS's names for what goes wrong."""

import contextvars
import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from ministack.services import lambda_svc, stepfunctions
from ministack.services.stepfunctions import _ExecutionError as ExecutionError

from localcloud import identity
from localcloud.corrections.functions import begun
from localcloud.corrections.step_functions.executions import role_arn
from localcloud.corrections.step_functions.limits import DATA_LIMIT, data_limit_exceeded
from localcloud.identity import Permission

SESSION_NAME = "StepFunctions"  # on AWS a random word
INVOKE = "arn:aws:states:::lambda:invoke"


def invoke_functions_only(original: Callable[..., Any]) -> Callable[..., Any]:
    """Invoke the version or alias that lambda:invoke names, and no other service.

    On AWS the role's policies decide about those; MiniStack calls them without asking anybody.
    """

    def invoke_resource(resource: str, input_data: Any) -> Any:
        if resource == INVOKE:
            return original(resource, with_qualifier(input_data))
        if ":function:" in resource:
            return original(resource, input_data)
        raise not_emulated(resource)

    return invoke_resource


def refuse_callbacks(original: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse tasks that wait for a token: MiniStack calls any service for them, and waits on when that fails."""

    def invoke_with_callback(resource: str, input_data: Any, token: str, state_def: dict[str, Any]) -> Any:
        raise not_emulated(resource)

    return invoke_with_callback


def not_emulated(resource: str) -> Exception:
    error: Exception = ExecutionError("States.Runtime", f"The local cloud does not emulate {resource} as a task.")
    return error


def with_qualifier(arguments: Any) -> Any:
    """Return the arguments of lambda:invoke with the Qualifier in the FunctionName, where MiniStack reads it."""
    qualifier = arguments.get("Qualifier") if isinstance(arguments, dict) else None
    return {**arguments, "FunctionName": f"{arguments.get('FunctionName')}:{qualifier}"} if qualifier else arguments


def invoke_functions_as_the_role(original: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """Return what invokes a function in MiniStack's place.

    A function's own error keeps its errorType as the error's name, Sandbox.Timedout among them.
    """

    def call_lambda(func_ref: str, event: Any) -> Any:
        func, config, _ = lambda_svc._get_func_record_for_ref(func_ref)
        name, qualifier = lambda_svc._resolve_name_and_qualifier(func_ref)
        function_arn = f"arn:aws:lambda:{identity.region()}:{identity.account_id()}:function:{name}"
        if qualifier:  # permission on the function is no permission on its versions and aliases
            function_arn += f":{qualifier}"
        check_invocation_is_allowed(function_arn)
        if not func or not config:
            raise service_error("ResourceNotFoundException", 404, f"Function not found: {function_arn}")
        record = lambda_svc._execution_record_for_config(func, {**config, "FunctionArn": function_arn})
        result = lambda_svc._execute_function_with_config_scope(record, event)
        return read_result(result, func_ref)

    return call_lambda


def read_result(result: dict[str, Any], func_ref: str) -> Any:
    """Return what the function answered.

    Raises:
        ExecutionError: The function was throttled, failed, or answered more than a state holds.
    """
    body = result.get("body")
    if result.get("throttle"):
        assert isinstance(body, dict)
        raise service_error("TooManyRequestsException", 429, body["message"])
    if result.get("error"):
        assert isinstance(body, dict)
        raise ExecutionError(body.get("errorType") or "Lambda.Unknown", json.dumps(body))
    if isinstance(body, bytes) and len(body) > DATA_LIMIT:
        raise data_limit_exceeded(func_ref)
    return json.loads(body) if isinstance(body, bytes) else body


def check_invocation_is_allowed(function_arn: str) -> None:
    """Raise Lambda.AWSLambdaException unless the role of the state machine may invoke the function."""
    session = identity.assume_role(role_arn.get(), SESSION_NAME)
    if identity.denial(session.access_key_id, Permission("lambda:InvokeFunction", function_arn)):
        raise service_error(
            "AWSLambdaException",
            403,
            f"User: {session.arn} is not authorized to perform: lambda:InvokeFunction on resource: {function_arn} "
            "because no identity-based policy allows the lambda:InvokeFunction action",
            "AccessDeniedException",
        )


def service_error(name: str, status: int, sentence: str, code: str | None = None) -> Exception:
    """Return the error of a call to Lambda that reached no function."""
    service = f"Service: AWSLambda; Status Code: {status}; Error Code: {code or name}"
    request = f"Request ID: {uuid.uuid4()}; Proxy: null"
    error: Exception = ExecutionError(f"Lambda.{name}", f"{sentence} ({service}; {request})")
    return error


def time_tasks_from_their_start(original: Callable[..., Any]) -> Callable[..., Any]:
    """Count TimeoutSeconds of a task from when its function runs: on AWS it would not have queued."""

    def invoke(resource: str, input_data: Any, timeout: float) -> Any:
        if "lambda" not in resource:
            return original(resource, input_data, timeout)
        started = threading.Event()
        begun.set(started)
        pool = ThreadPoolExecutor(1)
        future = pool.submit(contextvars.copy_context().run, stepfunctions._invoke_resource, resource, input_data)
        pool.shutdown(wait=False)
        future.add_done_callback(lambda _: started.set())
        started.wait()
        try:
            return future.result(timeout)
        except FutureTimeoutError:
            raise ExecutionError("States.Timeout", "") from None

    return invoke
