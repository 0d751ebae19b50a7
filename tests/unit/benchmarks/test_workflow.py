"""The benchmark of the workflow tells the cloud's processes apart."""

import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from benchmarks import workflow
from localcloud.function_runtime import process as function_process
from localcloud.function_runtime.function import Function

CONFIG = {"FunctionName": "f", "Handler": "app.lambda_handler", "Runtime": "python3.13"}


@pytest.fixture
def function_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a function's process is started with."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(function_process, "runtime_directory", lambda: tmp_path)
    return function_process.variables(Function(CONFIG, str(tmp_path), {}), 1, "stream")


def kind_of_process(variables: dict[str, str]) -> str:
    pipe, program = subprocess.PIPE, "print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], env=variables, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()  # Linux shows the environment of a process that has only begun as empty
        kind = workflow.kind_of(psutil.Process(process.pid))
        process.communicate(b"\n")
    return kind


def test_the_memory_of_functions_is_theirs(function_variables: dict[str, str]) -> None:
    assert kind_of_process(function_variables) == "functions"


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({"SAGEMAKER_BASE_DIR": "/opt/ml", "SAGEMAKER_BIND_TO_PORT": "8080"}, "endpoint"),
        ({"SAGEMAKER_BASE_DIR": "/opt/ml"}, "training"),
        ({}, "other"),
    ],
)
def test_endpoints_and_jobs_are_told_apart(variables: dict[str, str], kind: str) -> None:
    assert kind_of_process(variables) == kind
