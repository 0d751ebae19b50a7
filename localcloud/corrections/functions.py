"""Corrections of MiniStack's Lambda: functions run on AWS's own runtime client, a few at a time."""

import contextvars
import json
import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json
from ministack.services import cloudwatch_logs, lambda_svc

from localcloud import identity
from localcloud.corrections import function_concurrency, log_events, metric_data
from localcloud.corrections.function_concurrency import CONCURRENT_INVOCATIONS
from localcloud.function_runtime import logs
from localcloud.function_runtime import process as function_process
from localcloud.function_runtime.environments import ExecutionEnvironment
from localcloud.function_runtime.function import Function
from localcloud.function_runtime.outcomes import Invocation, Outcome
from localcloud.identity import Permission

REQUEST_LIMIT = 6 * 1024 * 1024  # bytes

logger = logging.getLogger(__name__)

Dispatch = Callable[[dict[str, Any], dict[str, Any], Any, str, float], dict[str, Any]]

# Set when the invocation of this context leaves the queue; Step Functions starts its TimeoutSeconds then.
begun: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("begun", default=None)


class PooledEnvironment:
    """An execution environment with the members that MiniStack's pool of workers uses."""

    _proc = None  # the process that the pool would kill at once when the function is updated or deleted

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        self.config = config
        self.in_use = False
        self.last_used = 0.0
        variables = lambda_svc._runtime_env_vars(config) | lambda_runtime.execution_credentials(config)
        self.environment = ExecutionEnvironment(
            Function(config, lambda_svc._provided_runtime_code_dir(code_zip), variables)
        )

    def _discard_tmpdir(self) -> None:
        """End the environment: the pool has dropped it."""
        self.environment.discard()


def pool_environments(original: Callable[[dict[str, Any]], type]) -> Callable[[dict[str, Any]], type]:
    """Let MiniStack's pool keep our environments, on Linux: awslambdaric's native client is built for it only."""

    def worker_class_for(config: dict[str, Any]) -> type:
        return PooledEnvironment if sys.platform == "linux" else original(config)

    return worker_class_for


def run_on_the_runtime_client(original: Dispatch) -> Dispatch:
    """Run functions in their environments, CONCURRENT_INVOCATIONS at a time and in their order.

    Without the queue, a burst of executions starts one cold process for each. A function that waits for another one
    keeps its place in it: more than CONCURRENT_INVOCATIONS of them wait for their timeout. Those of event source
    mappings, which MaximumConcurrency limits, take none.
    """
    pool = ThreadPoolExecutor(CONCURRENT_INVOCATIONS, thread_name_prefix="lambda")
    run = run_in_environment if sys.platform == "linux" else original
    if sys.platform == "linux":
        function_process.runtime_directory()  # made now: concurrent invocations would race to make it
        if function_process.own_tmp() != "namespace":
            logger.warning("The kernel allows no mounts: /tmp is a function's own for Python's file functions only.")

    def begin(*invocation: Any) -> dict[str, Any]:
        function_concurrency.begin()
        if event := begun.get():
            event.set()
        return run(*invocation)

    def dispatch(
        func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str, started: float
    ) -> dict[str, Any]:
        if function_concurrency.beside_the_queue.get():
            return begin(func, config, event, request_id, started)
        context = contextvars.copy_context()
        return pool.submit(context.run, begin, func, config, event, request_id, started).result()

    return dispatch


def run_in_environment(
    func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str, started: float
) -> dict[str, Any]:
    """Run one invocation, write its log, and return MiniStack's record of it."""
    lambda_svc._ensure_reaper_thread()
    version = config.get("Version", "$LATEST")
    worker, _ = lambda_runtime.acquire_worker(config["FunctionName"], config, func["code_zip"], version)
    trace_id = lambda_svc._xray_trace_id_for_invocation(config)
    payload = json.dumps(event).encode()  # lone surrogates stay escaped
    invocation = Invocation(request_id, config["FunctionArn"], payload, trace_id)
    try:
        outcome = worker.environment.invoke(invocation)
        log = write_log(worker.environment, outcome)  # before the next invocation, whose log comes later
    finally:
        lambda_runtime.release_worker(worker)
    error = outcome.status != "success"
    body = json.loads(outcome.payload) if error else outcome.payload
    return {"body": body, "error": error, "log": log, "duration_ms": outcome.duration_ms}


def write_log(environment: ExecutionEnvironment, outcome: Outcome) -> str:
    """Write the log of one invocation; returns it as text, the end of which Invoke with LogType=Tail answers.

    As on AWS, a function whose role may not write logs leaves none and keeps working.
    """
    function = environment.function
    messages = logs.messages(function, outcome)
    stream = {"logGroupName": function.log_group, "logStreamName": environment.log_stream}
    if may_write_logs(function):
        if log_events.stream_of(stream) is None:
            cloudwatch_logs._create_log_group({"logGroupName": function.log_group})  # an error when it exists
            cloudwatch_logs._create_log_stream(stream)
        events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
        cloudwatch_logs._put_log_events({**stream, "logEvents": events})
    return "".join(message if message.endswith("\n") else f"{message}\n" for message in messages)


def may_write_logs(function: Function) -> bool:
    group = f"arn:aws:logs:{identity.region()}:{identity.account_id()}:log-group:{function.log_group}"
    permission = Permission("logs:PutLogEvents", f"{group}:log-stream:*")
    return identity.denial(function.variables["AWS_ACCESS_KEY_ID"], permission) is None


def refuse_large_requests(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Answer 413 to an event over 6 MB."""

    async def invoke(
        name: str,
        event: Any,
        headers: dict[str, str],
        path_qualifier: str | None = None,
        query_params: dict[str, Any] | None = None,
    ) -> Any:
        if int(headers.get("content-length", 0)) > REQUEST_LIMIT:
            sentence = f"Request must be smaller than {REQUEST_LIMIT} bytes for the InvokeFunction operation"
            return error_response_json("RequestEntityTooLargeException", sentence, 413)
        return await original(name, event, headers, path_qualifier, query_params)

    return invoke


def count_every_invocation(
    original: Callable[[dict[str, Any], Any], dict[str, Any]],
) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Record AWS/Lambda metrics whoever invokes; a throttled request counts as Throttles only."""

    def execute(func: dict[str, Any], event: Any) -> dict[str, Any]:
        result = original(func, event)
        function = {"FunctionName": (func.get("config") or func)["FunctionName"]}
        for name, value, unit in invocation_metrics(result):
            metric_data.record(("AWS/Lambda", name), [value], unit, function)
        return result

    return execute


def invocation_metrics(result: dict[str, Any]) -> list[tuple[str, float, str]]:
    """Return name, value and unit of each metric of an invocation."""
    if result.get("throttle"):
        return [("Throttles", 1, "Count")]
    metrics: list[tuple[str, float, str]] = [
        ("Throttles", 0, "Count"),
        ("Invocations", 1, "Count"),
        ("Errors", float(bool(result.get("error"))), "Count"),
    ]
    if "duration_ms" in result:
        metrics.append(("Duration", result["duration_ms"], "Milliseconds"))
    return metrics


def silence_metrics(original: Callable[..., None]) -> Callable[..., None]:
    """Record nothing where MiniStack does: `count_every_invocation` has recorded it."""

    def emit(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        """Do nothing."""

    return emit
