"""Scope: a first read of many captures, and the wait for them, show how far they are."""

import io
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.captures.records import BUCKET, ENDPOINT, key, put, record
from tests.unit.training.fakes import Clock
from training.captures import progress
from training.captures.progress import FILES, counting
from training.captures.reader import CaptureReader
from training.captures.source import Source
from training.console import PlainConsole


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress, "time", found)
    return found


def console(*, terminal: bool = False) -> PlainConsole:
    return PlainConsole(file=io.StringIO(), width=80, force_terminal=terminal)


def text(console: PlainConsole) -> str:
    found: str = console.file.getvalue()  # type: ignore[attr-defined]  # a string
    return found


def read(s3: Any, directory: Path, to: PlainConsole) -> int:
    reader = CaptureReader(Source(s3, BUCKET, ENDPOINT), directory, to.print, partial(counting, to, FILES))
    return len(reader.read(datetime.now(UTC) - timedelta(seconds=30), datetime.now(UTC)))


def test_without_a_terminal_there_is_a_line_now_and_then(clock: Clock) -> None:
    to = console()
    with counting(to, "Captured inferences", 12_000) as update:
        for done in range(0, 1200, 100):
            update(done)
            clock.sleep(4)
    assert text(to).splitlines() == [f"Captured inferences: {done} of 12,000" for done in (400, 800)]


def test_a_first_read_counts_its_files_and_a_second_one_shows_nothing(s3: Any, tmp_path: Path, clock: Clock) -> None:
    now, to = datetime.now(UTC), console()
    s3.meta.events.register("before-call.s3.GetObject", lambda **_: clock.sleep(progress.EACH_SECONDS))
    for number in range(3):
        put(s3, key(now, str(number)), record(now, f"photo {number}"))
    assert read(s3, tmp_path, to) == 3
    first = text(to)
    assert first.splitlines()[-1].startswith(FILES) and first.splitlines()[-1].endswith(" of 3")
    assert read(s3, tmp_path, to) == 3 and text(to) == first


def test_a_terminal_has_a_bar_that_vanishes(s3: Any, tmp_path: Path) -> None:
    now, to = datetime.now(UTC), console(terminal=True)
    put(s3, key(now), record(now, "photo"))
    assert read(s3, tmp_path, to) == 1
    assert FILES in text(to) and "1/1" in text(to)
    assert text(to).endswith("\x1b[2K")  # the line is erased
