"""The endpoint in service: what it costs an hour, and when it ends."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import OURS, THEIRS, Scheduler, client_error, refuse
from training import expiry, running
from training.context import Context
from training.running import RunningEndpoint

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
HOURLY = 0.23  # of ml.m5.xlarge in us-east-1, in the table of prices
ENDPOINT = RunningEndpoint("s", "InService", {"ml.m5.xlarge": 1}, SINCE, HOURLY, None)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time zone of this machine."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def found(context: Context) -> RunningEndpoint:
    (endpoint,) = running.find_all(context)
    return endpoint


def test_an_endpoint_is_found_with_its_cost_and_its_end(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", OURS, "ml.m5.xlarge")
    expiry.renew(context, timedelta(hours=1))
    endpoint = found(context)
    assert endpoint == replace(ENDPOINT, expires_at=expiry.find(context))
    assert endpoint.expires_at is not None


def test_all_instances_that_serve_count(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", OURS, "ml.m5.xlarge", "ml.m5.large")
    sagemaker.endpoints["s"]["ProductionVariants"] = [{"VariantName": "ml.m5.xlarge", "CurrentInstanceCount": 3}]
    assert found(context).instances == {"ml.m5.xlarge": 3, "ml.m5.large": 1}
    assert found(context).usd_per_hour == pytest.approx(3 * HOURLY + 0.115)


def test_a_price_that_is_not_in_the_table_is_unknown(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", OURS, "ml.m5.xlarge", "ml.x9.large")
    assert found(context).usd_per_hour is None


def test_an_endpoint_that_failed_costs_nothing(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", OURS, "ml.m5.xlarge")
    sagemaker.endpoints["s"]["statuses"] = ["Failed"]
    assert (found(context).instances, found(context).usd_per_hour) == ({}, 0)


def test_another_stack_s_endpoint_is_none_of_ours(context: Context, sagemaker: SageMaker) -> None:
    assert running.find_all(context) == []
    sagemaker.serve("s", THEIRS, "ml.m5.xlarge")
    assert running.find_all(context) == []


def test_an_expiry_that_may_not_be_read_hides_nothing_else(
    context: Context, sagemaker: SageMaker, scheduler: Scheduler
) -> None:
    sagemaker.serve("s", OURS, "ml.m5.xlarge")
    refuse(scheduler, "get_schedule", client_error("AccessDeniedException", "not\nyou"))
    endpoint = found(context)
    assert endpoint.usd_per_hour == HOURLY
    assert endpoint.unreadable.endswith("not you")
    refuse(sagemaker, "describe_endpoint", client_error("AccessDeniedException", "not you"))
    with pytest.raises(ClientError, match="not you"):
        running.find_all(context)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "costs 0.23 USD an hour, 168 USD a month, on AWS and never ends by itself"),
        (
            {"expires_at": datetime(2999, 7, 1, 6, 30, tzinfo=UTC)},
            "costs 0.23 USD an hour on AWS and is deleted at 2999-07-01 08:30 CEST",
        ),
        (
            {"expires_at": datetime(2026, 1, 2, 6, 30, tzinfo=UTC)},
            "costs 0.23 USD an hour on AWS and was to be deleted at 2026-01-02 07:30 CET, but is still there",
        ),
        (
            {"unreadable": "not you"},
            "costs 0.23 USD an hour on AWS and ends nobody knows when, because its expiry is not readable: not you",
        ),
        ({"usd_per_hour": None}, "costs an unknown amount on AWS and never ends by itself"),
    ],
)
def test_the_notice_says_cost_and_end_in_local_time(berlin: None, changes: dict[str, object], sentence: str) -> None:
    endpoint = replace(ENDPOINT, **changes)  # type: ignore[arg-type]  # mixed values
    assert running.notices([endpoint], "CLEANUP") == [
        f"Endpoint s (1 x ml.m5.xlarge) {sentence}.",
        "To delete it now: CLEANUP",
    ]


def test_a_candidate_that_a_killed_run_left_is_told_too(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", OURS, "ml.m5.xlarge")
    sagemaker.serve("s-candidate", OURS, "ml.m5.large")
    first, second, _ = running.notices(running.find_all(context), "CLEANUP")
    assert first.startswith("Endpoint s (1 x ml.m5.xlarge)")
    assert second.startswith("Endpoint s-candidate (1 x ml.m5.large) costs 0.115 USD an hour")


def test_no_endpoint_is_no_notice() -> None:
    assert running.notices([], "CLEANUP") == []
