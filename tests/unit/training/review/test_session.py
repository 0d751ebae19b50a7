"""The order of a review: an answer counts once, an undo takes one thing back, a restart goes on."""

import threading
from pathlib import Path

import pytest

from tests.unit.training.review.scenes import CLASSES, THRESHOLD, selection
from training.review.answers import opened, read
from training.review.session import Session


def test_each_photo_comes_once_in_the_order_of_the_selection(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        session = Session(selection(3), CLASSES, THRESHOLD, journal)
        state, asked = session.state(), []
        while state["current"]:
            asked.append(state["current"]["event_id"])
            state = session.answer(asked[-1], "bicycle")
    assert asked == ["e0", "e1", "e2"]
    assert (state["answered"], state["total"], state["next"]) == (3, 3, None)
    assert read(tmp_path)["answer"].tolist() == ["bicycle"] * 3


def test_an_answer_keeps_how_the_photo_was_selected(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        session = Session(selection(2), CLASSES, THRESHOLD, journal)
        session.answer("e1", "none of these")
    (answer,) = read(tmp_path).to_dict("records")
    assert answer["stratum"] == "refused"
    assert answer["inclusion_probability"] == 0.5
    assert answer["threshold"] == THRESHOLD
    assert answer["predicted_class"] == "motorcycle"
    assert answer["inference_time"] == "2026-01-01T12:00:00+00:00"


def test_a_photo_without_a_key_has_none(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        Session(selection(2), CLASSES, THRESHOLD, journal).answer("e0", "bicycle")
    assert read(tmp_path)["s3_key"].tolist() == [""]


def test_a_second_tab_and_a_repeated_request_double_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        session = Session(selection(3), CLASSES, THRESHOLD, journal)
        session.answer("e0", "bicycle")
        assert session.answer("e0", "bicycle")["note"] == ""
        state = session.answer("e0", "motorcycle")  # the other tab still showed it
    assert "answered before: bicycle" in state["note"]
    assert state["current"]["event_id"] == "e1"
    assert read(tmp_path)["answer"].tolist() == ["bicycle"]
    assert session.answered_here == 1


def test_answers_of_many_threads_are_all_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        session = Session(selection(40), CLASSES, THRESHOLD, journal)
        threads = [
            threading.Thread(target=lambda: [session.answer(f"e{one}", "bicycle") for one in range(40)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(read(tmp_path)["event_id"]) == sorted(f"e{one}" for one in range(40))
    assert session.answered_here == 40


def test_an_undo_shows_the_photo_again_and_is_repeated_in_vain(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        session = Session(selection(3), CLASSES, THRESHOLD, journal)
        session.answer("e0", "bicycle")
        undoable = session.answer("e1", "bicycle")["undo"]
        assert undoable == "e1"
        for state in (session.undo("e1"), session.undo("e1")):
            assert state["current"]["event_id"] == "e1"
            assert state["answered"] == 1
        assert session.undo("e0")["current"]["event_id"] == "e0"
        assert session.undo("e0")["undo"] is None
    assert len(read(tmp_path)) == 0


def test_skipped_photos_come_again_at_the_end(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        session = Session(selection(3), CLASSES, THRESHOLD, journal)
        assert session.skip("e0")["current"]["event_id"] == "e1"
        assert session.undo("e0")["current"]["event_id"] == "e0"
        session.skip("e0")
        session.answer("e1", "bicycle")
        state = session.answer("e2", "bicycle")
        assert (state["current"]["event_id"], state["skipped"]) == ("e0", 1)
        assert session.skip("e0")["current"]["event_id"] == "e0"
        assert session.answer("e0", "bicycle")["current"] is None


def test_a_restart_goes_on_and_can_undo(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        Session(selection(3), CLASSES, THRESHOLD, journal).answer("e0", "bicycle")
    with opened(tmp_path) as journal:
        session = Session(selection(3), CLASSES, THRESHOLD, journal)
        state = session.state()
        assert (state["current"]["event_id"], state["undo"], state["answered"]) == ("e1", "e0", 1)
        assert session.undo("e0")["current"]["event_id"] == "e0"


def test_the_model_is_told_only_after_the_answer(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        session = Session(selection(3), CLASSES, THRESHOLD, journal)
        before, after = session.state(), session.answer("e0", "motorcycle")
    assert before["last"] is None
    assert {*before["current"]} == {"number", "event_id"}
    assert after["last"] == {
        "answer": "motorcycle",
        "predicted_class": "bicycle",
        "confidence": 0.97,
        "refused": False,
    }


@pytest.mark.parametrize(("event_id", "answer"), [("e9", "bicycle"), ("e0", "moped"), ("e0", "")])
def test_what_is_no_answer_is_refused(tmp_path: Path, event_id: str, answer: str) -> None:
    with opened(tmp_path) as journal:
        session = Session(selection(1), CLASSES, THRESHOLD, journal)
        with pytest.raises(ValueError, match="is no answer to"):
            session.answer(event_id, answer)


def test_nothing_to_review(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        state = Session(selection(0), CLASSES, THRESHOLD, journal).state()
    assert (state["total"], state["current"], state["undo"]) == (0, None, None)
