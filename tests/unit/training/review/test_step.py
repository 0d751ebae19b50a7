"""The step `review`: from captured inferences to answers, and what follows from them."""

import base64
import io
import json
import threading
import urllib.request
import webbrowser
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import DATASET, EXECUTIONS, make_context, printed, tags_of
from tests.unit.training.review.scenes import photo
from training import sent_photos
from training.context import Context
from training.dataset.index import read_index, write_index
from training.errors import EndpointError, ReviewError, StepNotRunError
from training.options import ReviewOptions
from training.results import save
from training.review import answers, step
from training.review.server import Server

NOW = datetime.now(UTC).replace(microsecond=0)


class Captured:
    """S3 with captured inferences: e0 to e3, of which the last two are below the threshold, and a try."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        probabilities = {"e0": [0.99, 0.01], "e1": [0.02, 0.98], "e2": [0.6, 0.4], "e3": [0.3, 0.7], "t": [0.5, 0.5]}
        ids = {"e0": "images/test/a.png", "e1": "images/test/b.png", "t": "images/tries/try-1.png"}
        lines = []
        for event_id, values in probabilities.items():
            metadata = {"eventId": event_id, "inferenceTime": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"}
            metadata |= {"inferenceId": ids[event_id]} if event_id in ids else {}
            captured = {
                "endpointInput": {"data": base64.b64encode(photo()).decode(), "encoding": "BASE64"},
                "endpointOutput": {"data": json.dumps(values), "encoding": "JSON"},
            }
            lines.append(json.dumps({"captureData": captured, "eventMetadata": metadata}))
        self.objects[f"captured/s/AllTraffic/{NOW:%Y/%m/%d/%H}/a.jsonl"] = "\n".join(lines).encode()

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, Prefix: str, Delimiter: str = "", StartAfter: str = "", **_: Any) -> list[dict[str, Any]]:
        keys = [key for key in sorted(self.objects) if key.startswith(Prefix) and key > StartAfter]
        if Delimiter:
            return [{"CommonPrefixes": [{"Prefix": f"{Prefix}AllTraffic/"}]}]
        return [{"Contents": [{"Key": key} for key in keys]}]

    def get_object(self, Key: str, **_: Any) -> Any:
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, Key: str, Body: bytes, **_: Any) -> None:
        self.objects[Key] = Body


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Return the context of a stack whose dataset is staged; nothing was tested yet."""
    dataset = replace(DATASET, directory=str(tmp_path / "dataset"))
    (tmp_path / "dataset").mkdir()
    names = ("a", "b")
    index = {
        "split": "test",
        "filename": [f"{name}.png" for name in names],
        "label": 0,
        "class_name": "bicycle",
        "row": [0, 1],
        "s3_key": [f"images/test/{name}.png" for name in names],
    }
    write_index(pd.DataFrame(index), tmp_path / "dataset")
    save(tmp_path, "stage", dataset, 1.0)
    sagemaker = SageMaker()
    sagemaker.serve("s", tags_of("s", "f"))
    return make_context(tmp_path, s3=Captured(), sagemaker=sagemaker)


def bucket(context: Context) -> dict[str, bytes]:
    s3: Any = context.clients.s3
    objects: dict[str, bytes] = s3.objects
    return objects


def run(context: Context, **options: Any) -> dict[str, Any]:
    return step.review(context, step.subject(context), ReviewOptions(**options))


def answering(monkeypatch: pytest.MonkeyPatch, *given: str, ends: type[BaseException] | None = None) -> list[str]:
    """Let a person answer on the page; returns the events that were asked for, in order."""
    asked: list[str] = []

    def use(_: threading.Event, server: Server) -> None:
        session = server.review.session
        for answer in given:
            current = session.state()["current"]
            asked.append(current["event_id"])
            with urllib.request.urlopen(f"{server.address}photos/{current['number']}", timeout=20) as reply:
                assert reply.read() == photo()
            session.answer(current["event_id"], answer)
        if ends:
            raise ends

    monkeypatch.setattr(step, "wait", use)
    return asked


