"""Delivers events to the targets of rules, again as their RetryPolicy says, and at last to their dead-letter queues.

AWS tries for 24 hours or 185 times with growing pauses; here the pauses grow from half a second to a minute. Deliveries
are on disk before the event is answered for (`outbox`), and the next process goes on with those of the last.
"""

import heapq
import itertools
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from ministack.core.arn import parse_arn
from ministack.services import eventbridge, sqs

from localcloud import identity
from localcloud.corrections import metric_data, persistence
from localcloud.corrections.events import outbox, targets
from localcloud.corrections.events.inputs import input_of
from localcloud.corrections.events.targets import Call, DeliveryError

WORKERS = 4  # deliveries at a time
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds between two attempts
# What RetryPolicy has where it is left out, on AWS too.
MOST_RETRIES, OLDEST_SECONDS = 185, 86_400

logger = logging.getLogger(__name__)

InvokeTarget = Callable[..., None]


@dataclass
class Delivery:
    """An event on its way to one target."""

    call: Call
    event: str  # as the dead-letter queue gets it: JSON, whatever the target receives
    rule_name: str
    scope: tuple[str, str]  # account, region
    first: float = field(default_factory=time.monotonic)  # seconds
    retries: int = 0
    exhausted: str = ""  # the condition of RetryPolicy that has ended the attempts
    name: str = field(default_factory=outbox.new_name)

    def record(self) -> outbox.Record:
        """Return it as JSON."""
        members = {**asdict(self), "first": outbox.since_epoch(self.first)}
        return {name: value for name, value in members.items() if name not in ("name", "exhausted")}

    @classmethod
    def of_record(cls, name: str, record: outbox.Record) -> "Delivery":
        members = {**record, "call": Call(**record["call"]), "scope": tuple(record["scope"])}
        return cls(**{**members, "first": outbox.monotonic(record["first"]), "name": name})

    def postpone(self) -> float | None:
        """Count a retry and return when it is due in seconds, monotonic; None when RetryPolicy allows none."""
        policy = self.call.target.get("RetryPolicy") or {}
        due: float = time.monotonic() + min(LONGEST_PAUSE, FIRST_PAUSE * 2**self.retries)
        if self.retries >= int(policy.get("MaximumRetryAttempts", MOST_RETRIES)):  # a stack's numbers may be text
            self.exhausted = "MaximumRetryAttempts"
        elif due - self.first > int(policy.get("MaximumEventAgeInSeconds", OLDEST_SECONDS)):
            self.exhausted = "MaximumEventAgeInSeconds"
        else:
            self.retries += 1
            return due
        return None


class Deliveries:
    """Threads that make the deliveries that are due, in the order in which they are due."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._started = False

    def add(self, delivery: Delivery, due: float) -> None:
        """Plan a delivery.

        Args:
            due: Seconds, monotonic.
        """
        with self._changed:
            heapq.heappush(self._waiting, (due, next(self._numbers), delivery))
            if not self._started:
                self._started = True
                for number in range(WORKERS):
                    threading.Thread(target=self._run, name=f"events-{number}", daemon=True).start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            delivery = self._next()
            try:
                with identity.request_scope(*delivery.scope):
                    due = attempt(delivery)
            except Exception:  # the edge of a thread: later events must still be delivered
                logger.exception("An event of the rule %s was lost.", delivery.call.rule_arn)
                due = None
            if due is None:
                outbox.forget(delivery.name)
            else:
                self.add(delivery, due)

    def _next(self) -> Delivery:
        """Wait until a delivery is due and return it."""
        with self._changed:
            while True:
                pause = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if pause is not None and pause <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(pause)


deliveries = Deliveries()


def attempt(delivery: Delivery) -> float | None:
    """Try once; return when the next attempt is due in seconds, monotonic, None when this was the last one."""
    try:
        targets.deliver(delivery.call)
    except DeliveryError as err:
        due = delivery.postpone() if err.may_pass else None
        if due is None:
            give_up(delivery, err)
        else:
            keep(delivery)
        return due
    count(delivery, "Invocations")
    persistence.changed_without_request.set()
    return None


def keep(delivery: Delivery) -> None:
    """Store a delivery. When the disk does not take it, it is made all the same, unless the process ends before."""
    try:
        outbox.keep(delivery.name, delivery.record())
    except OSError as err:
        logger.error("An event of the rule %s cannot be saved: %s.", delivery.call.rule_arn, err)


def give_up(delivery: Delivery, error: DeliveryError) -> None:
    """Send the event to the target's dead-letter queue, or drop it when there is none."""
    count(delivery, "FailedInvocations")
    queue_arn = (delivery.call.target.get("DeadLetterConfig") or {}).get("Arn")
    why = f"An event of {delivery.call.rule_arn} did not reach {delivery.call.arn}: {error.code}: {error}"
    if not queue_arn:
        logger.warning("%s", why)
        return
    queue = sqs._queue_by_arn(queue_arn)
    policy = queue["attributes"].get("Policy") if queue else ""
    if not targets.service_may("sqs:SendMessage", queue_arn, policy, delivery.call.rule_arn):
        logger.warning("%s. Neither did it reach %s, whose policy must allow it.", why, queue_arn)
        count(delivery, "InvocationsFailedToBeSentToDlq")
        return
    targets.enqueue(queue_arn, delivery.event, {}, attributes(delivery, error))
    count(delivery, "InvocationsSentToDlq")
    persistence.changed_without_request.set()


def attributes(delivery: Delivery, error: DeliveryError) -> dict[str, dict[str, str]]:
    """Return a dead letter's message attributes."""
    values = {
        "RULE_ARN": delivery.call.rule_arn,
        "TARGET_ARN": delivery.call.arn,
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": str(error),
        "RETRY_ATTEMPTS": str(delivery.retries),
    }
    if delivery.exhausted:
        values["EXHAUSTED_RETRY_CONDITION"] = delivery.exhausted
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


def count(delivery: Delivery, metric: str) -> None:
    metric_data.record(("AWS/Events", metric), [1], "Count", {"RuleName": delivery.rule_name})


def deliver_to_targets(original: InvokeTarget) -> InvokeTarget:
    """Plan a delivery for each target; events for another bus go there at once, as MiniStack does it."""

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> None:
        if parse_arn(target["Arn"]).service == "events":
            original(target, event, rule, view)
            return
        view = view or eventbridge._pattern_event_view(event)
        call = Call(target, rule["Arn"], input_of(target, rule, view))
        scope = (identity.account_id(), identity.region())
        delivery = Delivery(call, json.dumps(view.event_with_detail()), rule["Name"], scope)
        keep(delivery)
        deliveries.add(delivery, time.monotonic())

    return invoke_target


def resume() -> None:
    """Make the deliveries that were under way when the last process ended; called when the server has started."""
    for name in list(outbox.found):
        deliveries.add(Delivery.of_record(name, outbox.found.pop(name)), time.monotonic())
