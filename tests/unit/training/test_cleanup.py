"""The cleanup step: everything that the stack's runs made goes, and nothing else."""

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.sagemaker.models import sagemaker_backends

from tests.unit.training.fakes import (
    ACCOUNT,
    REGION,
    ROLE,
    Scheduler,
    Stacks,
    client_error,
    make_context,
    printed,
    refuse,
)
from training import cleanup as step
from training import expiry, schedules
from training.config import INCOMING_PREFIX
from training.context import Context
from training.errors import CleanupError
from training.watch import schedule

OURS = [{"Key": "stack", "Value": "s"}]
THEIRS = [{"Key": "stack", "Value": "s-2"}]


@pytest.fixture
def context(mocked_aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setattr(step, "POLL_SECONDS", 0.0)
    session = boto3.Session(region_name=REGION)
    s3 = session.client("s3")
    s3.create_bucket(Bucket="photos")
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    clients: dict[str, Any] = {name: session.client(name) for name in ("sagemaker", "logs", "cloudwatch")}
    return make_context(tmp_path, s3=s3, scheduler=Scheduler(), cloudformation=Stacks(), **clients)


def put(context: Context, *keys: str) -> None:
    for key in keys:
        context.clients.s3.put_object(Bucket="photos", Key=key, Body=b"x")


def keys(context: Context) -> set[str]:
    versions = context.clients.s3.list_object_versions(Bucket="photos")
    return {one["Key"] for one in [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]}


def make_endpoint(sagemaker: Any, name: str, tags: list[dict[str, str]]) -> None:
    sagemaker.create_model(ModelName=f"{name}-model", ExecutionRoleArn=ROLE, Tags=tags)
    variant = {
        "VariantName": "A",
        "ModelName": f"{name}-model",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-config", ProductionVariants=[variant], Tags=tags)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-config", Tags=tags)


def test_what_costs_money_goes_first(context: Context) -> None:
    make_endpoint(context.clients.sagemaker, "s", OURS)
    put(context, "captured/s/AllTraffic/2026/01/01/00/a.jsonl", "lists/train.lst", "images/test/a.png", "models/s-1/m")
    put(context, "watch/state.json", "reports/latest/report.html")
    for name in ("s", "s-candidate"):
        expiry.renew(replace(context, stack=replace(context.stack, endpoint_name=name)), timedelta(hours=1))
        context.clients.logs.create_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name}")
    schedules.put(context, {"Name": "s-monitor", "Description": schedule.description(context.stack)})
    assert step.cleanup(context) == [
        "schedule s-monitor",
        "endpoint s",
        "schedule s-expiry",
        "schedule s-candidate-expiry",
        "endpoint configuration s-config",
        "model s-model",
        "s3://photos/captured/s/ (1 object versions)",
        "s3://photos/lists/ (1 object versions)",
        "s3://photos/models/ (1 object versions)",
        "s3://photos/watch/ (1 object versions)",
        "s3://photos/reports/ (1 object versions)",
        "s3://photos/images/test/ (1 object versions)",
        "log group /aws/sagemaker/Endpoints/s",
        "log group /aws/sagemaker/Endpoints/s-candidate",
    ]


class Batches:
    """Step Functions with running batches, by their ARNs."""

    def __init__(self, *names: str) -> None:
        self.running = {f"arn:aws:states:us-east-1:1:execution:m:{name}": name for name in names}
        self.stopped: list[str] = []

    def get_paginator(self, operation: str) -> "Batches":
        assert operation == "list_executions"
        return self

    def paginate(self, stateMachineArn: str, statusFilter: str) -> list[dict[str, Any]]:
        assert (stateMachineArn, statusFilter) == ("arn:machine", "RUNNING")
        return [{"executions": [{"name": name, "executionArn": arn}]} for arn, name in self.running.items()]

    def stop_execution(self, executionArn: str, **_: str) -> None:
        self.stopped.append(self.running.pop(executionArn))

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        return {"status": "RUNNING" if executionArn in self.running else "ABORTED"}


def with_batches(context: Context, batches: Batches) -> Context:
    context.clients.stepfunctions = batches  # type: ignore[assignment]
    return replace(context, stack=replace(context.stack, batch_machine_arn="arn:machine"))


