"""Lambda in an account with little concurrency: what is throttled, and what only waits for a process."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.integration.support.clouds import only_local, own_cloud
from tests.integration.support.functions import create_function, throttling_reason
from tests.integration.support.iam import create_role
from tests.integration.support.names import NAME

CODE = """
import time

def lambda_handler(event, context):
    time.sleep(event)
"""

pytestmark = only_local


@pytest.fixture(scope="module")
def small_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a client of an account in which 40 invocations run at once."""
    with own_cloud(tmp_path_factory.mktemp("small-account"), LAMBDA_ACCOUNT_CONCURRENCY="40"):
        client = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=250))
        role = create_role(f"{NAME}-few", "lambda")
        for name in ("long", "short", "kept"):
            create_function(f"{NAME}-{name}", role, CODE, MemorySize=128)
        yield client


def invoke(client: Any, name: str, seconds: float) -> None:
    reply = client.invoke(FunctionName=f"{NAME}-{name}", Payload=json.dumps(seconds))
    assert "FunctionError" not in reply


def throttled(client: Any, name: str, seconds: float, times: int, pause: float = 0) -> list[str]:
    """Return the reasons for which invocations of a function were throttled.

    Args:
        seconds: How long each takes.
        pause: Seconds between the beginnings of two.
    """

    def call(number: int) -> str:
        time.sleep(number * pause)
        return throttling_reason(lambda: invoke(client, name, seconds))

    with ThreadPoolExecutor(times) as pool:
        return [reason for reason in pool.map(call, range(times)) if reason]


@pytest.mark.aws(
    "Lambda",
    "the account's concurrency: 1,000, or LAMBDA_ACCOUNT_CONCURRENCY, and 429 past it",
    "approximate",
    "four invocations run at a time, the others wait in order; one that waits counts as long as its function takes on "
    "average",
)
def test_more_long_invocations_than_the_account_s_concurrency_are_throttled(small_account: Any) -> None:
    assert small_account.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 40
    assert throttled(small_account, "long", seconds=1, times=42) == ["ConcurrentInvocationLimitExceeded"] * 2


@pytest.mark.correction(name="lambda-concurrency")
@pytest.mark.correction(name="lambda-concurrency-released")
def test_invocations_that_would_not_wait_on_aws_are_not_throttled(small_account: Any) -> None:
    """On AWS some 8 of them would run at once. Here 4 do, and at the end 50 wait."""
    for _ in range(8):  # a cold start takes longer
        assert throttled(small_account, "short", seconds=0.5, times=4) == []
    assert throttled(small_account, "short", seconds=0.5, times=120, pause=0.07) == []


@pytest.mark.aws("Lambda", "reserved concurrency is taken from the account's", "exact")
def test_reserved_concurrency_is_taken_from_the_account_s(small_account: Any) -> None:
    small_account.put_function_concurrency(FunctionName=f"{NAME}-kept", ReservedConcurrentExecutions=37)
    assert throttled(small_account, "long", seconds=2, times=4) == ["ConcurrentInvocationLimitExceeded"]
