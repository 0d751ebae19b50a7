"""How an alias of a stack is led from one version to another."""

from typing import Any

import pytest

from localcloud.corrections.step_functions import traffic_shifting
from localcloud.corrections.step_functions.traffic_shifting import Routes, ShiftFailedError, shift

OLD, NEW = [{"stateMachineVersionArn": "m:1", "weight": 100}], [{"stateMachineVersionArn": "m:2", "weight": 100}]


@pytest.fixture(autouse=True)
def states(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the states of alarms by name; minutes take some milliseconds."""
    known = {"failures": "OK"}
    monkeypatch.setattr(traffic_shifting, "state_of", known.get)
    monkeypatch.setattr(traffic_shifting, "SECONDS_OF_A_MINUTE", 0.01)
    return known


def new_weights(preference: dict[str, Any], before: Routes = OLD) -> list[int]:
    """Return the weights of the new version, one after the other."""
    routed: list[int] = []

    def route(routes: Routes) -> None:
        routed.append(sum(one["weight"] for one in routes if one["stateMachineVersionArn"] == "m:2"))
        assert sum(one["weight"] for one in routes) == 100

    shift(before, NEW, preference, route)
    return routed


@pytest.mark.parametrize(
    ("preference", "weights"),
    [
        ({}, [100]),
        ({"Type": "ALL_AT_ONCE"}, [100]),
        ({"Type": "CANARY", "Percentage": 10, "Interval": 5}, [10, 100]),
        ({"Type": "LINEAR", "Percentage": "40", "Interval": "1"}, [40, 80, 100]),
        ({"Type": "LINEAR", "Percentage": 25, "Interval": 1, "Alarms": ["failures"]}, [25, 50, 75, 100]),
    ],
)
def test_the_new_version_gets_more_and_more(preference: dict[str, Any], weights: list[int]) -> None:
    assert new_weights(preference) == weights


def test_nothing_is_shifted_to_the_same_version() -> None:
    assert new_weights({"Type": "CANARY", "Percentage": 10, "Interval": 5}, before=NEW) == [100]


def test_an_alarm_leads_back_to_the_old_version(states: dict[str, str]) -> None:
    routed: list[Routes] = []

    def route(routes: Routes) -> None:
        routed.append(routes)
        states["failures"] = "ALARM"

    with pytest.raises(ShiftFailedError, match="The alarm failures went off"):
        shift(OLD, NEW, {"Type": "CANARY", "Percentage": 10, "Interval": 5, "Alarms": ["failures"]}, route)
    assert routed[-1] == OLD
    assert len(routed) == 2


@pytest.mark.parametrize(
    "preference",
    [
        {"Type": "CANARY", "Percentage": 100, "Interval": 5},
        {"Type": "LINEAR", "Percentage": 10},
        {"Type": "SLOWLY", "Percentage": 10, "Interval": 5},
        {"Type": "CANARY", "Percentage": 10, "Interval": 5, "Alarms": ["missing"]},
    ],
)
def test_a_preference_that_cannot_be_followed_is_refused(preference: dict[str, Any]) -> None:
    with pytest.raises(ShiftFailedError):
        new_weights(preference)