def test_running_batches_are_stopped_before_anything_is_deleted(context: Context) -> None:
    batches = Batches("one", "two")
    put(context, "lists/train.lst")
    assert step.cleanup(with_batches(context, batches))[:2] == ["batch one (stopped)", "batch two (stopped)"]
    assert batches.stopped == ["one", "two"]


def test_who_may_not_list_batches_may_clean_up(context: Context) -> None:
    batches = Batches("one")
    refuse(batches, "paginate", *[client_error("AccessDeniedException")] * 2)
    put(context, "lists/train.lst")
    assert step.cleanup(with_batches(context, batches)) == ["s3://photos/lists/ (1 object versions)"]


def test_manifests_and_verdicts_of_batches_go(context: Context) -> None:
    put(context, "manifests/b.jsonl", "verdicts/b/1/manifest.json", "verdicts/b/1/SUCCEEDED_0.json")
    assert step.cleanup(context) == [
        "s3://photos/manifests/ (1 object versions)",
        "s3://photos/verdicts/ (2 object versions)",
    ]


def test_verdicts_on_uploads_go_and_the_uploads_themselves_are_left_for_the_user_to_decide(context: Context) -> None:
    put(context, "verdicts/uploads/date=2026-11-21/0-v.jsonl", f"{INCOMING_PREFIX}/a.png")
    assert step.cleanup(context) == ["s3://photos/verdicts/ (1 object versions)"]
    assert "Left: s3://photos/incoming/ (1 object versions)" in printed(context)


def test_photos_of_traffic_go(context: Context) -> None:
    put(
        context,
        "images/traffic/n/000001.png",
        f"{INCOMING_PREFIX}/traffic/n/000001.png",
        f"{INCOMING_PREFIX}/traffic.png",
    )
    assert step.cleanup(context) == [
        "s3://photos/images/traffic/ (1 object versions)",
        "s3://photos/incoming/traffic/ (1 object versions)",
    ]
    assert keys(context) == {f"{INCOMING_PREFIX}/traffic.png"}


def test_a_second_time_there_is_nothing_to_delete(context: Context) -> None:
    make_endpoint(context.clients.sagemaker, "s", OURS)
    assert step.cleanup(context)
    assert step.cleanup(context) == []
    assert "There was nothing to delete" in printed(context)


def test_what_others_made_stays(context: Context) -> None:
    make_endpoint(context.clients.sagemaker, "s-2", THEIRS)
    put(context, "captured/s-2/AllTraffic/a.jsonl", "images/mine.png", "images/testing/a.png", "notes.txt")
    context.clients.logs.create_log_group(logGroupName="/aws/sagemaker/Endpoints/s-2")
    assert step.cleanup(context) == []
    assert keys(context) == {"captured/s-2/AllTraffic/a.jsonl", "images/mine.png", "images/testing/a.png", "notes.txt"}


def test_all_versions_of_more_than_a_page_of_objects_go(context: Context, small_pages: int) -> None:
    for number in range(2 * small_pages + 1):
        put(context, f"images/train/{number}.png")
    context.clients.s3.delete_object(Bucket="photos", Key="images/train/0.png")
    assert step.cleanup(context) == ["s3://photos/images/train/ (12 object versions)"]
    assert keys(context) == set()


