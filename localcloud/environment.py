"""The environment variables of the server and of the clients that talk to it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"
# MiniStack treats this key as the account's root user; functions, jobs and endpoints run as their own roles.
ROOT_KEY = "test"

# What the application uses, and nothing else: the rest of MiniStack stays unloaded. These are the names that requests
# are signed for. Cloud Control is here because `sam list endpoints` asks it for function URLs.
SERVICES = (
    "s3", "sts", "iam", "cloudformation", "cloudcontrolapi", "lambda", "states", "events", "scheduler", "sns", "sqs",
    "ssm", "logs", "monitoring",
)  # fmt: skip


def endpoint_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def client_variables(port: int) -> dict[str, str]:
    """Return what an AWS client needs to talk to this cloud and to nothing else.

    The user's own ~/.aws is not read: a profile there may name another endpoint, region, role or output format. A
    proxy of the user must not be asked for 127.0.0.1.
    """
    not_proxied = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1"]))
    return {
        "AWS_ENDPOINT_URL": endpoint_url(port),
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "NO_PROXY": not_proxied,
        "no_proxy": not_proxied,
        "SAM_CLI_TELEMETRY": "0",
    }


def leaks(variables: Mapping[str, str]) -> set[str]:
    """Return the variables that would lead AWS clients elsewhere.

    They are all of AWS's own: AWS_PROFILE, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL_S3, AWS_ROLE_ARN, ...
    """
    return {name for name in variables if name.startswith("AWS_")}


def client_environment(port: int) -> dict[str, str]:
    """Return this process's environment, pointed at the local cloud and at no account of the user's.

    The directory of this Python comes first in PATH, so that `sam` and `python` are the ones of its virtual
    environment.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in leaks(os.environ)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**inherited, **client_variables(port), "PATH": path}


def temporary_directory(state: Path) -> Path:
    """Return TMPDIR of the server and of its children: by it, they are told from all other processes."""
    return state.resolve() / "tmp"


def server_environment(port: int, state: Path) -> dict[str, str]:
    """Return the environment in which MiniStack must be imported: it reads its settings then.

    IAM is always enforced, everything is kept under `state`, and no other listener than `port` is opened.
    """
    return {
        **client_environment(port),
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "SERVICES": ",".join(SERVICES).replace("cloudcontrolapi", "cloudcontrol"),  # MiniStack's name for it
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "ministack"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",  # MiniStack must not look for containers: there are none
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(temporary_directory(state)),
    }
