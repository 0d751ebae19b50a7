"""Scope: how long captured records are waited for."""

import io
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from tests.unit.training.captures.records import ids as ids_of
from tests.unit.training.captures.records import key, put, reader_of, record
from tests.unit.training.fakes import Clock
from training.captures.waiting import QUIET_SECONDS, Expected, wait_for


def wait(s3: Any, directory: Path, ids: set[str], timeout: float) -> tuple[list[str | None], str]:
    console = Console(file=io.StringIO(), width=200)
    since = datetime.now(UTC) - timedelta(seconds=30)
    expected = Expected(since, ids, len(ids), timeout)
    found = wait_for(reader_of(s3, directory), expected, console)
    return ids_of(found), console.file.getvalue()  # type: ignore[attr-defined]


def test_waiting_ends_when_the_last_known_record_arrives(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, opened = datetime.now(UTC), []
    s3.meta.events.register("before-call.s3.GetObject", lambda **_: opened.append(1))
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: put(s3, key(now, "b"), record(now, "two")))
    monkeypatch.setattr("training.captures.waiting.time", clock)
    put(s3, key(now), record(now, "one"), record(now, "a stranger's"))
    found, told = wait(s3, tmp_path, {"one", "two"}, timeout=60)
    assert found == ["a stranger's", "one", "two"]
    assert "not captured" not in told
    assert len(opened) == 2  # each file once, although it was listed twice


def test_waiting_gives_up_and_says_how_many_are_missing(s3: Any, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    put(s3, key(now), record(now, "one"))
    found, told = wait(s3, tmp_path, {"one", "two", "three"}, timeout=0)
    assert found == ["one"]
    assert "2 of 3 inferences were not captured within 0 s." in told


@pytest.mark.parametrize("name", [None, "an id of no photo"])
def test_records_that_cannot_be_labelled_are_not_waited_for_until_the_timeout(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    now, clock = datetime.now(UTC), Clock()
    monkeypatch.setattr("training.captures.waiting.time", clock)
    put(s3, key(now), record(now, "one"), record(now, name))
    found, told = wait(s3, tmp_path, {"one", "two"}, timeout=600)
    assert len(found) == 2
    assert "not captured" not in told
    assert QUIET_SECONDS <= clock.now < QUIET_SECONDS + 10


def test_records_that_keep_arriving_are_waited_for(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, clock = datetime.now(UTC), Clock()
    strangers = iter(range(40))

    def sleep(seconds: float) -> None:
        Clock.sleep(clock, seconds)
        for number in strangers:
            put(s3, key(now, f"{number:02}"), record(now, "one" if number == 39 else None))
            return

    monkeypatch.setattr("training.captures.waiting.time", clock)
    monkeypatch.setattr(clock, "sleep", sleep)
    found, _ = wait(s3, tmp_path, {"one"}, timeout=600)
    assert "one" in found


def test_what_is_missing_counts_records_and_not_labels(s3: Any, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    put(s3, key(now), record(now, None), record(now, "one"))
    _, told = wait(s3, tmp_path, {"one", "two", "three"}, timeout=0)
    assert "1 of 3 inferences were not captured" in told


def test_a_wait_without_a_terminal_says_now_and_then_how_many_there_are(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, clock = datetime.now(UTC), Clock()
    monkeypatch.setattr("training.captures.waiting.time", clock)
    monkeypatch.setattr("training.captures.progress.time", clock)
    put(s3, key(now), record(now, "one"))
    _, told = wait(s3, tmp_path, {"one", "two", "three"}, timeout=60)
    assert told.count("Captured inferences: 1 of 3") == 3  # after 16, 32 and 48 seconds
