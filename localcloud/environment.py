"""The environment variables of the server and of the clients that talk to it."""

import os
import sys
from pathlib import Path

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"
# MiniStack treats this key as the account's root user; functions, jobs and endpoints run as their own roles.
ROOT_KEY = "test"

# What the application uses, and nothing else: the rest of MiniStack stays unloaded.
SERVICES = "s3,sts,iam,cloudformation,lambda,stepfunctions,events,scheduler,sns,sqs,ssm,logs,monitoring"


def endpoint_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def client_variables(port: int) -> dict[str, str]:
    """Return what an AWS client needs to talk to this cloud and to nothing else."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url(port),
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }


def client_environment(port: int) -> dict[str, str]:
    """Return this process's environment, pointed at the local cloud.

    A profile or session token of a real account must not leak in. The directory of this Python comes first in
    PATH, so that `sam` and `python` are the ones of its virtual environment.
    """
    inherited = {k: v for k, v in os.environ.items() if k not in ("AWS_PROFILE", "AWS_SESSION_TOKEN")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**inherited, **client_variables(port), "PATH": path}


def server_environment(port: int, state: Path) -> dict[str, str]:
    """Return the environment in which MiniStack must be imported: it reads its settings then.

    IAM is always enforced, everything is kept under `state`, and no other listener than `port` is opened.
    """
    return {
        **client_environment(port),
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "SERVICES": SERVICES,
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
        "TMPDIR": str(state / "tmp"),
    }
