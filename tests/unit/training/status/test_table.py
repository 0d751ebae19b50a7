"""The status of a stack as people see it."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.training.fakes import STACK
from training.console import PlainConsole
from training.running import RunningEndpoint
from training.status.parts import Job, Status, Stored, Unreadable
from training.status.table import duration, size, table

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LONG = "scones-unlimited-" * 2 + "photos"
ENDPOINT = RunningEndpoint(LONG, "InService", {"ml.m5.xlarge": 2}, NOW - 10 * HOUR, 0.46, NOW + 2 * HOUR)
JOB = Job(f"{LONG}-20261121-101112", "InProgress", "ml.m5.large", 1, NOW - HOUR, 3600, 0.115)
STORED = {"captured/": Stored(400, 1_234_567), "images/": Stored(1000, 3_000_000), "notes.txt": Stored(1, 7)}
STACK = replace(STACK, name=LONG, endpoint_name=LONG, bucket=f"{LONG}-000000000000-us-east-1")
SCHEDULES = {f"{LONG}-expiry": NOW + 2 * HOUR}
EMPTY = Status(STACK, [], {}, None, [], {}, NOW)
FULL = Status(STACK, [ENDPOINT], SCHEDULES, "rate(1 day)", [JOB, replace(JOB, status="Completed")], STORED, NOW)
DENIED = Unreadable("An error occurred (AccessDeniedException) when calling the Operation: " + "not you " * 20)


def shown(status: Status, width: int = 80) -> str:
    console = PlainConsole(file=io.StringIO(), width=width)
    console.print(table(status, f"python training/run.py cleanup --stack-name {status.stack.name}"))
    output: str = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    return output


@pytest.mark.parametrize(
    "status",
    [EMPTY, FULL, replace(FULL, endpoints=DENIED, schedules=DENIED, monitoring=DENIED, jobs=DENIED, stored=DENIED)],
)
def test_the_table_fits_80_columns_and_loses_nothing(status: Status) -> None:
    narrow, wide = shown(status), shown(status, 400)
    assert max(map(len, narrow.splitlines())) <= 80
    assert "".join(narrow.split()) == "".join(wide.split())


def test_the_table_says_what_runs_what_it_costs_and_when_it_ends() -> None:
    text = shown(FULL, 200)
    for expected in (
        f"{LONG}, InService",
        "2 x ml.m5.xlarge, since ",
        ", in 2 h 0 min",
        f"to delete now: python training/run.py cleanup --stack-name {LONG}",
        f"{JOB.name}, InProgress, 1 x ml.m5.large, since ",
        "images/      1,000 versions     2.9 MB",
        "notes.txt        1 version         7 B",
        "11.04 USD: endpoint 11.04, storage < 0.01",
        "4.83 USD: endpoint 4.60, training 0.23 (jobs: 2)",
        "AWS's list of 2026-",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"endpoints": [replace(ENDPOINT, expires_at=None)]}, "never ends by itself"),
        ({"endpoints": [replace(ENDPOINT, expires_at=NOW - 2 * HOUR)]}, ", overdue for 2 h 0 min"),
        ({"endpoints": [replace(ENDPOINT, unreadable="not you")]}, "its end is not readable: not you"),
        ({"endpoints": []}, f"none: {LONG} does not exist"),
        ({"schedules": {}}, "schedules  none"),
        ({}, "monitor    by a schedule, rate(1 day)"),
        ({"monitoring": None}, "monitor    not scheduled"),
        ({"jobs": [replace(JOB, status="Completed")]}, "no job is under way; 1 ended"),
        ({"jobs": [replace(JOB, usd=None)]}, "unknown: endpoint 4.60, training unknown (jobs: 1)"),
        ({"stored": {}}, "empty"),
        ({"stack": replace(STACK, region="xx-north-9"), "endpoints": [], "jobs": []}, "none known: see https://aws"),
    ],
)
def test_each_part_has_its_words(changes: dict[str, Any], expected: str) -> None:
    assert expected in shown(replace(FULL, **changes), 300)


def test_durations_and_sizes() -> None:
    spans = [timedelta(minutes=5), timedelta(hours=7, minutes=40), timedelta(days=3, hours=2, minutes=1)]
    assert [duration(one) for one in spans] == ["5 min", "7 h 40 min", "3 d 2 h"]
    assert [size(one) for one in (0, 1023, 1024, 5 * 2**30, 3 * 2**50)] == [
        "0 B",
        "1023 B",
        "1.0 kB",
        "5.0 GB",
        "3072.0 TB",
    ]
