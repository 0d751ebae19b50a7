import time
from typing import Any

import pytest
from ministack import app

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
