"""MiniStack's second copy of log events: a batch of 10,000 photos left 59 MB of it in the saved state."""

from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import cloudwatch_logs

from localcloud.corrections import log_events

STREAM = {"logGroupName": "/copies", "logStreamName": "one"}


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    append = log_events.keep_in_blocks(cloudwatch_logs._append_log_events)
    monkeypatch.setattr(cloudwatch_logs, "_append_log_events", append)
    cloudwatch_logs._create_log_group(STREAM)
    cloudwatch_logs._create_log_stream(STREAM)
    yield STREAM
    cloudwatch_logs._delete_log_group(STREAM)


def put(*timestamps: int) -> None:
    events = [{"timestamp": timestamp, "message": f"line {timestamp}"} for timestamp in timestamps]
    assert cloudwatch_logs._put_log_events({**STREAM, "logEvents": events})[0] == 200


def test_events_are_kept_once(stream: dict[str, Any]) -> None:
    put(1000, 2000)
    put(3000)
    put(500)
    put()
    assert not [one for one in cloudwatch_logs._log_records.values() if one["@log"] == "/copies"]


def test_a_query_finds_them_all_the_same(stream: dict[str, Any]) -> None:
    put(1000, 2000)
    found = cloudwatch_logs._collect_query_records(["/copies"], 0, 10)
    assert [one["@message"] for one in found] == ["line 1000", "line 2000"]
    pointer = {"logRecordPointer": found[0]["@ptr"]}
    assert cloudwatch_logs._get_log_record(pointer)[0] == 200
