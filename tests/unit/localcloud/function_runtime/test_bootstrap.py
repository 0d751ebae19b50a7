"""The /tmp of a function's process, with a mount of its own and without.

Where the isolation does not work, a function here writes to the machine's /tmp. So each names only files whose names
are this run's own, and deletes nothing but these: none may list /tmp and delete what it finds.
"""

import json
import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcloud.function_runtime import process as function_process
from localcloud.function_runtime.environments import ExecutionEnvironment
from localcloud.function_runtime.function import Function
from localcloud.function_runtime.outcomes import Invocation, Outcome

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="on macOS MiniStack runs the functions")
OWN = f"/tmp/localcloud-test-{uuid.uuid4().hex}"
CODE = f"""
import glob, os, pathlib, shutil, tempfile
import boto3  # from a directory that may be below /tmp

OWN = "{OWN}"

def lambda_handler(event, context):
    return eval(event["do"])

def write(text):
    with open(OWN, "w") as file:
        file.write(text)

def read():
    with open(OWN) as file:
        return file.read()

def fill(megabytes):
    with open(OWN, "wb") as file:
        for _ in range(megabytes):
            file.write(bytes(1_000_000))

def use_every_kind():
    directory = pathlib.Path(OWN)
    directory.mkdir()
    (directory / "b").write_text("1")
    os.rename(OWN + "/b", OWN + "/c")
    os.replace(src=OWN + "/c", dst=OWN + "/d")
    shutil.copy(OWN + "/d", OWN + "/e")
    with tempfile.NamedTemporaryFile() as file:
        assert os.path.dirname(file.name) == "/tmp"
    found = sorted(os.listdir(OWN)), glob.glob(OWN + "/*") != [], (directory / "e").read_text()
    shutil.rmtree(OWN)
    return *found, os.path.exists(OWN)
"""


@pytest.fixture(params=["namespace", "redirect"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "namespace" and function_process.own_tmp() != "namespace":
        pytest.skip("the kernel allows no mount namespace here")
    monkeypatch.setattr(function_process, "own_tmp", lambda: request.param)
    return str(request.param)


@pytest.fixture(params=["/tmp", "/var/tmp"])
def state(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the directory for the code, the packages and all temporary files, below /tmp and elsewhere."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with tempfile.TemporaryDirectory(dir=request.param) as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        forget_directories()
        yield Path(directory)
    forget_directories()


def forget_directories() -> None:
    function_process.runtime_directory.cache_clear()
    function_process.python_directories.cache_clear()


Start = Callable[[], ExecutionEnvironment]


@pytest.fixture
def start(mode: str, state: Path) -> Iterator[Start]:
    """Yield a function that returns a new environment of the same function."""
    code = state / "code"
    code.mkdir()
    (code / "app.py").write_text(CODE)
    config = {
        "FunctionName": "f",
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "Handler": "app.lambda_handler",
        "Runtime": "python3.13",
        "Timeout": 30,
        "MemorySize": 512,
        "EphemeralStorage": {"Size": 5},
    }
    started: list[ExecutionEnvironment] = []

    def new() -> ExecutionEnvironment:
        started.append(ExecutionEnvironment(Function(config, str(code), {})))
        return started[-1]

    yield new
    for one in started:
        one.discard()
    Path(OWN).unlink(missing_ok=True)  # where the isolation does not work


def run(environment: ExecutionEnvironment, expression: str) -> Outcome:
    return environment.invoke(Invocation("id", "arn", json.dumps({"do": expression}).encode(), None))


def do(environment: ExecutionEnvironment, expression: str) -> Any:
    """Return what an expression is in the function's process."""
    outcome = run(environment, expression)
    answer = json.loads(outcome.payload)
    assert outcome.status == "success", (answer, outcome.output)
    return answer


def test_each_environment_reads_what_it_wrote(start: Start) -> None:
    first, second = start(), start()
    do(first, "write('first')")
    do(second, "write('second')")
    assert (do(first, "read()"), do(second, "read()")) == ("first", "second")
    assert not Path(OWN).exists()


def test_the_tmp_of_the_machine_is_not_seen(start: Start) -> None:
    Path(OWN).write_text("of the machine")
    assert do(start(), "os.path.exists(OWN)") is False
    assert do(start(), "os.path.basename(OWN) in os.listdir('/tmp')") is False


def test_files_are_moved_listed_and_deleted_there(start: Start) -> None:
    assert do(start(), "use_every_kind()") == [["d", "e"], True, "1", False]


def test_what_the_process_needs_below_tmp_is_still_there(start: Start, state: Path) -> None:
    environment = start()
    assert do(environment, "open('app.py').read() != ''")
    assert do(environment, f"open({str(state / 'code' / 'app.py')!r}).read() != ''")
    assert do(environment, "boto3.Session().get_available_services() != []")


def test_tmp_is_limited(start: Start, mode: str) -> None:
    if mode == "redirect":
        pytest.skip("without a mount, the disk is the limit")
    assert do(start(), "fill(5)") is None
    assert b"No space left on device" in run(start(), "fill(6)").payload


def test_the_code_is_read_only(start: Start, mode: str) -> None:
    if mode == "redirect":
        pytest.skip("without a mount, the code's directory is as the user made it")
    assert b"Read-only file system: 'image.png'" in run(start(), "open('image.png', 'w')").payload


def test_the_function_sees_no_tmpdir_but_the_cloud_finds_its_process(start: Start, state: Path) -> None:
    environment = start()
    assert do(environment, "[os.environ.get('TMPDIR'), tempfile.gettempdir()]") == [None, "/tmp"]
    process = psutil.Process(do(environment, "os.getpid()"))
    assert process.environ()["TMPDIR"] == str(state)


def test_tmp_is_deleted_with_its_environment(start: Start, state: Path) -> None:
    environment = start()
    do(environment, "write('x')")
    environment.discard()
    assert {path.name for path in state.iterdir()} == {"code", "lambda-runtime"}
    assert do(environment, "os.path.exists(OWN)") is False


def test_the_process_has_no_more_rights_than_the_server(start: Start) -> None:
    environment = start()
    assert do(environment, "os.getuid()") == os.getuid()
    own = capabilities(Path("/proc/self/status").read_text())
    assert capabilities(do(environment, "open('/proc/self/status').read()")) & ~own == 0


def capabilities(status: str) -> int:
    """Return the effective capabilities in a process's status, one bit for each."""
    return next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
