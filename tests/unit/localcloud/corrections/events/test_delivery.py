"""Failed deliveries are tried again as the RetryPolicy says, then become dead letters."""

import json
import time

import pytest

from localcloud.corrections.events import delivery, targets
from localcloud.corrections.events.delivery import Deliveries, Delivery
from localcloud.corrections.events.targets import Call, DeliveryError

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
SCOPE = ("000000000000", "us-east-1")


def delivery_with(**retry_policy: int) -> Delivery:
    call = Call({"Id": "one", "Arn": ARN, "RetryPolicy": retry_policy}, "arn:aws:events:::rule/r", "{}")
    return Delivery(call, json.dumps({"id": "1"}), "r", SCOPE)


class FakeTarget:
    """Fails as often as it is told, and remembers what it got."""

    def __init__(self, failures: int, may_pass: bool = True) -> None:
        self.failures, self.may_pass = failures, may_pass
        self.calls: list[float] = []  # times, seconds
        self.given_up: list[dict[str, str]] = []  # the attributes of dead letters

    def deliver(self, call: Call) -> None:
        self.calls.append(time.monotonic())
        if len(self.calls) <= self.failures:
            raise DeliveryError("THROTTLING", "Rate exceeded", self.may_pass)

    def give_up(self, failed: Delivery, error: DeliveryError) -> None:
        values = delivery.attributes(failed, error)
        self.given_up.append({name: one["StringValue"] for name, one in values.items()})

    def install(self, patch: pytest.MonkeyPatch, pause: float = 0.01) -> "FakeTarget":
        patch.setattr(targets, "deliver", self.deliver)
        patch.setattr(delivery, "give_up", self.give_up)
        patch.setattr(delivery, "count", lambda *_: None)
        patch.setattr(delivery, "FIRST_PAUSE", pause)
        return self


def run(target: FakeTarget, planned: Delivery, calls: int) -> None:
    """Make a delivery and wait until the target was called so often or the delivery was given up."""
    Deliveries().add(planned, time.monotonic())
    wait(target, calls)


def test_a_delivery_is_made_again_with_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    target = FakeTarget(failures=3).install(monkeypatch, pause=0.05)
    run(target, delivery_with(), calls=4)
    pauses = [later - earlier for earlier, later in zip(target.calls, target.calls[1:], strict=False)]
    assert pauses[0] >= 0.05 and pauses[1] >= 0.1 and pauses[2] >= 0.2
    assert not target.given_up


@pytest.mark.parametrize("retries", [0, 2])
def test_the_number_of_retries_is_the_policy_s(monkeypatch: pytest.MonkeyPatch, retries: int) -> None:
    target = FakeTarget(failures=9).install(monkeypatch)
    run(target, delivery_with(MaximumRetryAttempts=retries), calls=9)
    assert len(target.calls) == retries + 1
    (letter,) = target.given_up
    assert letter["RETRY_ATTEMPTS"] == str(retries)
    assert letter["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert (letter["ERROR_CODE"], letter["ERROR_MESSAGE"]) == ("THROTTLING", "Rate exceeded")


def test_an_old_event_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    target = FakeTarget(failures=9).install(monkeypatch)
    old = delivery_with(MaximumEventAgeInSeconds=60)
    old.first -= 60
    run(target, old, calls=9)
    assert (len(target.calls), target.given_up[0]["EXHAUSTED_RETRY_CONDITION"]) == (1, "MaximumEventAgeInSeconds")


def test_what_cannot_pass_is_given_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    target = FakeTarget(failures=9, may_pass=False).install(monkeypatch)
    run(target, delivery_with(), calls=9)
    assert len(target.calls) == 1
    assert "EXHAUSTED_RETRY_CONDITION" not in target.given_up[0]


def test_a_delivery_that_waits_does_not_hold_up_others(monkeypatch: pytest.MonkeyPatch) -> None:
    target = FakeTarget(failures=8).install(monkeypatch, pause=60)
    deliveries = Deliveries()
    for _ in range(8):
        deliveries.add(delivery_with(), time.monotonic())
    wait(target, calls=8)
    deliveries.add(delivery_with(), time.monotonic())
    wait(target, calls=9)


def wait(target: FakeTarget, calls: int) -> None:
    deadline = time.monotonic() + 5
    while len(target.calls) < calls and not target.given_up:
        assert time.monotonic() < deadline
        time.sleep(0.005)
