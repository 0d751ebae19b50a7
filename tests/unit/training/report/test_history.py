"""Scope: what a report leaves for the next one, and what that makes of it."""

from pathlib import Path
from typing import Any

import pytest

from training.report import history
from training.statistics.intervals import Share


def record(since: str = "2026-05-04", model: str = "job", right: int = 95, **others: Any) -> history.Record:
    return {
        "since": since,
        "until": f"{since}T01:00:00+00:00",
        "model": model,
        "verdict": {"state": "healthy"},
        "figures": {"accuracy": [right, 100], "refused": [10, 100]},
        "previous": None,
        **others,
    }


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert history.read(tmp_path) is None
    history.write(tmp_path, record())
    assert history.read(tmp_path) == record()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        '{"since": 1}',
        '{"since": "a", "until": "b", "model": "c", "verdict": {"state": "healthy"}, "figures": {"x": [1]}}',
        '{"since": "a", "until": "b", "model": "c", "verdict": {"state": "healthy"}, "figures": {"x": [2, 1]}}',
        '{"since": "a", "until": "b", "model": "c", "verdict": [], "figures": {}}',
        '{"since": 1, "until": "b", "model": "c", "verdict": {"state": "healthy"}, "figures": {}}',
        '{"since": "a", "until": "b", "model": "c", "verdict": {"state": "d"}, "figures": {}, "reviewed": [1]}',
        '{"since": "a", "until": "b", "model": "c", "verdict": {"state": "d"}, "figures": {}, "reviewed": {"all": 1}}',
        '{"since": "a", "until": "b", "model": "c", "verdict": {"state": "d"}, "figures": {}, "reviewed": '
        '{"all": {"value": 2, "low": 0, "high": 1}, "accepted": {"value": null}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_record_is_no_record(tmp_path: Path, content: str) -> None:
    (tmp_path / history.NAME).write_text(content)
    assert history.read(tmp_path) is None


def test_a_run_is_compared_with_the_run_before_it() -> None:
    before = record(since="2026-05-03", previous=record(since="2026-05-02"))
    found = history.previous_of(record(), before)
    assert found is not None and found["since"] == "2026-05-03" and found["previous"] is None


def test_a_report_made_again_is_compared_with_what_the_first_one_was() -> None:
    first = record(previous=record(since="2026-05-03", right=70))
    found = history.previous_of(record(), first)
    assert found is not None and found["figures"]["accuracy"] == [70, 100]
    assert history.previous_of(record(), record()) is None
    assert history.previous_of(record(), None) is None


def test_another_model_on_the_same_executions_is_another_report() -> None:
    found = history.previous_of(record(model="new"), record(model="old"))
    assert found is not None and found["model"] == "old"


def test_only_what_the_interval_of_the_difference_excludes_is_beyond_chance() -> None:
    found = history.compare(record(right=85), {**record(right=95), "figures": {"accuracy": [95, 100]}})
    assert found is not None
    (change,) = found.changes
    assert (change.name, change.before, change.after) == ("accuracy", Share(95, 100), Share(85, 100))
    assert change.beyond_chance
    slight = history.compare(record(right=92), record(right=95))
    assert slight is not None and not any(one.beyond_chance for one in slight.changes)
    assert history.compare(record(), None) is None


def reviewed(value: float | None, low: float, high: float) -> dict[str, Any]:
    accuracy = {"value": value, "low": low, "high": high, "n": 40, "traffic": 200}
    return {"all": accuracy, "accepted": {**accuracy, "value": None}}


def test_the_accuracy_from_reviewed_photos_is_compared_with_its_own_interval() -> None:
    found = history.compare(record(reviewed=reviewed(0.7, 0.6, 0.8)), record(reviewed=reviewed(0.9, 0.85, 0.95)))
    assert found is not None
    *_, change = found.changes
    assert (change.name, change.before.interval, change.after.value) == ("reviewed", (0.85, 0.95), 0.7)
    assert change.beyond_chance  # 20 points; the interval of the difference is 8.8 to 31.2
    slight = history.compare(record(reviewed=reviewed(0.8, 0.7, 0.9)), record(reviewed=reviewed(0.9, 0.85, 0.95)))
    assert slight is not None and not slight.changes[-1].beyond_chance  # 10 points, up to 21.2


@pytest.mark.parametrize("before", [{}, {"reviewed": None}, {"reviewed": reviewed(None, 0.5, 1.0)}])
def test_reviewed_photos_are_compared_only_where_both_reports_have_them(before: dict[str, Any], tmp_path: Path) -> None:
    history.write(tmp_path, record(**before))
    earlier = history.read(tmp_path)
    assert earlier is not None
    found = history.compare(record(reviewed=reviewed(0.7, 0.6, 0.8)), earlier)
    assert found is not None and [change.name for change in found.changes] == ["accuracy", "refused"]
