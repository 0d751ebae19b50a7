"""Deliveries under way outlive the process."""

import json
import time

import pytest

from localcloud.corrections.events import delivery, outbox
from localcloud.corrections.events.delivery import Deliveries, Delivery
from localcloud.store import Store
from tests.unit.localcloud.corrections.events.test_delivery import FakeTarget, delivery_with, wait

OLD = 100.0  # seconds


def start_again(patch: pytest.MonkeyPatch) -> None:
    """Read what is on disk, as the next process does."""
    patch.setattr(outbox, "store", Store())
    patch.setattr(outbox, "found", {})
    patch.setattr(delivery, "deliveries", Deliveries())
    outbox.load()


def test_the_next_process_makes_the_deliveries_of_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    target = FakeTarget(failures=0).install(monkeypatch)
    planned = delivery_with(MaximumRetryAttempts=3)
    delivery.keep(planned)
    start_again(monkeypatch)
    delivery.resume()
    wait(target, 1)
    assert not outbox.found


def test_a_delivery_is_as_old_and_as_often_tried_as_before() -> None:
    planned = delivery_with(MaximumRetryAttempts=3)
    planned.first, planned.retries = time.monotonic() - OLD, 2
    again = Delivery.of_record(planned.name, json.loads(json.dumps(planned.record())))
    assert (again.call, again.event, again.scope, again.retries) == (planned.call, planned.event, planned.scope, 2)
    assert again.first == pytest.approx(planned.first, abs=1)


@pytest.mark.parametrize("may_pass", [True, False])
def test_a_delivery_is_forgotten_when_it_is_made_or_given_up(monkeypatch: pytest.MonkeyPatch, may_pass: bool) -> None:
    target = FakeTarget(failures=1, may_pass=may_pass).install(monkeypatch)
    planned = delivery_with()
    delivery.keep(planned)
    assert planned.name in outbox.store
    delivery.deliveries.add(planned, time.monotonic())
    wait(target, 2 if may_pass else 1)
    deadline = time.monotonic() + 5
    while planned.name in outbox.store and time.monotonic() < deadline:
        time.sleep(0.01)
    assert planned.name not in outbox.store


def test_a_delivery_that_the_disk_refuses_is_made_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outbox, "keep", refuse)
    delivery.keep(delivery_with())
    assert "cannot be saved: [Errno 28] No space left on device" in caplog.text
