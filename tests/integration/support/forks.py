"""Runs tests against a cloud without one correction: both are forks of this process, which has imported everything.

Importing MiniStack, the SDK and pytest takes longer than most tests. For each line on standard input, `[the name of a
correction, pytest's arguments]`, this program prints a line `[pytest's exit code, what it printed]`.

    python -P tests/integration/support/forks.py DIRECTORY PORT
"""

import gc
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import botocore.loaders
import botocore.session
import pytest

from localcloud import instances, keys, process
from localcloud.environment import client_environment, server_environment, temporary_directory

# What the tests import; SageMaker's SDK alone takes seconds.
IMPORTED = ("boto3", "numpy", "onnx", "PIL.Image", "psutil", "requests", "sagemaker.core.image_uris")
SERVICES = (
    "cloudformation",
    "cloudwatch",
    "events",
    "iam",
    "lambda",
    "logs",
    "s3",
    "sagemaker",
    "sqs",
    "stepfunctions",
    "sts",
)
START_SECONDS = 60
FAILED = 70  # exit code of a fork that ended in an exception


def main(state: Path, port: int) -> None:
    """Answer lines until there are no more."""
    variables = dict(os.environ)
    use(server_environment(port, state))
    read_models()
    for module in IMPORTED:
        importlib.import_module(module)
    from localcloud import server  # MiniStack reads its settings from the environment when it is imported

    gc.freeze()  # pytest collects garbage at its end, and would look at all of this each time
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        without = {"LOCALCLOUD_WITHOUT": name}

        def serve(settings: dict[str, str] = without) -> int:
            os.environ.update(settings)
            server.serve(port, state)
            return 0

        def run_tests(settings: dict[str, str] = without, arguments: list[str] = arguments) -> int:
            use({**variables, **settings, "INTEGRATION_TARGET": "running"})
            use(client_environment(state, port))
            return int(pytest.main(arguments))

        prepare(state)
        with cloud(serve, state), tempfile.TemporaryFile() as output:
            tests = fork(run_tests, output.fileno())
            code = os.waitstatus_to_exitcode(os.waitpid(tests, 0)[1])
            output.seek(0)
            print(json.dumps([code, output.read().decode(errors="replace")]), flush=True)


def read_models() -> None:
    """Let the SDK read the models of AWS's APIs now, and keep them for all its sessions."""
    loader = botocore.loaders.create_loader()
    botocore.session.create_loader = lambda *_: loader
    for service in SERVICES:
        loader.load_service_model(service, "service-2")
        loader.load_service_model(service, "endpoint-rule-set-1")


def use(variables: dict[str, str]) -> None:
    """Replace this process's environment."""
    os.environ.clear()
    os.environ.update(variables)
    tempfile.tempdir = None  # read TMPDIR again


def prepare(state: Path) -> None:
    """Make the directory of a cloud that has never run."""
    shutil.rmtree(state, ignore_errors=True)
    temporary_directory(state).mkdir(parents=True)
    keys.ensure(state)


def fork(run: Callable[[], int], output: int) -> int:
    """Return the process id of a child that runs a function and leads a process group of its own.

    Args:
        output: The file that the child writes to. What it reads does not end before this process does.
    """
    if child := os.fork():
        return child
    os.setsid()
    os.dup2(os.pipe()[0], 0)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    code = FAILED
    try:
        code = run()
    except BaseException as err:
        print(repr(err), file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextmanager
def cloud(serve: Callable[[], int], state: Path) -> Iterator[None]:
    """Run a cloud; at the end, kill it and everything that it has started."""
    with instances.log_path(state).open("ab") as log:
        server = fork(serve, log.fileno())
    try:
        deadline = time.monotonic() + START_SECONDS
        while (found := instances.remembered(state)) is None or found.pid != server:
            assert time.monotonic() < deadline, process.log_end(state)
            time.sleep(0.01)
        yield
    finally:
        os.killpg(server, signal.SIGKILL)
        os.waitpid(server, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
