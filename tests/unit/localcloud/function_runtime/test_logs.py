"""What Lambda writes about an invocation, and what a function's process is given."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.function_runtime import logs as lambda_logs
from localcloud.function_runtime import process as lambda_process
from localcloud.function_runtime.environments import Outcome, failure

CONFIG = {
    "FunctionName": "classify", "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:classify",
    "Handler": "app.lambda_handler", "Runtime": "python3.13", "MemorySize": 256, "Role": "arn:aws:iam::1:role/r",
}  # fmt: skip
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is built for Linux only")


@pytest.fixture
def runtime_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lambda_process.runtime_directory.cache_clear()
    yield lambda_process.runtime_directory()
    lambda_process.runtime_directory.cache_clear()


def outcome(**changes: Any) -> Outcome:
    usual: dict[str, Any] = {
        "request_id": "id", "status": "success", "payload": b"{}", "error_type": "", "output": ["a line"],
        "duration_ms": 1233.96, "init_ms": None, "memory_mb": 99,
    }  # fmt: skip
    return Outcome(**{**usual, **changes})


def test_a_warm_success_is_three_lines_around_its_output() -> None:
    report = "Duration: 1233.96 ms\tBilled Duration: 1234 ms\tMemory Size: 256 MB\tMax Memory Used: 99 MB\t\n"
    assert list(lambda_logs.text_messages(CONFIG, outcome())) == [
        "START RequestId: id Version: $LATEST\n", "a line", "END RequestId: id\n", f"REPORT RequestId: id\t{report}",
    ]  # fmt: skip


def test_the_init_phase_is_reported_and_billed() -> None:
    first, *_, report = lambda_logs.text_messages(CONFIG, outcome(init_ms=463.512))
    assert first.startswith("INIT_START Runtime Version: python:3.")
    assert "\tBilled Duration: 1698 ms\t" in report
    assert report.endswith("\tInit Duration: 463.51 ms\t\n")


@pytest.mark.parametrize(
    ("status", "error_type", "line"),
    [
        ("timeout", "Sandbox.Timedout", "Task timed out after 3.00 seconds\n\n"),
        ("error", "Runtime.ExitError", "Error: Task timed out after 3.00 seconds\nRuntime.ExitError\n"),
    ],
)
def test_what_the_platform_ended_has_a_line_of_its_own(status: str, error_type: str, line: str) -> None:
    payload = failure(error_type, "RequestId: id Error: Task timed out after 3.00 seconds")
    ended = outcome(status=status, payload=payload, error_type=error_type if status == "error" else "")
    messages = list(lambda_logs.text_messages(CONFIG, ended))
    assert messages[2].endswith(f"id {line}")
    assert f"\tStatus: {status}\t" in messages[-1]


def test_json_events_carry_the_same_numbers() -> None:
    events = [json.loads(message) for message in lambda_logs.json_messages(CONFIG, outcome(output=[], init_ms=463.512))]
    assert [event["type"] for event in events] == ["platform.initStart", "platform.start", "platform.report"]
    assert events[-1]["record"] == {
        "requestId": "id",
        "metrics": {
            "durationMs": 1233.96, "billedDurationMs": 1698, "memorySizeMB": 256, "maxMemoryUsedMB": 99,
            "initDurationMs": 463.512,
        },
        "status": "success",
    }  # fmt: skip


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
    variables = lambda_process.variables({**CONFIG, "LoggingConfig": logging}, "/code", 1, "stream")
    assert variables.get("AWS_LAMBDA_LOG_LEVEL") == level


@LINUX
def test_the_runtime_s_packages_are_there_and_no_others(runtime_directory: Path) -> None:
    names = {path.name for path in runtime_directory.iterdir()}
    assert {"awslambdaric", "boto3", "botocore", "dateutil", "six.py"} <= names
    assert not {"numpy", "ministack", "torch"} & names
