"""Corrections of MiniStack's Lambda. Each is one function that says what AWS does."""

import contextvars
import functools
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json
from ministack.services import cloudwatch, lambda_svc

from localcloud.function_runtime import logs as lambda_logs
from localcloud.function_runtime import process as lambda_process
from localcloud.function_runtime.environments import Environment

# AWS runs 1,000 at once by default. Processes of this machine are dearer: more than these wait in a queue.
CONCURRENT_INVOCATIONS = 4
ACCOUNT_CONCURRENCY = 1000  # AWS's default
REQUEST_LIMIT = 6 * 1024 * 1024  # bytes

# Set when the invocation of this context leaves the queue; Step Functions starts its TimeoutSeconds then.
begun: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("begun", default=None)


def correct() -> None:
    """Apply every correction; called once, before the server starts."""
    if sys.platform == "linux":  # awslambdaric's native client is built for Linux only
        run_python_on_the_runtime_interface_client()
    queue_invocations()
    allow_the_concurrency_of_aws()
    word_throttling()
    refuse_large_requests()
    count_every_invocation()


def run_python_on_the_runtime_interface_client() -> None:
    """Run functions as AWS does: by its own runtime client, within their timeout and memory, with its logs.

    MiniStack's own Python worker calls every exception `Runtime.HandlerError`, so no `ErrorEquals` could match,
    hands down this server's variables, and knows neither MemorySize nor the limit of a response.
    """

    def dispatch(
        func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str, started: float
    ) -> dict[str, Any]:
        lambda_svc._ensure_reaper_thread()
        version = config.get("Version", "$LATEST")
        environment, _ = lambda_runtime.acquire_worker(config["FunctionName"], config, func["code_zip"], version)
        try:
            outcome = environment.invoke(event, request_id, lambda_svc._xray_trace_id_for_invocation(config))
        finally:
            lambda_runtime.release_worker(environment)
        log = lambda_logs.write(config, environment.log_stream, outcome)
        error = outcome.status != "success"
        body = json.loads(outcome.payload) if error else outcome.payload
        return {"body": body, "error": error, "log": log, "duration_ms": outcome.duration_ms}

    lambda_process.runtime_directory()  # made now: invocations would race for it
    lambda_runtime._worker_class_for = lambda config: Environment
    lambda_svc._execute_function_dispatch = dispatch


def queue_invocations() -> None:
    """Run a few invocations at a time, in their order, and let the others wait, as if there were capacity for all.

    Without it a burst of executions opens one cold process each. AWS throttles only past the account's limit;
    LAMBDA_ACCOUNT_CONCURRENCY sets it here, and MiniStack's own count of it comes before this queue. A function
    that waits for another one keeps its place: more than CONCURRENT_INVOCATIONS of them wait for their timeout.
    """
    pool = ThreadPoolExecutor(CONCURRENT_INVOCATIONS, thread_name_prefix="lambda")
    original = lambda_svc._execute_function_dispatch

    def begin(*args: Any) -> Any:
        if event := begun.get():
            event.set()
        return original(*args)

    @functools.wraps(original)
    def dispatch(*args: Any) -> Any:
        return pool.submit(contextvars.copy_context().run, begin, *args).result()

    lambda_svc._execute_function_dispatch = dispatch


def allow_the_concurrency_of_aws() -> None:
    """Let 1,000 invocations be under way unless LAMBDA_ACCOUNT_CONCURRENCY says otherwise: they only queue here.

    MiniStack allows what fits into memory, because it starts them all.
    """
    if not os.environ.get("LAMBDA_ACCOUNT_CONCURRENCY"):
        lambda_svc._ACCOUNT_CONCURRENCY_CAP = ACCOUNT_CONCURRENCY


def word_throttling() -> None:
    """Say `Rate Exceeded.` as AWS does; the Reason tells the account's limit from the function's."""
    original = lambda_svc._throttle_response

    def throttle_response(reason_code: str, msg: str, retry_after: int = 1) -> Any:
        answer = original(reason_code, "Rate Exceeded.", retry_after)
        answer["body"]["Type"] = "User"
        return answer

    lambda_svc._throttle_response = throttle_response


def refuse_large_requests() -> None:
    """Answer 413 to an event over 6 MB; MiniStack takes any."""
    original = lambda_svc._invoke

    async def invoke(name: str, event: Any, headers: dict[str, str], *args: Any, **kwargs: Any) -> Any:
        if int(headers.get("content-length", 0)) > REQUEST_LIMIT:
            sentence = f"Request must be smaller than {REQUEST_LIMIT} bytes for the InvokeFunction operation"
            return error_response_json("RequestEntityTooLargeException", sentence, 413)
        return await original(name, event, headers, *args, **kwargs)

    lambda_svc._invoke = invoke


def count_every_invocation() -> None:
    """Emit AWS/Lambda metrics whoever invokes; a throttled request counts as Throttles only.

    MiniStack counts what comes through the API, not what Step Functions invokes, and throttled requests as
    invocations (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html).
    """
    original = lambda_svc._execute_function

    @functools.wraps(original)
    def execute(func: dict[str, Any], event: Any) -> dict[str, Any]:
        result: dict[str, Any] = original(func, event)
        function = {"FunctionName": (func.get("config") or func)["FunctionName"]}

        def count(name: str, value: float, unit: str = "Count") -> None:
            cloudwatch.record_metric("AWS/Lambda", name, value, unit, function)

        throttled = bool(result.get("throttle"))
        count("Throttles", throttled)
        if not throttled:
            count("Invocations", 1)
            count("Errors", bool(result.get("error")))
            if "duration_ms" in result:
                count("Duration", result["duration_ms"], "Milliseconds")
        return result

    lambda_svc._emit_lambda_metrics = lambda *args, **kwargs: None
    lambda_svc._execute_function = execute
