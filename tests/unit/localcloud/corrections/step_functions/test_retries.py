"""How long a retrier waits."""

from typing import Any

import pytest

from localcloud.corrections.step_functions.retries import delay_seconds


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
