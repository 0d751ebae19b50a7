"""Answers are kept line by line: none is lost or doubled, and the last one counts."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from training.errors import ReviewError
from training.review.answers import COLUMNS, Answer, opened, path_of, read

FIRST = Answer(
    "e1",
    "i1",
    "incoming/a.png",
    "v1",
    "bicycle",
    "2026-01-01T00:00:00+00:00",
    "refused",
    1,
    "2026-01-01T00:00:00+00:00",
    "moped",
    0.6,
    0.9,
)
SECOND = replace(FIRST, event_id="e2", answer="moped")


def test_answers_are_read_back_as_they_were_given(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.add(FIRST)
        journal.add(SECOND)
    found = read(tmp_path)
    assert list(found.columns) == list(COLUMNS)
    assert found.to_dict("records") == [asdict(FIRST), asdict(SECOND)]


def test_without_a_file_there_are_no_answers(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert list(found.columns) == list(COLUMNS)
    assert len(found) == 0


def test_the_last_answer_to_a_photo_counts(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        for answer in (FIRST, SECOND, replace(FIRST, answer="none of these")):
            journal.add(answer)
    assert read(tmp_path)[["event_id", "answer"]].values.tolist() == [["e2", "moped"], ["e1", "none of these"]]


def test_an_undo_brings_the_answer_before_it_back(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        for answer in (FIRST, SECOND, replace(FIRST, answer="moped")):
            journal.add(answer)
        assert journal.undo() == replace(FIRST, answer="moped")
    with opened(tmp_path) as journal:  # another process goes on with it
        assert journal.of("e1") == FIRST
        assert journal.undo() == SECOND
        assert journal.undo() == FIRST
        assert journal.undo() is None
    assert len(read(tmp_path)) == 0


def test_an_answer_is_on_the_disk_before_add_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path_of(tmp_path).read_bytes()))
    with opened(tmp_path) as journal:
        journal.add(FIRST)
    assert [json.loads(content) for content in synced] == [asdict(FIRST)]


def test_a_line_that_was_cut_short_is_dropped_and_the_next_is_whole(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.add(FIRST)
    with path_of(tmp_path).open("ab") as file:
        file.write(b'{"event_id": "e')
    assert read(tmp_path)["event_id"].tolist() == ["e1"]
    with opened(tmp_path) as journal:
        journal.add(SECOND)
    assert read(tmp_path)["event_id"].tolist() == ["e1", "e2"]


def test_a_full_disk_leaves_no_part_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with opened(tmp_path) as journal:
        journal.add(FIRST)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(OSError, match="No space"):
                journal.add(SECOND)
        assert journal.of("e2") is None
    assert read(tmp_path)["event_id"].tolist() == ["e1"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nothing", "JSONDecodeError"),
        ("[]", "TypeError|no event_id"),
        (json.dumps({"undo": "e9"}), "not about 'e9'"),
        (json.dumps({**asdict(FIRST), "confidence": 2}), "confidence is 2"),
        (json.dumps({**asdict(FIRST), "answer": ""}), "answer is ''"),
        (json.dumps({**asdict(FIRST), "s3_key": None}), "s3_key is None"),
        (json.dumps({"event_id": "e1"}), "no inference_id"),
    ],
)
def test_a_line_that_is_no_answer_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path_of(tmp_path).parent.mkdir()
    path_of(tmp_path).write_text(f"{json.dumps(asdict(FIRST))}\n{line}\n")
    with pytest.raises(ReviewError, match=rf"Line 2 of .*answers\.jsonl is no answer \(.*({reason})"):
        read(tmp_path)


def test_one_process_at_a_time_adds_answers(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(ReviewError, match="Another process"), opened(tmp_path):
        pass
