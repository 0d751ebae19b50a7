"""After a deployment the schedule's runs look at what is deployed now."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.fakes import MODEL, ROLE, Bucket, Scheduler, client_error, make_context, printed, refuse
from tests.unit.training.watch import captured
from training.checks.limits import Limits
from training.context import Context
from training.options import MonitorOptions
from training.results import Deployment as Deployed
from training.results import load, save
from training.watch import renewal, step
from training.watch.settings import NAME

STACK = replace(captured.STACK, watch_role_arn="arn:aws:iam::123456789012:role/w", execution_role_arn=ROLE)
RATE = "rate(6 hours)"
NOW = datetime(2026, 5, 6, 7, 8, tzinfo=UTC)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A context after a deployment of another model; runs of monitor are scheduled for the one before."""
    captured.hand_over(tmp_path, STACK)
    context = make_context(tmp_path, STACK, scheduler=Scheduler(), s3=Bucket())
    options = MonitorOptions(schedule=RATE, limits=Limits(min_accuracy=0.8, max_refused_share=0.4))
    step.schedule_monitoring(context, options)
    context.console.file.truncate(0)
    deployed(context)
    return context


def deployed(context: Context, capture_percentage: int = 100) -> None:
    """Leave what `train` and `deploy` leave: the results of the last test are void."""
    deployment = load(context.directory, "deploy", Deployed)
    save(context.directory, "train", replace(MODEL, training_job_name="s-job-2"), 1.0)
    new = replace(deployment, endpoint_config_name="s-config-2", capture_percentage=capture_percentage)
    save(context.directory, "deploy", new, 1.0)


def schedule(context: Context) -> dict[str, Any]:
    found: dict[str, Any] = context.clients.scheduler.schedules["s-monitor"]  # type: ignore[attr-defined]  # a fake
    return found


def run_prefix(context: Context) -> str:
    inputs = json.loads(schedule(context)["Target"]["Input"])["ProcessingInputs"]
    return str(inputs[1]["S3Input"]["S3Uri"]).removeprefix("s3://photos/")


def objects(context: Context) -> dict[str, bytes]:
    found: dict[str, bytes] = context.clients.s3.objects  # type: ignore[attr-defined]  # a fake
    return found


def test_the_runs_look_at_the_new_model_s_captures_as_often_as_before(context: Context) -> None:
    before = run_prefix(context)
    renewal.renew(context, NOW)
    prefix = run_prefix(context)
    assert prefix != before and schedule(context)["ScheduleExpression"] == RATE
    assert b"s-job-2" in objects(context)[f"{prefix}results/train.json"]
    given = json.loads(objects(context)[prefix + NAME])
    assert (given["since"], given["limits"]["min_accuracy"], given["limits"]["max_refused_share"]) == (
        NOW.isoformat(),
        0.8,
        0.4,
    )
    assert printed(context).count("\n") == 1
    assert f"Scheduled runs of monitor ({RATE}) compare with s-job-2 from now on." in printed(context)


def test_what_was_changed_of_the_schedule_stays(context: Context) -> None:
    schedule(context).update(State="DISABLED", ScheduleExpressionTimezone="Europe/Paris", Arn="arn:of:a:reply")
    renewal.renew(context, NOW)
    found = schedule(context)
    assert (found["State"], found["ScheduleExpressionTimezone"]) == ("DISABLED", "Europe/Paris")
    assert "Arn" not in found


@pytest.mark.parametrize("change", [{}, {"Description": "mine"}])
def test_without_a_schedule_of_this_stack_nothing_is_done(context: Context, change: dict[str, str]) -> None:
    schedules = context.clients.scheduler.schedules  # type: ignore[attr-defined]  # a fake
    found = schedules.pop("s-monitor")
    if change:
        schedules["s-monitor"] = found | change
    renewal.renew(context, NOW)
    assert context.clients.scheduler.calls == ["create"]  # type: ignore[attr-defined]  # of the fixture
    assert printed(context).strip("\0") == ""


def test_an_endpoint_that_captures_nothing_keeps_the_schedule_as_it_is(context: Context) -> None:
    deployed(context, capture_percentage=0)
    before = dict(schedule(context))
    renewal.renew(context, NOW)
    assert schedule(context) == before
    assert "find nothing from now on: the endpoint captures nothing" in printed(context)


@pytest.mark.parametrize("operation", ["get_schedule", "update_schedule"])
def test_a_deployment_does_not_fail_when_the_caller_may_not_schedule(context: Context, operation: str) -> None:
    refuse(context.clients.scheduler, operation, client_error("AccessDeniedException", "not you"))
    renewal.renew(context, NOW)
    assert "still compare with the model before (" in printed(context) and "not you" in printed(context)
    assert "`python training/run.py monitor --stack-name s" in printed(context)


@pytest.mark.parametrize("content", [None, b"{}", b"[]", b"\xff", b'{"limits": {"unknown": 1}}'])
def test_without_their_limits_the_runs_are_left_as_they_are(context: Context, content: bytes | None) -> None:
    key = run_prefix(context) + NAME
    del objects(context)[key]
    if content is not None:
        objects(context)[key] = content
    before = dict(schedule(context))
    renewal.renew(context, NOW)
    assert schedule(context) == before
    assert "their limits" in printed(context)


def test_an_error_that_may_pass_ends_the_step(context: Context) -> None:
    refuse(context.clients.scheduler, "get_schedule", client_error("InternalServerException"))
    with pytest.raises(type(client_error("x"))):
        renewal.renew(context, NOW)
