"""Corrections of MiniStack's Lambda. Each is one function that says what AWS does."""

import functools
import io
import os
import sys
import threading
import zipfile
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

# AWS runs 1,000 at once by default. Processes of this machine are dearer: more than these wait in a queue.
CONCURRENT_INVOCATIONS = 4

BOOTSTRAP = f"""#!/bin/sh
exec "{sys.executable}" -m awslambdaric "$_HANDLER"
"""


def correct() -> None:
    """Apply every correction; called once, before the server starts."""
    if sys.platform == "linux":  # awslambdaric's native client is built for Linux only
        run_python_on_the_runtime_interface_client()
        run_functions_in_an_environment_of_their_own()
    queue_invocations()


def run_python_on_the_runtime_interface_client() -> None:
    """Report errors as AWS's Python runtime does: class name as errorType, requestId, stackTrace.

    MiniStack's own Python worker calls every exception `Runtime.HandlerError`, so no `ErrorEquals` could match.
    Its `provided.*` runtimes speak the real Lambda Runtime API; AWS's own client, awslambdaric, speaks it too.
    """

    def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        config = {**(func.get("config") or func), "Runtime": "provided.al2023"}
        code = with_bootstrap(func["code_zip"]) if func.get("code_zip") else None
        answer: dict[str, Any] = lambda_svc._execute_function_provided_warm(
            {**func, "config": config, "code_zip": code}, event, request_id
        )
        return answer

    lambda_svc._execute_function_warm = execute


@functools.lru_cache(maxsize=64)
def with_bootstrap(code_zip: bytes) -> bytes:
    """Return the deployment package with the `bootstrap` program of a custom runtime added."""
    buffer = io.BytesIO(code_zip)
    with zipfile.ZipFile(buffer, "a") as package:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        package.writestr(entry, BOOTSTRAP)
    return buffer.getvalue()


def run_functions_in_an_environment_of_their_own() -> None:
    """Give a function the variables that AWS sets, and none of this server's.

    MiniStack hands its own environment down. On AWS a function sees PATH, LANG, TZ, the AWS_* variables and its
    own; AWS_LAMBDA_LOG_FORMAT makes the runtime client write JSON lines.
    """
    original = lambda_svc._provided_worker_env

    def worker_environment(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
        own = (config.get("Environment") or {}).get("Variables") or {}
        built = original(config, code_dir, port)
        logging_config = config.get("LoggingConfig") or {}
        kept = {k: v for k, v in built.items() if k in own or k not in os.environ or k.startswith("AWS_")}
        return {
            **kept,
            "PATH": os.environ["PATH"],
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": code_dir,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime')}",
            "AWS_LAMBDA_LOG_FORMAT": logging_config.get("LogFormat", "Text"),
            "AWS_LAMBDA_LOG_LEVEL": logging_config.get("ApplicationLogLevel", "INFO"),
            "AWS_LAMBDA_LOG_GROUP_NAME": logging_config.get("LogGroup") or f"/aws/lambda/{config['FunctionName']}",
            "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        }

    lambda_svc._provided_worker_env = worker_environment


def queue_invocations() -> None:
    """Run a few invocations at a time and let the others wait, as if there were capacity for all.

    Without it a burst of executions opens one cold process each. AWS throttles only past the account's limit;
    LAMBDA_ACCOUNT_CONCURRENCY sets it here, and MiniStack's own count of it comes before this queue.
    """
    capacity = threading.BoundedSemaphore(CONCURRENT_INVOCATIONS)
    original = lambda_svc._execute_function_dispatch

    @functools.wraps(original)
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        with capacity:
            return original(*args, **kwargs)

    lambda_svc._execute_function_dispatch = dispatch


def stop_workers() -> None:
    """End the processes of all functions."""
    lambda_runtime.reset()