def test_what_is_left_is_named(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    put(context, "lists/train.lst")
    monkeypatch.setattr(step, "delete_objects", lambda *_: None)
    with pytest.raises(CleanupError, match=r"left s3://photos/lists/ \(1 object versions\): run it again"):
        step.cleanup(context)


def make_job(sagemaker: Any, name: str, status: str, tags: list[dict[str, str]]) -> None:
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://photos/models"},
        ResourceConfig={"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        Tags=tags,
    )
    sagemaker_backends[ACCOUNT][REGION].training_jobs[name].training_job_status = status


def test_only_this_stack_s_running_jobs_are_stopped(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    sagemaker = context.clients.sagemaker
    jobs = sagemaker_backends[ACCOUNT][REGION].training_jobs
    make_job(sagemaker, "s-1", "InProgress", OURS)
    make_job(sagemaker, "s-2", "Completed", OURS)
    make_job(sagemaker, "s-3", "Failed", OURS)
    make_job(sagemaker, "s-2-1", "InProgress", THEIRS)
    stopped = []

    def stop(TrainingJobName: str) -> None:  # moto has no StopTrainingJob
        stopped.append(TrainingJobName)
        jobs[TrainingJobName].training_job_status = "Stopped"

    monkeypatch.setattr(sagemaker, "stop_training_job", stop)
    assert step.cleanup(context) == ["training job s-1 (stopped)"]
    assert stopped == ["s-1"]


def test_an_endpoint_is_deleted_when_it_no_longer_changes(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    make_endpoint(context.clients.sagemaker, "s", OURS)
    endpoint = sagemaker_backends[ACCOUNT][REGION].endpoints["s"]
    endpoint.endpoint_status = "Updating"
    polls = []

    def sleep(_: float) -> None:
        polls.append(endpoint.endpoint_status)
        endpoint.endpoint_status = "InService"

    # In place of the module: threads that other tests have left sleep, too.
    monkeypatch.setattr("training.cleanup.time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    assert step.cleanup(context)[0] == "endpoint s"
    assert polls == ["Updating"]


def test_a_deletion_that_does_not_end_is_reported(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    make_endpoint(context.clients.sagemaker, "s", OURS)
    monkeypatch.setattr(context.clients.sagemaker, "delete_endpoint", lambda **_: None)
    monkeypatch.setattr(step, "WAIT_SECONDS", 0)
    with pytest.raises(CleanupError, match="has not ended after 0 s: run cleanup again"):
        step.cleanup(context)


# The expiry and late captures ------------------------------------------------------------------------------------


def test_a_schedule_of_another_stack_stays(context: Context) -> None:
    expiry.renew(context, timedelta(hours=1))
    schedules = context.clients.scheduler.schedules  # type: ignore[attr-defined]  # a fake
    schedules["s-expiry"]["Description"] = "Deletes the endpoint s of the stack s-2"
    assert step.cleanup(context) == []
    assert list(schedules) == ["s-expiry"]


def test_a_schedule_that_may_not_be_read_does_not_stop_cleanup(context: Context) -> None:
    make_endpoint(context.clients.sagemaker, "s", OURS)
    put(context, "lists/train.lst")
    denied = client_error("AccessDeniedException", "not you")
    refuse(context.clients.scheduler, "get_schedule", *[denied] * 5)
    assert step.cleanup(context)[-1] == "s3://photos/lists/ (1 object versions)"
    assert "Whether there is a schedule s-expiry is not readable" in printed(context)


def test_captures_that_arrive_meanwhile_are_deleted_too(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    make_endpoint(context.clients.sagemaker, "s", OURS)
    delete_log_group = context.clients.logs.delete_log_group
    context.clients.logs.create_log_group(logGroupName="/aws/sagemaker/Endpoints/s")

    def capture_late(logGroupName: str) -> None:
        put(context, "captured/s/AllTraffic/2026/01/01/00/late.jsonl")
        delete_log_group(logGroupName=logGroupName)

    monkeypatch.setattr(context.clients.logs, "delete_log_group", capture_late)
    assert step.cleanup(context)[-1] == "s3://photos/captured/s/ (1 object versions)"
    assert keys(context) == set()
    assert "can arrive for some minutes more: run cleanup again before `sam delete`" in printed(context)


def test_without_an_endpoint_no_captures_arrive(context: Context) -> None:
    put(context, "lists/train.lst")
    step.cleanup(context)
    assert "can arrive" not in printed(context)


def test_the_schedule_of_monitor_of_another_stack_stays(context: Context) -> None:
    schedules.put(
        context, {"Name": "s-monitor", "Description": "Watches what the endpoint s of the stack s-2 captures"}
    )
    assert step.cleanup(context) == []


def test_runs_of_monitor_are_stopped_after_their_schedule(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    schedules.put(context, {"Name": "s-monitor", "Description": schedule.description(context.stack)})
    running, stopped = ["s-monitor-0123456789abcdef"], list[str]()
    monkeypatch.setattr(schedule, "running_jobs", lambda _: list(running))
    monkeypatch.setattr(step, "stop_run", lambda _, name: stopped.append(running.pop(running.index(name))))
    assert step.cleanup(context) == ["schedule s-monitor", "run of monitor s-monitor-0123456789abcdef (stopped)"]
    assert stopped == ["s-monitor-0123456789abcdef"]


def test_somebody_who_may_not_look_for_runs_of_monitor_can_clean_up(context: Context) -> None:
    refuse(context.clients.sagemaker, "get_paginator", client_error("AccessDeniedException"))
    put(context, "lists/train.lst")
    assert list(step.scheduled_runs(context)) == []
