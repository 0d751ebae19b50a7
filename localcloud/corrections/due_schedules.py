"""Calls the targets of schedules that are due: operations of SageMaker, as the schedule's role.

MiniStack drops calls of universal targets, asks no policy, and forgets at a restart which schedules it has called.
"""

import json
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import scheduler

from localcloud import identity
from localcloud.corrections import persistence
from localcloud.corrections.schedule_expressions import CALLED, Schedule, due_at, interval_of
from localcloud.corrections.scheduler import PRINCIPAL, operation_of

TICK_SECONDS = 1.0  # between two looks at all schedules; AWS promises a precision of 60
SESSION_NAME = "EventBridgeScheduler"  # on AWS a random word
# What RetryPolicy has where it is left out, on AWS too.
MOST_RETRIES, OLDEST_SECONDS = 185, 86_400
LONGEST_PAUSE = 60.0  # seconds between two attempts
# Refusals that may pass: SageMaker's when an endpoint is being changed, as every endpoint is after `localcloud up`.
IN_PROGRESS = "Cannot update in-progress endpoint"
TRANSIENT = ("ThrottlingException", "ServiceUnavailable", "InternalFailure")

logger = logging.getLogger(__name__)

Place = tuple[str, str, str]  # account, region, group/name


class CallFailedError(Exception):
    """When a target was not called; the message says why.

    Args:
        may_pass: Another attempt is worthwhile.
    """

    def __init__(self, message: str, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


@dataclass
class Attempts:
    """The failed attempts to call one target."""

    policy: dict[str, int]  # RetryPolicy
    first: float  # seconds, monotonic
    number: int = 0
    next: float = 0.0  # seconds, monotonic

    def postpone(self) -> bool:
        """Plan another attempt, after twice the pause before this one; returns False when none is left."""
        now = time.monotonic()
        self.number += 1
        self.next = now + min(LONGEST_PAUSE, TICK_SECONDS * 2 ** (self.number - 1))
        is_young = now - self.first < self.policy.get("MaximumEventAgeInSeconds", OLDEST_SECONDS)
        return is_young and self.number <= self.policy.get("MaximumRetryAttempts", MOST_RETRIES)


def call_targets(original: Callable[[], None]) -> Callable[[], None]:
    """Return what MiniStack's thread does for as long as the process lives."""

    def ticker_loop() -> None:
        attempts: dict[Any, Attempts] = {}  # by schedule; a restart forgets them
        while True:
            time.sleep(TICK_SECONDS)
            try:
                call_all_due(attempts)
            except Exception:  # the edge of a thread: later schedules must still be called
                logger.exception("The schedules that are due could not all be called.")

    return ticker_loop


def call_all_due(attempts: dict[Any, Attempts]) -> None:
    """Call every target that is due; one whose time passed while the cloud was down is due, too."""
    for place, schedule in list(scheduler._schedules._data.items()):
        if not is_due(schedule):
            continue
        version = (place, schedule["LastModificationDate"])
        made = attempts.setdefault(version, Attempts(schedule["Target"].get("RetryPolicy") or {}, time.monotonic()))
        if time.monotonic() < made.next:
            continue
        try:
            call(place, schedule, made.number + 1)
        except CallFailedError as err:
            if err.may_pass and made.postpone():
                continue
            logger.error("The schedule %s has not called its target: %s", schedule["Arn"], err)
        del attempts[version]
        complete(place, schedule)


def is_due(schedule: Schedule) -> bool:
    moment = due_at(schedule)
    return moment is not None and moment <= time.time()


def call(place: Place, schedule: Schedule, attempt: int) -> None:
    """Call the target as the schedule's role.

    Args:
        attempt: From 1.

    Raises:
        CallFailedError: The target is not emulated, or the role may not be assumed, or SageMaker refuses.
    """
    account, region, _ = place
    target = schedule["Target"]
    operation = operation_of(target)
    if not operation:  # it came with a stack, which is not judged
        raise CallFailedError(f"The local cloud does not emulate the target {target['Arn']}.")
    with identity.request_scope(account, region):
        if not identity.role_trusts(target["RoleArn"], PRINCIPAL):
            raise CallFailedError(f"{target['RoleArn']} does not exist, or {PRINCIPAL} may not assume it.")
        sagemaker = client(target["RoleArn"], region)
    try:
        getattr(sagemaker, xform_name(operation))(**json.loads(with_context(schedule, attempt)))
    except ClientError as err:
        raise CallFailedError(str(err), IN_PROGRESS in str(err) or err.response["Error"]["Code"] in TRANSIENT) from err
    except BotoCoreError as err:
        raise CallFailedError(str(err)) from err


def with_context(schedule: Schedule, attempt: int) -> str:
    """Return the target's input with the values of Scheduler's context attributes."""
    scheduled = datetime.fromtimestamp(due_at(schedule) or time.time(), UTC)
    attributes = {
        "schedule-arn": schedule["Arn"],
        "scheduled-time": f"{scheduled:%Y-%m-%dT%H:%M:%SZ}",
        "execution-id": secrets.token_hex(8),
        "attempt-number": str(attempt),
    }
    text: str = schedule["Target"]["Input"]
    for name, value in attributes.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def client(role_arn: str, region: str) -> Any:
    """Return a client of SageMaker with the role's permissions; AWS_ENDPOINT_URL points it at this cloud."""
    assumed = identity.assume_role(role_arn, SESSION_NAME)
    session: Any = boto3.Session(assumed.access_key_id, assumed.secret_access_key, assumed.token, region_name=region)
    return session.client("sagemaker", config=Config(retries={"total_max_attempts": 1}))


def complete(place: Place, schedule: Schedule) -> None:
    """Delete a one-time schedule that has called its target, or note when a schedule that is kept has called.

    A schedule that was updated during the call is another one.
    """
    schedules = scheduler._schedules._data
    if schedules.get(place) is not schedule:
        return
    if schedule["ActionAfterCompletion"] == "DELETE" and interval_of(schedule["ScheduleExpression"]) is None:
        del schedules[place]
    else:
        schedules[place] = {**schedule, CALLED: time.time()}
    persistence.changed_without_request.set()
