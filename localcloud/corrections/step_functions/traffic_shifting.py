"""How a stack's update shifts an alias from one version of a state machine to another.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-stepfunctions-statemachinealias-deploymentpreference.html
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import cloudwatch

Routes = list[dict[str, Any]]  # RoutingConfigurationListItem of the API

SECONDS_OF_A_MINUTE = 60.0
TICK_SECONDS = 1.0  # between two looks at the alarms


class ShiftFailedError(Exception):
    """When an alarm went off, or the preference cannot be followed; the message is the status reason."""


def shift(before: Routes, after: Routes, preference: dict[str, Any], route: Callable[[Routes], None]) -> None:
    """Lead an alias to another version, and return when it gets all executions.

    Args:
        preference: DeploymentPreference; its Interval is in minutes.
        route: Changes the alias.

    Raises:
        ShiftFailedError: An alarm went off: all executions go to the old version again.
    """
    old, new = heaviest(before), heaviest(after)
    alarms = preference.get("Alarms") or []
    refuse_missing(alarms)
    if old == new or preference.get("Type", "ALL_AT_ONCE") == "ALL_AT_ONCE":
        route(after)
        return
    for weight in weights(preference):
        route(two_routes(old, new, weight))
        wait(float(preference["Interval"]) * SECONDS_OF_A_MINUTE, alarms, lambda: route(before))
    route(after)


def weights(preference: dict[str, Any]) -> Iterator[int]:
    """Yield the weights of the new version until it has all executions."""
    kind, percentage = preference.get("Type"), int(preference.get("Percentage", 0))
    if kind not in ("CANARY", "LINEAR") or not 1 <= percentage <= 99 or "Interval" not in preference:
        raise ShiftFailedError(
            f"DeploymentPreference {kind} takes a Percentage of 1 to 99 and an Interval in minutes; "
            f"it has {preference.get('Percentage')} and {preference.get('Interval')}."
        )
    yield from [percentage] if kind == "CANARY" else range(percentage, 100, percentage)


def two_routes(old: str, new: str, weight: int) -> Routes:
    shares = ((old, 100 - weight), (new, weight))
    return [{"stateMachineVersionArn": arn, "weight": share} for arn, share in shares]


def heaviest(routes: Routes) -> str:
    return str(max(routes, key=lambda one: int(one["weight"]))["stateMachineVersionArn"])


def wait(seconds: float, alarms: list[str], roll_back: Callable[[], None]) -> None:
    """Wait as long as no alarm goes off."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if ringing := [name for name in alarms if state_of(name) == "ALARM"]:
            roll_back()
            raise ShiftFailedError(f"The alarm {ringing[0]} went off: the alias leads to its old version again.")
        time.sleep(min(left, TICK_SECONDS))


def refuse_missing(alarms: list[str]) -> None:
    if missing := [name for name in alarms if state_of(name) is None]:
        raise ShiftFailedError(f"The alarm {missing[0]} of the DeploymentPreference does not exist.")


def state_of(alarm: str) -> str | None:
    """Return the state of an alarm of the account and region of the stack, None when there is none."""
    cloudwatch._evaluate_all_alarms()
    name = alarm.rsplit(":alarm:", 1)[-1]
    found = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
    return str(found["StateValue"]) if found else None
