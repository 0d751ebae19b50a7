"""Answers without a server: the exported page, Label Studio, and files that are neither."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.review.scenes import ANSWER, CLASSES, photo
from training.errors import ReviewError
from training.review import exchange
from training.review.answers import NONE_OF_THESE, UNUSABLE, Answer, opened, read

CHOICES = (*CLASSES, NONE_OF_THESE, UNUSABLE)
SETTINGS = {"title": "s", "classes": [*CLASSES], "choices": [*CHOICES], "most_bytes": 1}
BLANK = replace(ANSWER, answer="", time="")


def task(**changed: Any) -> dict[str, Any]:
    """Return a task of Label Studio with one annotation."""
    result = [{"type": "choices", "from_name": "class", "value": {"choices": ["bicycle"]}}]
    annotation = {"result": result, "was_cancelled": False, "created_at": "2026-01-03T08:00:00.5Z", **changed}
    fields = {name: value for name, value in asdict(BLANK).items() if name not in ("answer", "time")}
    return {"id": 1, "data": {"image": "data:,", **fields}, "annotations": [annotation]}


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_tasks_have_the_photo_and_leave_out_those_that_are_gone() -> None:
    found = list(exchange.tasks([BLANK, replace(BLANK, event_id="e2")], {"e1": photo()}.get))
    assert [one["event_id"] for one in found] == ["e1"]
    assert found[0]["photo"].startswith("data:image/png;base64,")
    assert "answer" not in found[0]


def test_the_page_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    exchange.write_page(path, list(exchange.tasks([BLANK], lambda _: photo())), SETTINGS)
    text = path.read_text()
    assert "default-src 'none'" in text
    assert "http://" not in text
    assert "https://" not in text
    assert "Try a photo" not in text
    settings = json.loads(text.partition('id="settings">')[2].partition("</script>")[0])
    assert settings["mode"] == "file"
    assert settings["tasks"][0]["event_id"] == "e1"
    assert settings["export"]


def test_answers_of_the_page_come_back(tmp_path: Path) -> None:
    fields = {**asdict(ANSWER), "time": "2026-01-03T10:00:00.123Z"}
    path = written(tmp_path / "a.json", {"format": "review answers", "version": 1, "answers": [fields]})
    assert exchange.read(path, CHOICES) == [replace(ANSWER, time="2026-01-03T10:00:00+00:00")]


def test_label_studio_gets_tasks_and_an_interface(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    found = list(exchange.tasks([BLANK], lambda _: photo()))
    interface = exchange.write_label_studio(path, found, (*CLASSES, '"<&'))
    (one,) = json.loads(path.read_text())
    assert one["data"]["image"].startswith("data:image/png")
    assert one["data"]["event_id"] == "e1"
    assert "predictions" not in one
    assert '<Choice value="bicycle"/>' in interface.read_text()
    assert "<Choice value='\"&lt;&amp;'/>" in interface.read_text()


def test_label_studios_json_comes_back(tmp_path: Path) -> None:
    other = {"type": "choices", "value": {"choices": ["motorcycle"]}}
    two = task()
    two["annotations"] += [
        {"result": [other], "updated_at": "2026-01-04T08:00:00Z", "created_at": "2026-01-01T08:00:00Z"},
        {"result": [other], "was_cancelled": True, "created_at": "2026-01-09T08:00:00Z"},
    ]
    nobody = {**task(), "annotations": []}
    path = written(tmp_path / "ls.json", [task(), two, nobody])
    found = exchange.read(path, CHOICES)
    assert [one.answer for one in found] == ["bicycle", "motorcycle"]
    assert [one.time for one in found] == ["2026-01-03T08:00:00+00:00", "2026-01-04T08:00:00+00:00"]
    assert replace(found[0], answer="", time="") == BLANK


@pytest.mark.parametrize("choice", ["bicycle", {"choices": ["bicycle"]}])
def test_label_studios_json_min_comes_back(tmp_path: Path, choice: Any) -> None:
    entry = {**task()["data"], "class": choice, "id": 1, "annotator": 1, "updated_at": "2026-01-03T08:00:00Z"}
    without = {**task()["data"], "id": 2, "created_at": "2026-01-03T08:00:00Z"}
    found = exchange.read(written(tmp_path / "ls.json", [entry, without]), CHOICES)
    assert [one.answer for one in found] == ["bicycle"]


OURS = {"format": "review answers", "version": 1}
TWO = [{"type": "choices", "value": {"choices": [*CLASSES]}}]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"a":\n nothing', "is no JSON (line 2"),
        ("{}", "neither a file of answers"),
        ("5", "neither a file of answers"),
        ({"format": "review answers"}, "neither a file of answers"),
        ({**OURS, "answers": [asdict(ANSWER), {"event_id": "e2"}]}, "Entry 2 of"),
        ({**OURS, "answers": [{**asdict(ANSWER), "answer": "moped"}]}, "its answer 'moped' is none of bicycle, motor"),
        ({**OURS, "answers": [{**asdict(ANSWER), "time": "yesterday"}]}, "'yesterday'"),
        ({**OURS, "answers": [{**asdict(ANSWER), "time": "2026-01-01T00:00:00"}]}, "has no time zone"),
        ({**OURS, "answers": [{**asdict(ANSWER), "confidence": "high"}]}, "confidence is 'high'"),
        ({**OURS, "answers": ["e1"]}, "Entry 1 of"),
        ([task(result=TWO)], "it has 2 classes (bicycle, motorcycle) in place of one"),
        ([task(), task(result=[{"type": "textarea", "value": {}}])], "Entry 2 of"),
        ([{"id": 1, "data": {"image": "x"}, "annotations": task()["annotations"]}], "it has no event_id"),
        ([5], "Entry 1 of"),
    ],
)
def test_a_bad_file_is_refused_with_its_entry(tmp_path: Path, content: Any, sentence: str) -> None:
    path = written(tmp_path / "bad.json", content)
    with pytest.raises(ReviewError) as caught:
        exchange.read(path, CHOICES)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="There is no file"):
        exchange.read(tmp_path / "none.json", CHOICES)
    (tmp_path / "image.json").write_bytes(photo())
    with pytest.raises(ReviewError, match="is no JSON"):
        exchange.read(tmp_path / "image.json", CHOICES)


def test_the_same_file_twice_adds_nothing_and_the_newer_answer_wins(tmp_path: Path) -> None:
    newer = replace(ANSWER, answer="motorcycle", time="2026-01-05T00:00:00+00:00")
    older: Answer = replace(ANSWER, answer=UNUSABLE, time="2025-01-01T00:00:00+00:00")
    with opened(tmp_path) as journal:
        assert exchange.take(journal, [ANSWER]) == {"new": 1, "replaced": 0, "known": 0}
        assert exchange.take(journal, [ANSWER]) == {"new": 0, "replaced": 0, "known": 1}
        assert exchange.take(journal, [newer, older]) == {"new": 0, "replaced": 1, "known": 1}
    assert read(tmp_path)["answer"].tolist() == ["motorcycle"]
