"""What Lambda writes about an invocation."""

import json
from typing import Any

import pytest

from localcloud.function_runtime import logs
from localcloud.function_runtime.function import Function
from localcloud.function_runtime.outcomes import Outcome, error_payload

FUNCTION = Function(
    {
        "FunctionName": "classify",
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:classify",
        "MemorySize": 256,
    },
    code="/code",
    variables={},
)


def outcome(**changes: Any) -> Outcome:
    usual: dict[str, Any] = {
        "request_id": "id",
        "status": "success",
        "payload": b"{}",
        "error_type": "",
        "output": ["a line"],
        "duration_ms": 1233.96,
        "init_ms": None,
        "memory_mb": 99,
    }
    return Outcome(**{**usual, **changes})


def test_a_warm_success_is_three_lines_around_its_output() -> None:
    report = "Duration: 1233.96 ms\tBilled Duration: 1234 ms\tMemory Size: 256 MB\tMax Memory Used: 99 MB\t\n"
    assert list(logs.text_messages(FUNCTION, outcome())) == [
        "START RequestId: id Version: $LATEST\n",
        "a line",
        "END RequestId: id\n",
        f"REPORT RequestId: id\t{report}",
    ]


def test_the_init_phase_is_reported_and_billed() -> None:
    first, *_, report = logs.text_messages(FUNCTION, outcome(init_ms=463.512))
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
    payload = error_payload(error_type, "RequestId: id Error: Task timed out after 3.00 seconds")
    ended = outcome(status=status, payload=payload, error_type=error_type if status == "error" else "")
    messages = list(logs.text_messages(FUNCTION, ended))
    assert messages[2].endswith(f"id {line}")
    assert f"\tStatus: {status}\t" in messages[-1]


def test_json_events_carry_the_same_numbers() -> None:
    events = [json.loads(message) for message in logs.json_messages(FUNCTION, outcome(output=[], init_ms=463.512))]
    assert [event["type"] for event in events] == ["platform.initStart", "platform.start", "platform.report"]
    assert events[-1]["record"] == {
        "requestId": "id",
        "metrics": {
            "durationMs": 1233.96,
            "billedDurationMs": 1698,
            "memorySizeMB": 256,
            "maxMemoryUsedMB": 99,
            "initDurationMs": 463.512,
        },
        "status": "success",
    }
