"""The environment variables of the server and of the clients that talk to it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from localcloud import keys

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"

# The services that the template, the training steps and the SAM CLI use, by the names that requests are signed for. The
# rest of MiniStack stays unloaded. `sam list endpoints` asks Cloud Control for function URLs.
SERVICES = (
    "s3",
    "sts",
    "iam",
    "cloudformation",
    "cloudcontrolapi",
    "lambda",
    "states",
    "logs",
    "monitoring",
    "scheduler",
    "events",
    "sqs",
    "sns",
)
# AWS's default number of concurrent invocations in an account. More of them only wait in a queue here; MiniStack's own
# default is what fits into memory.
LAMBDA_ACCOUNT_CONCURRENCY = "1000"
# For the SageMaker SDK in place of the machine's and the user's own, which may name roles, keys and networks of their
# account. It names the default bucket, because SDK 2 asks STS at AWS's own address for the account in its name, and it
# turns off the reports of each call to AWS.
SAGEMAKER_SDK_CONFIG = Path(__file__).parent / "sagemaker_sdk.json"
# What a user may set for the server: the number above, and which corrections are left out.
SETTINGS = ("LAMBDA_ACCOUNT_CONCURRENCY", "LOCALCLOUD_WITHOUT")


def endpoint_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def endpoint_variables(port: int) -> dict[str, str]:
    """Return the variables that make an AWS client talk to this cloud and to nothing else, without any key.

    Clients do not read the user's ~/.aws: a profile there may name another endpoint, region, role or output format.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint_url(port),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # StartSyncExecution would go to sync-127.0.0.1
        "AWS_PAGER": "",
    }


def client_variables(state: Path, port: int) -> dict[str, str]:
    """Return the variables that make an AWS client act as the root user of this directory's cloud.

    Clients do not send requests for 127.0.0.1 through the user's proxy.

    Raises:
        KeysError: The cloud's keys cannot be read.
    """
    root = keys.load(state)
    not_proxied = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1"]))
    return {
        **endpoint_variables(port),
        "AWS_ACCESS_KEY_ID": root.access_key_id,
        "AWS_SECRET_ACCESS_KEY": root.secret_access_key,
        "NO_PROXY": not_proxied,
        "no_proxy": not_proxied,
        "SAM_CLI_TELEMETRY": "0",
        "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(SAGEMAKER_SDK_CONFIG),
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(SAGEMAKER_SDK_CONFIG),
        # For training/run.py: nothing costs here, and samconfig.toml may name a region of the user's account.
        "SCONES_YES": "1",
        "SCONES_REGION": REGION,
    }


def leaks(variables: Mapping[str, str]) -> set[str]:
    """Return the names of the variables that could make AWS clients talk to another endpoint or account.

    These are all that begin with AWS_: AWS_PROFILE, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL_S3, AWS_ROLE_ARN and so on.
    """
    return {name for name in variables if name.startswith("AWS_")}


def client_environment(state: Path, port: int) -> dict[str, str]:
    """Return this process's environment, with AWS clients pointed at the local cloud instead of the user's account.

    The directory of this Python comes first in PATH, so that `sam` and `python` are those of its virtual environment.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in leaks(os.environ)}
    return {**inherited, **client_variables(state, port), "PATH": search_path(os.environ.get("PATH", ""))}


def search_path(others: str) -> str:
    """Return a PATH that begins with the directory of this Python."""
    return f"{Path(sys.executable).parent}{os.pathsep}{others}"


def temporary_directory(state: Path) -> Path:
    """Return the TMPDIR of the server and its children. `instances.is_ours` recognises them by it."""
    return state.resolve() / "tmp"


def server_environment(port: int, state: Path) -> dict[str, str]:
    """Return the whole environment of the server process. MiniStack reads its settings from it when it is imported.

    The server always enforces IAM, keeps everything under `state`, and listens on `port` only. Of this process's own
    variables it has nothing but SETTINGS. It has no key: MiniStack takes AWS_ACCESS_KEY_ID for a root user whose
    signature it does not check.
    """
    temporary = str(temporary_directory(state))
    return {
        "LAMBDA_ACCOUNT_CONCURRENCY": LAMBDA_ACCOUNT_CONCURRENCY,
        **{name: os.environ[name] for name in SETTINGS if os.environ.get(name)},
        **endpoint_variables(port),
        "NO_PROXY": "127.0.0.1",
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
        "DOCKER_HOST": "unix:///nonexistent",  # MiniStack must not start containers
        "LOG_LEVEL": "WARNING",
        "PATH": search_path(os.defpath),
        "PYTHONPATH": str(Path(__file__).parents[1]),  # the code of this process, wherever it was started
        "HOME": temporary,
        "LANG": "C.UTF-8",
        "TMPDIR": temporary,
    }
