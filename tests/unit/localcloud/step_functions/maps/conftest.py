"""A bucket, and a function that runs a state machine whose tasks it serves."""

from collections.abc import Callable
from typing import Any

import pytest

from localcloud.step_functions import execution
from localcloud.step_functions.execution import Execution
from tests.unit.localcloud.step_functions.maps.buckets import Bucket
from tests.unit.localcloud.step_functions.runs import Functions, connect, execution_of


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def run(bucket: Bucket) -> Callable[..., Execution]:
    def start_and_wait(definition: dict[str, Any], given: Any = None, function: Any = lambda event: event) -> Execution:
        connect(Functions(function).invoke, bucket)
        found = execution_of(definition, given)
        execution.run(found)
        return found

    return start_and_wait
