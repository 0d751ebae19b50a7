"""What an execution logs, by level and with or without its data."""

import json
from typing import Any

import pytest

from localcloud.step_functions import execution, logs
from tests.unit.localcloud.step_functions import runs
from tests.unit.localcloud.step_functions.runs import Functions, connect, execution_of, machine

ARN = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/states/m:*"
DESTINATIONS = [{"cloudWatchLogsLogGroup": {"logGroupArn": ARN}}]
EVENT = (1.5, "ExecutionStarted", 0, {"input": "{}", "inputDetails": {"truncated": False}, "roleArn": "r"})


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_every_event_is_told_with_its_id_and_the_one_before(kind: str) -> None:
    runs.logged.clear()
    connect(Functions(lambda event: event).invoke)
    found = execution_of(machine({"Type": "Pass"}), kind=kind)
    found.logging = {"level": "ALL", "destinations": DESTINATIONS}
    execution.run(found)
    told = [(number, event[1], event[2]) for arn, number, event in runs.logged if arn == found.arn]
    assert told == [
        (1, "ExecutionStarted", 0),
        (2, "PassStateEntered", 0),
        (3, "PassStateExited", 2),
        (4, "ExecutionSucceeded", 3),
    ]


def test_without_a_configuration_nothing_is_told() -> None:
    runs.logged.clear()
    runs.run(machine({"Type": "Pass"}))
    assert runs.logged == []


@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        ("ALL", ["ExecutionStarted", "TaskFailed", "FailStateEntered", "ExecutionTimedOut"]),
        ("ERROR", ["TaskFailed", "FailStateEntered", "ExecutionTimedOut"]),
        ("FATAL", ["ExecutionTimedOut"]),
        ("OFF", []),
    ],
)
def test_a_level_has_its_types(level: str, kinds: list[str]) -> None:
    every = ["ExecutionStarted", "TaskFailed", "FailStateEntered", "ExecutionTimedOut"]
    assert [kind for kind in every if logs.has(level, kind)] == kinds


@pytest.mark.parametrize(
    ("include", "details"), [(True, EVENT[3]), (False, {"roleArn": "r"})], ids=["with data", "without"]
)
def test_a_line_has_aws_s_fields(include: bool, details: dict[str, Any]) -> None:
    assert json.loads(logs.line("arn", 1, EVENT, include)) == {
        "id": "1",
        "type": "ExecutionStarted",
        "details": details,
        "previous_event_id": "0",
        "event_timestamp": "1500",
        "execution_arn": "arn",
    }


def test_a_failure_keeps_its_error_without_data() -> None:
    event = (1.5, "ExecutionFailed", 3, {"error": "E", "cause": "why"})
    assert json.loads(logs.line("arn", 4, event, False))["details"] == {"error": "E", "cause": "why"}


@pytest.mark.parametrize(
    ("logging", "group"),
    [
        ({"level": "ALL", "destinations": DESTINATIONS}, "/aws/vendedlogs/states/m"),
        ({"level": "OFF", "destinations": DESTINATIONS}, ""),
        ({"level": "ALL"}, ""),
        ({}, ""),
    ],
)
def test_a_configuration_names_its_group(logging: dict[str, Any], group: str) -> None:
    assert logs.group_of(logging) == group
