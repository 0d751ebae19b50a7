"""What needs no running state machine: the delay of a retrier, misplaced wildcards, the size of a state."""

import json
from typing import Any

import pytest

from localcloud.corrections.step_functions import delay_seconds, misplaced_wildcards
from localcloud.corrections.step_functions_limits import DATA_LIMIT, is_too_large


@pytest.mark.parametrize(
    ("retrier", "retries", "seconds"),
    [
        ({}, 0, 1),
        ({}, 2, 4),
        ({"IntervalSeconds": 100}, 1, 200),  # MiniStack stops at 60
        ({"IntervalSeconds": 3, "BackoffRate": 1.5}, 2, 6.75),
        ({"IntervalSeconds": 3, "MaxDelaySeconds": 10}, 1, 6),
        ({"IntervalSeconds": 3, "MaxDelaySeconds": 10}, 5, 10),
        ({"IntervalSeconds": 3, "JitterStrategy": "NONE"}, 0, 3),
    ],
)
def test_the_delay_grows_up_to_its_maximum(retrier: dict[str, Any], retries: int, seconds: float) -> None:
    assert delay_seconds(retrier, retries) == seconds


def test_full_jitter_draws_from_zero_to_the_delay() -> None:
    retrier = {"IntervalSeconds": 8, "MaxDelaySeconds": 10, "JitterStrategy": "FULL"}
    drawn = [delay_seconds(retrier, 1) for _ in range(200)]
    assert 0 <= min(drawn) < 2
    assert 8 < max(drawn) <= 10


def test_wildcards_are_found_in_every_branch() -> None:
    task = {"Type": "Task", "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["BusyError"]}]}
    good = {"Type": "Task", "Catch": [{"ErrorEquals": ["BusyError"]}, {"ErrorEquals": ["States.ALL"]}]}
    branches = [{"States": {"Good": good}}, {"States": {"Bad": task}}]
    definition = {"States": {"Both": {"Type": "Parallel", "Branches": branches}}}
    found = list(misplaced_wildcards(definition))
    assert found == ["/States/Both/Branches/1/States/Bad/Retry[0]/ErrorEquals"]


@pytest.mark.parametrize("value", ["x" * (DATA_LIMIT - 2), "é" * (DATA_LIMIT // 2 - 1), [1] * (DATA_LIMIT // 2 - 1)])
def test_a_state_is_measured_as_aws_writes_it(value: Any) -> None:
    # json.dumps escapes what is not ASCII and puts spaces between elements; AWS does neither.
    assert not is_too_large(json.dumps(value))
    assert is_too_large(json.dumps(value + value[:1] + value[:1]))