def test_all_selected_photos_are_asked_and_what_follows_is_told(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answering(monkeypatch, "bicycle", "bicycle", "bicycle", "bicycle")
    found = run(context, browser=False)
    assert sorted(asked) == ["e0", "e1", "e2", "e3"]
    assert found["answers"] == 4
    assert found["accuracy"]["value"] == 0.5  # e0 and e2
    assert found["accepted"]["traffic"] == 2
    assert json.dumps(found, allow_nan=False)
    strata = answers.read(context.directory).set_index("event_id")["stratum"].to_dict()
    assert strata == {"e0": "accepted", "e1": "mistake", "e2": "refused", "e3": "refused"}
    assert "4 answers saved now, 4 of 4 photos answered" in printed(context)
    assert "Accuracy on 4 inferences: 50.0% (95 % interval" in printed(context)
    assert len(bucket(context)["review/augmented.manifest"].splitlines()) == 4
    assert len([key for key in bucket(context) if key.startswith("review/photos/")]) == 4


def test_a_photo_that_traffic_sent_has_a_known_class(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint answers e0 with bicycle; traffic sent a motorcycle under the key that its InferenceId names."""
    write_index(read_index(f"{context.directory}/dataset").drop(index=0), context.directory / "dataset")
    where = sent_photos.directory_of(context.directory, "1")
    where.mkdir(parents=True)
    sent_photos.write({"images/test/a.png": ("a.png", "motorcycle")}, where)
    answering(monkeypatch, "bicycle", "bicycle", "bicycle", "bicycle")
    run(context, browser=False)
    assert answers.read(context.directory).set_index("event_id")["stratum"]["e0"] == "mistake"


def test_ctrl_c_ends_a_review_and_the_next_goes_on(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    first = answering(monkeypatch, "bicycle", ends=KeyboardInterrupt)
    assert run(context, browser=False)["answers"] == 1
    assert "1 answers saved now, 1 of 4 photos answered" in printed(context)
    others = answering(monkeypatch, "bicycle", "bicycle", "bicycle")
    assert run(context, browser=False)["answers"] == 4
    assert sorted(first + others) == ["e0", "e1", "e2", "e3"]


def test_the_address_is_printed_or_opened(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    answering(monkeypatch)
    run(context, browser=False)
    assert opened == []
    assert "Open the page: http://127.0.0.1:" in printed(context)
    run(context)
    assert opened[0].startswith("http://127.0.0.1:")


def test_sizes_and_time_limit_the_selection(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, "bicycle", "bicycle")
    run(context, refused=1, mistakes=1, accepted=0, browser=False)
    assert len(asked) == 2
    assert "e1" in asked
    save(context.directory, "test", replace(EXECUTIONS, started_at=(NOW + timedelta(hours=1)).isoformat()), 1.0)
    answering(monkeypatch)
    run(context, browser=False)
    assert "of 0 photos answered" in printed(context)
    run(context, browser=False, since=timedelta(hours=2))
    assert "of 4 photos answered" in printed(context)


def test_a_page_for_others_and_their_answers(context: Context, tmp_path: Path) -> None:
    page, file = tmp_path / "out" / "page.html", tmp_path / "answers.json"
    assert run(context, export=str(page)) == {"exported": 4, "file": str(page)}
    tasks = json.loads(page.read_text().partition('id="settings">')[2].partition("</script>")[0])["tasks"]
    given = [{**task, "answer": "bicycle", "time": NOW.isoformat()} for task in tasks]
    file.write_text(json.dumps({"format": "review answers", "version": 1, "answers": given}))
    found = run(context, import_answers=str(file))
    assert found["answers"] == 4
    assert found["accuracy"]["value"] == 0.5
    assert "4 new, 0 newer" in printed(context)
    assert run(context, export=str(page))["exported"] == 0  # all are answered


def test_tasks_for_label_studio(context: Context, tmp_path: Path) -> None:
    assert run(context, export_label_studio=str(tmp_path / "t.json"))["exported"] == 4
    assert (tmp_path / "t.xml").exists()


def test_a_bad_file_takes_no_answer(context: Context, tmp_path: Path) -> None:
    good = asdict(answers.Answer("e0", "", "", "", "bicycle", NOW.isoformat(), "a", 1, NOW.isoformat(), "b", 1, 1))
    entries = [good, {**good, "answer": "moped"}]
    (tmp_path / "a.json").write_text(json.dumps({"format": "review answers", "answers": entries}))
    with pytest.raises(ReviewError, match="Entry 2"):
        run(context, import_answers=str(tmp_path / "a.json"))
    assert len(answers.read(context.directory)) == 0


def test_answers_about_classes_that_are_none_any_more_do_not_count(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "bicycle")
    run(context, browser=False)
    about = step.subject(context)
    other = replace(about, dataset=replace(about.dataset, classes=("moped", "motorcycle")))
    answering(monkeypatch)
    assert step.review(context, other, ReviewOptions(browser=False))["answers"] == 0


def test_without_a_dataset_there_are_no_classes(tmp_path: Path) -> None:
    with pytest.raises(StepNotRunError):
        step.subject(make_context(tmp_path))


def test_the_endpoint_of_another_dataset_is_refused(context: Context) -> None:
    dataset = replace(step.subject(context).dataset, fingerprint="other")
    save(context.directory, "stage", dataset, 1.0)
    with pytest.raises(EndpointError):
        step.subject(context)


def test_a_class_that_is_called_like_an_answer_is_refused(context: Context) -> None:
    dataset = replace(step.subject(context).dataset, classes=("unusable", "motorcycle"))
    save(context.directory, "stage", dataset, 1.0)
    with pytest.raises(ReviewError, match="'unusable'"):
        step.subject(context)


def test_without_an_endpoint_what_was_captured_is_reviewed(context: Context) -> None:
    sagemaker: Any = context.clients.sagemaker
    sagemaker.endpoints.clear()
    assert step.subject(context).tested_at is None
