"""What is read of a stack, and what of it costs; each part may be forbidden."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import OURS, THEIRS, Scheduler, client_error, make_context, refuse
from tests.unit.training.versions import MARKER, VersionedBucket
from training import expiry
from training.context import Context
from training.status import parts
from training.status.costs import costs
from training.status.figures import figures
from training.status.parts import Stored, Unreadable

HOUR = timedelta(hours=1)
DENIED = client_error("AccessDeniedException", "not you")
GB = 2**30


@pytest.fixture
def s3() -> VersionedBucket:
    return VersionedBucket()


@pytest.fixture
def context(sagemaker: SageMaker, scheduler: Scheduler, s3: VersionedBucket, tmp_path: Path) -> Context:
    return make_context(tmp_path / "missing", sagemaker=sagemaker, scheduler=scheduler, s3=s3)


def add_job(sagemaker: SageMaker, name: str, tags: Any = OURS, status: str = "Completed", **fields: Any) -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    sagemaker.create_training_job(tags, status, TrainingJobName=name, ResourceConfig=resources)
    sagemaker.jobs[name] |= fields


def test_nothing_costs_nothing(context: Context) -> None:
    found = parts.read(context)
    assert (found.endpoints, found.schedules, found.jobs, found.stored) == ([], {}, [], {})
    known = costs(found)
    assert (known.per_day, known.so_far) == (0, 0)


def test_the_bucket_is_read_by_prefix_with_all_versions(context: Context, s3: VersionedBucket) -> None:
    s3.sizes = {"images/train/a.png": 3000, "images/b.png": MARKER, "captured/s/x.jsonl": 5, "notes.txt": 7}
    assert parts.read(context).stored == {
        "captured/": Stored(1, 5),
        "images/": Stored(2, 3000),
        "notes.txt": Stored(1, 7),
    }


def test_jobs_cost_what_is_billed(context: Context, sagemaker: SageMaker) -> None:
    add_job(sagemaker, "s-1", BillableTimeInSeconds=1800)
    add_job(sagemaker, "s-2-1", THEIRS, BillableTimeInSeconds=1800)
    (job,) = parts.read_jobs(context)
    assert (job.name, job.seconds) == ("s-1", 1800)
    assert job.usd == pytest.approx(0.115 / 2)


def test_a_job_under_way_costs_since_it_started(context: Context, sagemaker: SageMaker) -> None:
    add_job(sagemaker, "s-1", status="InProgress", TrainingStartTime=datetime.now(UTC) - HOUR)
    (job,) = parts.read_jobs(context)
    assert job.status == "InProgress"
    assert job.usd == pytest.approx(0.115, rel=0.01)


def test_an_endpoint_costs_since_it_was_created(context: Context, sagemaker: SageMaker, s3: VersionedBucket) -> None:
    sagemaker.serve("s", OURS, "ml.m5.xlarge")
    sagemaker.endpoints["s"]["CreationTime"] = datetime.now(UTC) - 10 * HOUR
    expiry.renew(context, HOUR)
    s3.sizes = {"models/m": 100 * GB}
    found = parts.read(context)
    known = costs(found)
    assert found.schedules == {"s-expiry": expiry.find(context)}
    assert known.endpoint_so_far == pytest.approx(2.3, rel=0.001)
    assert known.endpoint_per_day == pytest.approx(24 * 0.23)
    assert known.storage_per_day == pytest.approx(2.3 / 30.4, rel=0.01)
    assert known.prices_of is not None and known.prices_of.startswith("2026-")


def test_an_unknown_price_makes_the_sum_unknown(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", OURS, "ml.x9.large")
    known = costs(parts.read(context))
    assert (known.endpoint_per_day, known.per_day, known.so_far) == (None, None, None)
    assert known.storage_per_day == 0


@pytest.mark.parametrize(
    ("client", "operation", "part"),
    [
        ("sagemaker", "describe_endpoint", "endpoints"),
        ("scheduler", "get_schedule", "schedules"),
        ("sagemaker", "list_training_jobs", "jobs"),
        ("s3", "get_paginator", "stored"),
    ],
)
def test_a_part_that_may_not_be_read_hides_no_other(
    context: Context, sagemaker: SageMaker, client: str, operation: str, part: str
) -> None:
    add_job(sagemaker, "s-1", BillableTimeInSeconds=1800)
    refuse(getattr(context.clients, client), operation, DENIED)
    found = parts.read(context)
    unreadable = {name: value for name, value in vars(found).items() if isinstance(value, Unreadable)}
    assert list(unreadable) == [part]
    assert unreadable[part].reason.endswith("not you")
    told = figures(found)
    json_name = {"jobs": "training_jobs", "stored": "bucket"}.get(part, part)
    assert told[json_name] == {"not_readable": unreadable[part].reason}
    assert (told["usd"]["per_day"] is None) == (part in ("endpoints", "stored"))


def test_json_has_times_and_numbers(context: Context, sagemaker: SageMaker) -> None:
    sagemaker.serve("s", OURS, "ml.m5.xlarge")
    add_job(sagemaker, "s-1", BillableTimeInSeconds=1800)
    told = figures(parts.read(context))
    assert told["endpoints"][0]["since"] == "2026-01-01T00:00:00+00:00"
    assert told["endpoints"][0]["instances"] == {"ml.m5.xlarge": 1}
    assert told["training_jobs"][0]["seconds"] == 1800
    assert told["usd"]["per_day"] == pytest.approx(5.52)
