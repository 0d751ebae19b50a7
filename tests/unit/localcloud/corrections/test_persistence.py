import json
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ministack import app
from ministack.core import persistence as ministack_persistence
from ministack.core.responses import AccountScopedDict

from localcloud.corrections import persistence


class Service:
    """Stands for a service of MiniStack whose state is copied for saving."""

    def __init__(self) -> None:
        self.copies: list[float] = []  # times
        self.failures = 0

    def get_state(self) -> dict[str, Any]:
        self.copies.append(time.monotonic())
        if self.failures:
            self.failures -= 1
            raise RuntimeError("dictionary changed size during iteration")
        return {}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    monkeypatch.setattr(app, "_build_persistence_save_dict", lambda: {"photos": service.get_state})
    monkeypatch.setattr(persistence, "PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(persistence, "changed_without_request", threading.Event())  # other tests may have set it
    monkeypatch.setattr(persistence, "runs", [])
    return service


def run(saver: persistence.Saver, seconds: float) -> None:
    saver.start()
    time.sleep(seconds)
    saver.stop()


def test_nothing_is_saved_unless_something_may_have_changed(service: Service) -> None:
    saver = persistence.Saver()
    for method in ("GET", "HEAD"):
        saver.note(method)
    run(saver, 0.2)
    assert service.copies == []


def test_a_change_is_saved_once(service: Service) -> None:
    saver = persistence.Saver()
    saver.note("POST")
    run(saver, 0.2)
    assert len(service.copies) == 1


def test_a_change_without_a_request_is_saved_too(service: Service) -> None:
    persistence.changed_without_request.set()
    run(persistence.Saver(), 0.2)
    assert len(service.copies) == 1


def test_what_changed_while_it_was_copied_is_saved_next_time(service: Service) -> None:
    service.failures = 2
    saver = persistence.Saver()
    saver.note("PUT")
    run(saver, 0.4)
    assert len(service.copies) == 3


def test_the_state_is_saved_as_long_as_an_execution_runs(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    running = [True, True, True]
    monkeypatch.setattr(persistence, "any_execution_runs", lambda: bool(running) and running.pop())
    run(persistence.Saver(), 0.5)
    assert len(service.copies) == 4  # the last one has its end


def test_saving_takes_a_tenth_of_the_time(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> bool:
        started = time.thread_time()
        while time.thread_time() - started < 0.03:
            pass
        service.get_state()
        return False

    monkeypatch.setattr(persistence, "save", slow)
    saver = persistence.Saver()
    saver.note("POST")
    run(saver, 1)
    pauses = [second - first for first, second in zip(service.copies, service.copies[1:], strict=False)]
    assert pauses
    assert min(pauses) >= 0.3


Save = Callable[[str, dict[str, Any]], None]


@pytest.fixture
def save_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    monkeypatch.setattr(ministack_persistence, "STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(persistence, "unsaved", {})
    return persistence.save_durably(lambda service, data: None)


def test_a_state_that_cannot_be_saved_is_a_problem_until_it_is(
    save_state: Save, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    saver = persistence.Saver()
    save_state("photos", {"a": 1})
    assert saver.problem == ""
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        for number in (2, 3):
            save_state("photos", {"a": number})
        assert saver.problem == (
            "The local cloud cannot save its state: [Errno 28] No space left on device. Make room on the disk."
        )
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
    save_state("photos", {"a": 3})
    assert saver.problem == ""
    assert b'"payload": {"a": 3}' in persistence.state_path("photos").read_bytes()


def test_an_unchanged_state_is_not_written_again(save_state: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(persistence, "write_durably", lambda path, content: path.write_bytes(content))
    for data in ({"a": 1}, {"a": 1}, {"a": 2}):
        before = persistence.state_path("photos")
        stamp = before.stat().st_mtime_ns if before.exists() else 0
        time.sleep(0.02)
        save_state("photos", data)
        written.append(before.stat().st_mtime_ns != stamp)
    assert written == [True, False, True]
    persistence.state_path("photos").unlink()
    save_state("photos", {"a": 2})
    assert persistence.state_path("photos").exists()


def test_a_failed_save_is_tried_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    saver = persistence.Saver()
    monkeypatch.setattr(persistence, "unsaved", {"photos": "No space left on device"})
    saver.note("POST")
    run(saver, 0.3)
    assert len(service.copies) > 2


@pytest.mark.parametrize("content", [b"", b"{", b'{"__ministack_format__": 99, "payload": {}}', b'{"photos": 3}', b"7"])
def test_a_file_that_cannot_be_used_is_set_aside(
    save_state: Save, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    class Photos:
        def load_persisted_state(self, data: Any) -> None:
            dict(data["photos"])

    monkeypatch.setattr(app, "_state_map", {"photos": "photos"})
    monkeypatch.setattr(app, "_get_module", lambda _: Photos())
    monkeypatch.setattr(ministack_persistence, "PERSIST_STATE", True)
    path = persistence.state_path("photos")
    path.parent.mkdir()
    path.write_bytes(content)
    persistence.start_without_damaged_files(lambda: None)()
    (aside,) = path.parent.iterdir()
    assert aside.name.startswith("photos.json.damaged-")
    assert aside.read_bytes() == content
    save_state("photos", {"photos": {}})
    persistence.start_without_damaged_files(lambda: None)()
    assert path.exists()


def test_a_state_is_encoded_as_json_would_be() -> None:
    scoped = AccountScopedDict()
    scoped["kept"] = {
        "bytes": b"\0",
        "empty": {},
        "list": [*range(120)],
        "deep": {"a": {"b": {"c": {"d": [1.5, None]}}}},
    }
    state = {"scoped": scoped, "text": 'quote " and umlaut \xe4', "none": None, "numbers": {"1": True}, "tuple": (1, 2)}
    assert json.loads(persistence.encoded("photos", state))["payload"] == json.loads(persistence.dumps(state))


def test_a_state_that_changes_while_it_is_copied_is_copied_again_at_once() -> None:
    service = Service()
    service.failures = persistence.COPIES - 1
    assert persistence.copy_of(service.get_state) == {}
    service.failures = persistence.COPIES
    with pytest.raises(RuntimeError):
        persistence.copy_of(service.get_state)


def test_no_piece_of_a_long_state_is_long() -> None:
    state = {"executions": [{"name": number, "input": "x" * 100} for number in range(5000)]}
    assert max(map(len, persistence.pieces(state))) < 10_000
