import random
from typing import Any

import pytest

from localcloud.step_functions.interpreter.failures import StateFailedError
from localcloud.step_functions.interpreter.retries import delay_seconds


@pytest.mark.parametrize(
    ("retrier", "retries", "seconds"),
    [
        ({}, 0, 1),
        ({}, 3, 8),
        ({"IntervalSeconds": 2, "BackoffRate": 1.5}, 2, 4.5),
        ({"IntervalSeconds": 10, "MaxDelaySeconds": 15}, 1, 15),
        ({"BackoffRate": 1e9}, 99_999_999, 31_622_400),
    ],
)
def test_the_delay_grows_to_its_limit(retrier: dict[str, Any], retries: int, seconds: float) -> None:
    assert delay_seconds(retrier, min(retries, 100)) == seconds


def test_full_jitter_draws_from_the_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 4)
    assert delay_seconds({"IntervalSeconds": 8, "JitterStrategy": "FULL"}, 0) == 2


@pytest.mark.parametrize(
    ("error", "names", "matches"),
    [
        ("Boom", ["Boom"], True),
        ("Boom", ["States.ALL"], True),
        ("Boom", ["States.TaskFailed"], True),
        ("Boom", ["Other"], False),
        ("States.Timeout", ["States.TaskFailed"], False),
        ("States.Timeout", ["States.ALL"], True),
        ("States.DataLimitExceeded", ["States.ALL", "States.TaskFailed"], False),
        ("States.DataLimitExceeded", ["States.DataLimitExceeded"], True),
        (None, ["States.ALL"], True),
    ],
)
def test_names_match(error: str | None, names: list[str], matches: bool) -> None:
    assert StateFailedError(error, None).matches(names) is matches
