"""Which schedule, jobs and logs are those of this stack's scheduled runs."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.fakes import STACK, Scheduler, client_error, make_context
from training import schedules
from training.context import Context
from training.watch import schedule

OURS = "s-monitor-0123456789abcdef"
THEIRS = "s-monitor-x-monitor-0123456789abcdef"  # of the stack s-monitor-x


class Lists:
    """SageMaker's processing jobs, or their log streams; the names are those of two stacks."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def get_paginator(self, operation: str) -> "Lists":
        assert operation in ("list_processing_jobs", "describe_log_streams")
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        if self.errors:
            raise self.errors.pop()
        jobs = [{"ProcessingJobName": name} for name in (OURS, THEIRS)]
        streams = [{"logStreamName": f"{name}/algo-1-1"} for name in (OURS, THEIRS)]
        return [{"ProcessingJobSummaries": jobs, "logStreams": streams}]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path, scheduler=Scheduler(), sagemaker=Lists(), logs=Lists())


def test_the_schedule_is_found_changed_and_deleted_twice(context: Context) -> None:
    wanted = {"Name": "s-monitor", "Description": schedule.description(STACK)}
    assert schedule.find(context) is None
    for expression in ("rate(1 day)", "rate(6 hours)"):
        schedules.put(context, {**wanted, "ScheduleExpression": expression})
        assert schedule.find(context) == expression
    schedule.delete(context)
    schedule.delete(context)
    assert schedule.find(context) is None


@pytest.mark.parametrize("change", [{"Description": "mine"}, {"State": "DISABLED"}])
def test_a_schedule_that_starts_none_of_our_runs_is_none(context: Context, change: dict[str, str]) -> None:
    wanted = {"Name": "s-monitor", "Description": schedule.description(STACK), "ScheduleExpression": "rate(1 day)"}
    schedules.put(context, wanted | change)
    assert schedule.find(context) is None


def test_the_name_of_another_stack_may_begin_alike(context: Context) -> None:
    assert schedule.running_jobs(context) == [OURS]
    assert schedule.log_streams(context) == [f"{OURS}/algo-1-1"]


def test_without_any_processing_job_there_is_no_log_group(tmp_path: Path) -> None:
    context = make_context(tmp_path, logs=Lists(client_error("ResourceNotFoundException")))
    assert schedule.log_streams(context) == []
