import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from localcloud import LocalCloudError, instances, log_viewer
from localcloud.log_viewer import CloudWatchLog, Line, ServerLog

START = int(time.time() * 1000)  # CloudWatch refuses events that are too old
FUNCTION = "/aws/lambda/scones-classifyImage"


@pytest.fixture
def client(mocked_aws: None) -> Any:
    return boto3.client("logs")


def put(client: Any, group: str, stream: str, *messages: tuple[int, str]) -> None:
    """Write messages at milliseconds after START."""
    if not client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        client.create_log_group(logGroupName=group)
    if not client.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]:
        client.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": START + after, "message": message} for after, message in messages]
    client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def shown(line: Line) -> tuple[str, int, str]:
    return line.source, round(line.time * 1000) - START, line.text


def test_a_line_of_a_function_is_named_after_the_function(client: Any) -> None:
    put(client, FUNCTION, "2026/11/21/[$LATEST]1", (0, "START\n"))
    (line,) = CloudWatchLog(client, log_viewer.GROUPS["functions"]).read()
    assert shown(line) == ("scones-classifyImage", 0, "START")


def test_a_line_of_a_training_job_is_named_after_the_job(client: Any) -> None:
    put(client, "/aws/sagemaker/TrainingJobs", "job-1/algo-1-123", (0, "Epoch[0]"))
    (line,) = CloudWatchLog(client, log_viewer.GROUPS["jobs"]).read()
    assert shown(line) == ("job-1", 0, "Epoch[0]")


def test_a_line_of_an_endpoint_is_named_after_the_endpoint(client: Any) -> None:
    put(client, "/aws/sagemaker/Endpoints/scones", "A/i-1", (0, "GET /ping"))
    (line,) = CloudWatchLog(client, log_viewer.GROUPS["endpoints"]).read()
    assert shown(line) == ("scones", 0, "GET /ping")


def test_a_message_of_several_lines_is_several_lines(client: Any) -> None:
    put(client, FUNCTION, "one", (0, "Traceback\n  app.py\n"))
    assert [line.text for line in CloudWatchLog(client, "/aws/lambda/").read()] == ["Traceback", "  app.py"]


def test_a_second_read_returns_what_was_added(client: Any) -> None:
    put(client, FUNCTION, "one", (1000, "first"))
    log = CloudWatchLog(client, "/aws/lambda/")
    log.read()
    put(client, FUNCTION, "two", (0, "late"))
    put(client, FUNCTION, "one", (1000, "of the same millisecond"))
    put(client, "/aws/lambda/another", "one", (2000, "of a new group"))
    assert {line.text for line in log.read()} == {"late", "of the same millisecond", "of a new group"}
    assert log.read() == []


class Replies:
    """A CloudWatch whose replies hold at most two events."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self._events = events

    def get_paginator(self, _: str) -> "Replies":
        return self

    def paginate(self, **_: str) -> Iterator[Any]:
        yield {"logGroups": [{"logGroupName": FUNCTION}]}

    def filter_log_events(self, logGroupName: str, startTime: int) -> Any:
        return {"events": [event for event in self._events if event["timestamp"] >= startTime][:2]}


def test_a_log_longer_than_one_reply_is_read_to_its_end() -> None:
    times = [10_000, 20_000, 30_000, 40_000, 50_000]  # ms
    events = [{"eventId": str(at), "timestamp": at, "message": str(at), "logStreamName": "one"} for at in times]
    log = CloudWatchLog(Replies(events), "/aws/lambda/")  # type: ignore[arg-type]
    assert [line.text for line in log.read()] == [str(at) for at in times]


# The server's log ------------------------------------------------------------------------------------------------


def test_a_traceback_has_the_time_of_the_line_before_it(tmp_path: Path) -> None:
    path = tmp_path / "cloud.log"
    path.write_text("2026-11-21 12:00:00,250 ERROR uvicorn.error: Exception\nTraceback (most recent call last):\n")
    lines = ServerLog(path).read()
    assert {line.time for line in lines} == {datetime(2026, 11, 21, 12, 0, 0, 250_000).timestamp()}
    assert [line.text for line in lines] == ["ERROR uvicorn.error: Exception", "Traceback (most recent call last):"]


def test_a_time_may_lack_milliseconds(tmp_path: Path) -> None:
    path = tmp_path / "cloud.log"
    path.write_text("2026-11-21 12:00:00 WARNING [ministack] Careful\n")
    assert ServerLog(path).read() == [
        Line(datetime(2026, 11, 21, 12).timestamp(), "server", "WARNING [ministack] Careful")
    ]


def test_half_a_line_is_read_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "cloud.log"
    log = ServerLog(path)
    assert log.read() == []
    path.write_text("first\nsec")
    assert [line.text for line in log.read()] == ["first"]
    path.write_text("first\nsecond\n")
    assert [line.text for line in log.read()] == ["second"]


# What is shown -----------------------------------------------------------------------------------------------------


class Recorded:
    """A log that returns these lines, one list a call."""

    def __init__(self, *reads: list[Line]) -> None:
        self._reads = iter(reads)

    def read(self) -> list[Line]:
        return next(self._reads)


def test_lines_of_all_logs_are_ordered_by_time(capsys: pytest.CaptureFixture[str]) -> None:
    functions = Recorded([Line(1.0, "classifyImage", "first"), Line(3.0, "classifyImage", "third")])
    jobs = Recorded([Line(2.0, "job-1", "second")])
    log_viewer.show([functions, jobs], "", follow=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["first", "second", "third"]
    assert lines[1].startswith("job-1          19")  # the sources are one column


def test_a_name_chooses_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log_viewer.show([Recorded([Line(1.0, "scones-a", "of a"), Line(2.0, "scones-b", "of b")])], "-b", follow=False)
    assert capsys.readouterr().out.split() == ["scones-b", *str(Line(2.0, "", "of b")).split()]


def test_a_name_without_a_log_is_an_error_that_lists_the_names() -> None:
    with pytest.raises(LocalCloudError, match=r"^Nothing to show of clasify\. The logs are of classify, serialize\.$"):
        log_viewer.show([Recorded([Line(1.0, "serialize", ""), Line(2.0, "classify", "")])], "clasify", follow=False)


def test_following_goes_on_until_the_cloud_stops(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_viewer, "POLL_SECONDS", 0)

    class Stopping(Recorded):
        def read(self) -> list[Line]:
            try:
                return super().read()
            except StopIteration:
                raise EndpointConnectionError(endpoint_url="http://127.0.0.1:4599") from None

    log = Stopping([Line(1.0, "job", "one")], [], [Line(2.0, "job", "two")])
    with pytest.raises(LocalCloudError, match="does not answer any more"):
        log_viewer.show([log], "", follow=True)
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["one", "two"]


def test_without_a_cloud_all_logs_are_the_server_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instances.log_path(tmp_path).write_text("an error\n")
    (log,) = log_viewer.find(tmp_path, "all")
    assert isinstance(log, ServerLog)
    assert "`localcloud up` starts it" in capsys.readouterr().err


def test_where_no_cloud_ever_ran_there_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match="was never started here"):
        log_viewer.find(tmp_path, "all")
