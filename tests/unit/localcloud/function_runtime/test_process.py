"""What a function's process is given."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.function_runtime import process as function_process
from localcloud.function_runtime.function import Function

CONFIG = {
    "FunctionName": "classify",
    "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:classify",
    "Handler": "app.lambda_handler",
    "Runtime": "python3.13",
    "MemorySize": 256,
}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is built for Linux only")


@pytest.fixture
def runtime_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    function_process.runtime_directory.cache_clear()
    yield function_process.runtime_directory()
    function_process.runtime_directory.cache_clear()


@LINUX
@pytest.mark.parametrize(
    ("logging", "level"),
    [({}, None), ({"LogFormat": "JSON"}, "INFO"), ({"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}, "DEBUG")],
)
def test_the_log_level_is_set_for_json_only(
    logging: dict[str, str], level: str | None, runtime_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    function = Function({**CONFIG, "LoggingConfig": logging}, code="/code", variables={})
    variables = function_process.variables(function, 1, "stream")
    assert variables.get("AWS_LAMBDA_LOG_LEVEL") == level


@LINUX
def test_the_runtime_s_packages_are_there_and_no_others(runtime_directory: Path) -> None:
    names = {path.name for path in runtime_directory.iterdir()}
    assert {"awslambdaric", "boto3", "botocore", "dateutil", "six.py"} <= names
    assert not {"numpy", "ministack", "torch"} & names
