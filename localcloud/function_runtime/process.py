"""The process of a Lambda function: what it sees of the world is what AWS shows it, and nothing of this machine's."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

# What AWS's Python runtime brings besides the standard library.
RUNTIME_PACKAGES = ("awslambdaric", "boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "simplejson",
                    "six", "snapshot-restore-py", "urllib3")  # fmt: skip


def start(config: dict[str, Any], code: str, api_port: int, log_stream: str) -> subprocess.Popen[bytes]:
    """Run AWS's runtime client on the handler; it asks the Runtime API on this port for events.

    `-S` and PYTHONPATH let it import the packages of AWS's runtime and its own, not what else is installed here.
    """
    process = subprocess.Popen(
        [sys.executable, "-S", "-m", "awslambdaric", config["Handler"]],
        cwd=code, env=variables(config, code, api_port, log_stream),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return process


def variables(config: dict[str, Any], code: str, api_port: int, log_stream: str) -> dict[str, str]:
    """Return the function's environment variables.

    AWS's own are those of https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html; the log level
    is set for JSON only. AWS_ENDPOINT_URL leads its clients to this cloud, and no AWS_CONFIG_FILE of the person
    who runs it is read.
    """
    logging = config.get("LoggingConfig") or {}
    json_logs = logging.get("LogFormat") == "JSON"
    return {
        **lambda_svc._runtime_env_vars(config),
        **lambda_runtime.execution_credentials(config),
        "_HANDLER": config["Handler"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": os.environ["AWS_REGION"],
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": "JSON" if json_logs else "Text",
        **({"AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel", "INFO")} if json_logs else {}),
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group(config),
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api_port}",
        "AWS_REGION": os.environ["AWS_REGION"],
        "LAMBDA_RUNTIME_DIR": str(runtime_directory()),
        "LAMBDA_TASK_ROOT": code,
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "PYTHONPATH": f"{code}{os.pathsep}{runtime_directory()}",
        "TMPDIR": tempfile.gettempdir(),  # not on AWS, where /tmp is its own; by it `down` knows this cloud's processes
        "TZ": ":UTC",
    }


def log_group(config: dict[str, Any]) -> str:
    return str((config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}")


@functools.cache
def runtime_directory() -> Path:
    """Return a directory of links to the packages of AWS's Python runtime, as /var/runtime is there."""
    directory = Path(tempfile.gettempdir()) / "lambda-runtime"
    shutil.rmtree(directory, ignore_errors=True)  # an earlier server's: its packages may have moved
    directory.mkdir()
    for name in RUNTIME_PACKAGES:
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
            (directory / top).symlink_to(Path(str(package.locate_file(top))).resolve())
    return directory
