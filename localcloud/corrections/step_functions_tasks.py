"""How a state machine invokes functions: as its role, in its time, with AWS's names for what goes wrong."""

import contextvars
import hashlib
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from ministack.core.iam_evaluator import enforce
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc, stepfunctions, sts
from ministack.services.stepfunctions import _ExecutionError as ExecutionError

from localcloud.corrections import functions as lambda_functions
from localcloud.corrections.step_functions_limits import DATA_LIMIT, data_limit_exceeded

# The role of the execution that this thread runs, and the name of its session.
execution_role: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("execution_role")


def invoke_functions_as_the_role() -> None:
    """Let a function be invoked by the state machine's role, and name what goes wrong as AWS does.

    MiniStack asks no policy, calls throttling `Lambda.Unknown`, and takes results of any size. A function's own
    error keeps its errorType as the error's name, Sandbox.Timedout among them.
    """
    original = stepfunctions._run_execution

    def run_execution(execution_arn: str) -> None:
        execution = stepfunctions._executions[execution_arn]
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
        execution_role.set((machine.get("roleArn", ""), execution["name"]))
        original(execution_arn)

    stepfunctions._run_execution = run_execution
    stepfunctions._call_lambda = call_lambda


def call_lambda(func_ref: str, event: Any) -> Any:
    """Return what the function answers."""
    func, config, name = lambda_svc._get_func_record_for_ref(func_ref)
    function_arn = f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{name}"
    check_invocation_is_allowed(function_arn)
    if not func or not config:
        raise service_error("ResourceNotFoundException", 404, f"Function not found: {function_arn}")
    record = lambda_svc._execution_record_for_config(func, config)
    result = lambda_svc._execute_function_with_config_scope(record, event)
    body = result.get("body")
    if result.get("throttle"):
        raise service_error("TooManyRequestsException", 429, body["message"])
    if result.get("error"):
        raise ExecutionError(body.get("errorType") or "Lambda.Unknown", json.dumps(body))
    if isinstance(body, bytes) and len(body) > DATA_LIMIT:
        raise data_limit_exceeded(func_ref)
    return json.loads(body) if isinstance(body, bytes) else body


def check_invocation_is_allowed(function_arn: str) -> None:
    """Raise Lambda.AWSLambdaException unless the role of the state machine may invoke the function."""
    role_arn, execution_name = execution_role.get()
    session_arn, access_key = session(role_arn, execution_name)
    denied = enforce(access_key, "lambda:InvokeFunction", "lambda", get_region(), resource_arn=function_arn)
    if denied is not None:
        raise service_error(
            "AWSLambdaException",
            403,
            f"User: {session_arn} is not authorized to perform: lambda:InvokeFunction on resource: {function_arn} "
            "because no identity-based policy allows the lambda:InvokeFunction action",
            "AccessDeniedException",
        )


def session(role_arn: str, name: str) -> tuple[str, str]:
    """Register a session of the role; returns its ARN and its access key."""
    account, role_name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    digest = hashlib.sha256(role_arn.encode()).hexdigest()
    access_key = f"ASIA{digest[:16].upper()}"
    arn = f"arn:aws:sts::{account}:assumed-role/{role_name}/{name[:64]}"
    keys = {"SecretAccessKey": digest[16:56], "SessionToken": digest}
    sts.register_session(access_key, {"Arn": arn, "UserId": f"{role_name}:{name}", **keys})
    return arn, access_key


def service_error(name: str, status: int, sentence: str, code: str | None = None) -> Exception:
    """Return the error of a call to Lambda that reached no function."""
    service = f"Service: AWSLambda; Status Code: {status}; Error Code: {code or name}"
    request = f"Request ID: {uuid.uuid4()}; Proxy: null"
    error: Exception = ExecutionError(f"Lambda.{name}", f"{sentence} ({service}; {request})")
    return error


def start_the_timeout_when_the_task_starts() -> None:
    """Count TimeoutSeconds of a task from when its function runs: on AWS it would not have had to queue here.

    Its error has no Cause on AWS, where MiniStack invents one.
    """
    original = stepfunctions._invoke_resource_with_timeout

    def invoke(resource: str, input_data: Any, timeout: float) -> Any:
        if "lambda" not in resource:
            return original(resource, input_data, timeout)
        begun = threading.Event()
        lambda_functions.begun.set(begun)
        pool = ThreadPoolExecutor(1)
        future = pool.submit(contextvars.copy_context().run, stepfunctions._invoke_resource, resource, input_data)
        pool.shutdown(wait=False)
        future.add_done_callback(lambda _: begun.set())
        begun.wait()
        try:
            return future.result(timeout)
        except FutureTimeoutError:
            raise ExecutionError("States.Timeout", "") from None

    stepfunctions._invoke_resource_with_timeout = invoke
