"""`monitor --schedule`: the requests, what is staged, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from localcloud.sagemaker.validation import violations
from tests.unit.training.fakes import ROLE, Bucket, Scheduler, client_error, make_context, printed, refuse
from tests.unit.training.watch import captured
from training.checks.limits import Limits
from training.context import Context
from training.errors import CaptureError, StackError, StepNotRunError
from training.options import MonitorOptions
from training.results import save
from training.watch import schedule as schedules
from training.watch import settings as settings_file
from training.watch import step

WATCH_ROLE = "arn:aws:iam::123456789012:role/w"
STACK = replace(captured.STACK, watch_role_arn=WATCH_ROLE, execution_role_arn=ROLE)
DAILY = MonitorOptions(schedule="rate(1 day)")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    captured.hand_over(tmp_path, STACK)
    return make_context(tmp_path, STACK, scheduler=Scheduler(), s3=Bucket())


def put(context: Context, options: MonitorOptions = DAILY) -> dict[str, Any]:
    step.schedule_monitoring(context, options)
    found: dict[str, Any] = context.clients.scheduler.schedules["s-monitor"]  # type: ignore[attr-defined]  # a fake
    return found


def objects(context: Context) -> dict[str, bytes]:
    found: dict[str, bytes] = context.clients.s3.objects  # type: ignore[attr-defined]  # a fake
    return found


def test_the_requests_are_ones_that_aws_knows(context: Context) -> None:
    schedule = put(context)
    shape = boto3.client("scheduler", "us-east-1").meta.service_model.operation_model("CreateSchedule").input_shape
    assert shape is not None
    assert ParamValidator().validate(schedule, shape).generate_report() == ""
    assert schedule["ScheduleExpression"] == "rate(1 day)"
    target = schedule["Target"]
    assert (target["Arn"], target["RoleArn"]) == (
        "arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob",
        WATCH_ROLE,
    )
    job = json.loads(target["Input"].replace("<aws.scheduler.execution-id>", "d32c5kddcf5bb8c3"))
    model = boto3.client("sagemaker", "us-east-1").meta.service_model.operation_model("CreateProcessingJob")
    assert model.input_shape is not None
    assert list(violations(job, model.input_shape, "")) == []
    assert job["ProcessingJobName"] == "s-monitor-d32c5kddcf5bb8c3"
    assert (job["RoleArn"], job["Tags"]) == (ROLE, [{"Key": "stack", "Value": "s"}])
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800}  # as long as a run's lease


def test_the_longest_names_fit(context: Context) -> None:
    stack = replace(STACK, name="s" * step.LONGEST_STACK, endpoint_name="e" * 47)
    name = step.job(stack, "s3://b/c/", "s3://b/m/")["ProcessingJobName"]
    assert len(name.replace("<aws.scheduler.execution-id>", "d32c5kddcf5bb8c3")) == 63
    assert len(schedules.schedule_name(stack)) <= 64


def test_what_is_staged_is_what_the_run_reads(context: Context, tmp_path: Path) -> None:
    put(context, replace(DAILY, limits=Limits(min_accuracy=0.9)))
    program, given = (one["S3Input"]["S3Uri"] for one in job_of(context)["ProcessingInputs"])
    assert program.startswith("s3://photos/code/") and given.startswith("s3://photos/watch/")
    assert program.removeprefix("s3://photos/") + "watch.zip" in objects(context)
    prefix = given.removeprefix("s3://photos/")
    for key, content in objects(context).items():
        if key.startswith(prefix):
            path = tmp_path / "read" / key.removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    found = settings_file.read(tmp_path / "read")
    assert (found.stack, found.limits) == (STACK, Limits(min_accuracy=0.9))
    assert found.since == captured.START
    assert (tmp_path / "read" / "profiles" / "s-job.json").exists()
    assert found.results.dataset.directory == str(tmp_path / "read" / "dataset")


def job_of(context: Context) -> dict[str, Any]:
    schedules = context.clients.scheduler.schedules  # type: ignore[attr-defined]  # a fake
    job: dict[str, Any] = json.loads(schedules["s-monitor"]["Target"]["Input"])
    return job


def test_putting_it_again_sends_nothing_new(context: Context) -> None:
    first = put(context)
    before = dict(objects(context))
    assert put(context) == first and objects(context) == before


def test_never_ends_it(context: Context) -> None:
    put(context)
    never = MonitorOptions(schedule=None)
    assert step.schedule_monitoring(context, never) == {"name": "s-monitor", "expression": None}
    assert step.schedule_monitoring(context, never)["expression"] is None
    assert context.clients.scheduler.schedules == {}  # type: ignore[attr-defined]  # a fake


def test_the_cost_and_the_place_of_the_report_are_told(context: Context) -> None:
    put(context)
    assert "rate(1 day), about 0.01 USD a run" in printed(context)
    assert "s3://photos/reports/latest/report.html" in printed(context)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"watch_role_arn": ""}, "run `sam build && sam deploy` again"), ({"name": "s" * 39}, "has 39 characters")],
)
def test_a_stack_that_cannot_start_runs_is_refused(context: Context, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StackError, match=sentence):
        step.schedule_monitoring(replace(context, stack=replace(STACK, **changes)), DAILY)


def test_an_endpoint_that_captures_nothing_is_refused(context: Context) -> None:
    results = settings_file.read_results(context.directory)
    save(context.directory, "deploy", replace(results.deployment, capture_percentage=0), 1.0)
    save(context.directory, "test", results.executions, 1.0)
    with pytest.raises(CaptureError, match="captures nothing"):
        step.schedule_monitoring(context, DAILY)


def test_the_steps_come_first(tmp_path: Path) -> None:
    with pytest.raises(StepNotRunError, match="stage"):
        step.schedule_monitoring(make_context(tmp_path, STACK), DAILY)


def test_a_caller_who_may_not_schedule_is_told_what_to_do(context: Context) -> None:
    refuse(context.clients.scheduler, "update_schedule", client_error("AccessDeniedException", "not you"))
    with pytest.raises(StackError, match=r"not you.*WatchPolicy"):
        step.schedule_monitoring(context, DAILY)
