"""The size of a state."""

import json
from typing import Any

import pytest

from localcloud.corrections.step_functions.limits import DATA_LIMIT, is_too_large


@pytest.mark.parametrize("value", ["x" * (DATA_LIMIT - 2), "é" * (DATA_LIMIT // 2 - 1), [1] * (DATA_LIMIT // 2 - 1)])
def test_a_state_is_measured_as_aws_writes_it(value: Any) -> None:
    # json.dumps escapes what is not ASCII and puts spaces between elements; AWS does neither.
    assert not is_too_large(json.dumps(value))
    assert is_too_large(json.dumps(value + value[:1] + value[:1]))


def test_a_lone_surrogate_is_measured() -> None:
    """JSON may carry it as an escape."""
    assert is_too_large(json.dumps("\ud800" + "x" * DATA_LIMIT))
