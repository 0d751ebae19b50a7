"""The process of a Lambda function: it sees what AWS shows a function, and nothing else of this machine."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from localcloud.function_runtime.function import Function

# What AWS's Python runtime has besides the standard library.
RUNTIME_PACKAGES = (
    "awslambdaric",
    "boto3",
    "botocore",
    "jmespath",
    "python-dateutil",
    "s3transfer",
    "simplejson",
    "six",
    "snapshot-restore-py",
    "urllib3",
)
BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


def start(function: Function, api_port: int, log_stream: str, directory: str) -> subprocess.Popen[bytes]:
    """Run AWS's runtime client on the handler; it asks the Runtime API on this port for events.

    With `-S` and PYTHONPATH it can import the packages of AWS's runtime and its own, but nothing else that is
    installed here; `-P` keeps the directory of `bootstrap.py` from it.

    Args:
        directory: An empty one that stands for /tmp where the kernel allows no mount of its own.
    """
    process = subprocess.Popen(
        bootstrap_command(own_tmp(), tmp_settings(function, directory), function.config["Handler"]),
        cwd=function.code,
        env=variables(function, api_port, log_stream),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return process


def tmp_settings(function: Function, directory: str) -> dict[str, Any]:
    """Return what `bootstrap.py` must know to give the function its /tmp."""
    return {
        "megabytes": function.ephemeral_storage_mb,
        "directory": directory,
        "needed": [function.code, *python_directories()],
    }


def bootstrap_command(mode: str, settings: dict[str, Any], handler: str) -> list[str]:
    return [sys.executable, "-S", "-P", str(BOOTSTRAP), mode, json.dumps(settings), handler]


@functools.cache
def own_tmp() -> str:
    """Return how a function gets a /tmp of its own on this machine: `namespace` or `redirect`.

    Docker's default profile and Ubuntu's AppArmor forbid namespaces; only an attempt can tell.
    """
    directory = BOOTSTRAP.parent
    command = bootstrap_command("probe", {"megabytes": 1, "needed": [str(directory)]}, "")
    done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True)
    return "namespace" if done.returncode == 0 else "redirect"


@functools.cache
def python_directories() -> tuple[str, ...]:
    """Return the directories from which a function's process imports, its own code apart."""
    linked = {str(link.resolve().parent) for link in runtime_directory().iterdir()}
    return (str(runtime_directory()), sys.prefix, sys.base_prefix, *sorted(linked))


def variables(function: Function, api_port: int, log_stream: str) -> dict[str, str]:
    """Return the environment variables of the process.

    AWS's own are those of https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html; the log level is
    set for JSON only. AWS_ENDPOINT_URL points its clients at this cloud, and AWS_CONFIG_FILE keeps them from the
    user's own configuration.
    """
    return {
        **function.variables,
        **log_variables(function, log_stream),
        "_HANDLER": function.config["Handler"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": os.environ["AWS_REGION"],
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # StartSyncExecution would go to sync-127.0.0.1
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.config['Runtime']}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api_port}",
        "AWS_REGION": os.environ["AWS_REGION"],
        "LAMBDA_RUNTIME_DIR": str(runtime_directory()),
        "LAMBDA_TASK_ROOT": function.code,
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "PYTHONPATH": f"{function.code}{os.pathsep}{runtime_directory()}",
        "TMPDIR": tempfile.gettempdir(),  # `down` recognises our processes by it; bootstrap.py hides it
        "TZ": ":UTC",
    }


def log_variables(function: Function, log_stream: str) -> dict[str, str]:
    """Return the variables that tell the function where and how it logs."""
    found = {
        "AWS_LAMBDA_LOG_FORMAT": "JSON" if function.logs_json else "Text",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
    }
    if function.logs_json:
        found["AWS_LAMBDA_LOG_LEVEL"] = function.logging.get("ApplicationLogLevel", "INFO")
    return found


@functools.cache
def runtime_directory() -> Path:
    """Return a directory of links to the packages of AWS's Python runtime; on AWS it is /var/runtime."""
    directory = Path(tempfile.gettempdir()) / "lambda-runtime"
    shutil.rmtree(directory, ignore_errors=True)  # an earlier server's: its packages may have moved
    directory.mkdir()
    for name in RUNTIME_PACKAGES:
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
            (directory / top).symlink_to(Path(str(package.locate_file(top))).resolve())
    return directory
