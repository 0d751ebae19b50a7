"""What cleanup leaves: named always, deleted only when the user wants that."""

import io
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.unit.training.fakes import OURS, REGION, ROLE, THEIRS, Stacks, client_error, make_context, printed, refuse
from training import remains
from training.context import Context

LOGS = "/aws/sagemaker/TrainingJobs"
MINE = "s3://photos/notes.txt (2 object versions)"
STREAMS = f"log streams of this stack's training jobs in {LOGS} (1)"


class Terminal(io.StringIO):
    """A stdin with somebody in front of it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def context(mocked_aws: None, tmp_path: Path) -> Context:
    """A stack with a foreign object of two versions, logs of its own job and another's, and SAM's own stack."""
    session = boto3.Session(region_name=REGION)
    clients: dict[str, Any] = {name: session.client(name) for name in ("s3", "sagemaker", "logs")}
    clients["s3"].create_bucket(Bucket="photos")
    clients["s3"].put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        clients["s3"].put_object(Bucket="photos", Key="notes.txt", Body=b"x")
    clients["logs"].create_log_group(logGroupName=LOGS)
    for name, tags in (("s-1", OURS), ("s-2-1", THEIRS)):
        add_job(clients["sagemaker"], name, tags)
        clients["logs"].create_log_stream(logGroupName=LOGS, logStreamName=f"{name}/algo-1-1")
    return make_context(tmp_path, **clients, cloudformation=Stacks(remains.SAM_STACK))


def add_job(sagemaker: Any, name: str, tags: list[dict[str, str]]) -> None:
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://photos/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        Tags=tags,
    )


def streams(context: Context) -> list[str]:
    return [one["logStreamName"] for one in context.clients.logs.describe_log_streams(logGroupName=LOGS)["logStreams"]]


def test_what_is_left_is_named_and_stays(context: Context) -> None:
    assert remains.offer(context, everything=False) == []
    assert printed(context).splitlines() == [
        f"Left: {MINE}: keeps `sam delete` from working",
        f"Left: {STREAMS}: stays after `sam delete`",
        "Left: the stack aws-sam-cli-managed-default with its bucket, which SAM shares among all applications: stays "
        "after `sam delete`",
        "To delete 2 of these, too, add --everything.",
    ]
    assert len(list(remains.find(context))) == 3


@pytest.mark.parametrize(("answer", "is_deleted"), [("y\n", True), ("YES\n", True), ("n\n", False), ("", False)])
def test_a_user_is_asked(context: Context, monkeypatch: pytest.MonkeyPatch, answer: str, is_deleted: bool) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert remains.offer(context, everything=False) == ([MINE, STREAMS] if is_deleted else [])
    assert "Delete 2 of these, too? [y/N] " in printed(context)


def test_everything_deletes_only_what_is_this_stack_s(context: Context) -> None:
    assert remains.offer(context, everything=True) == [MINE, STREAMS]
    assert streams(context) == ["s-2-1/algo-1-1"]
    assert [one.name for one in remains.find(context)] == [
        f"the stack {remains.SAM_STACK} with its bucket, which SAM shares among all applications"
    ]
    assert remains.offer(context, everything=True) == []


def test_nothing_left_is_nothing_to_ask(mocked_aws: None, tmp_path: Path) -> None:
    session = boto3.Session(region_name=REGION)
    clients: dict[str, Any] = {name: session.client(name) for name in ("s3", "sagemaker", "logs")}
    clients["s3"].create_bucket(Bucket="photos")
    context = make_context(tmp_path, **clients, cloudformation=Stacks())
    assert remains.offer(context, everything=False) == []
    assert printed(context) == ""


@pytest.mark.parametrize(
    ("client", "operation"),
    [("s3", "get_paginator"), ("logs", "describe_log_streams"), ("cloudformation", "describe_stacks")],
)
def test_what_may_not_be_read_hides_nothing_else(context: Context, client: str, operation: str) -> None:
    refuse(getattr(context.clients, client), operation, client_error("AccessDenied", "not you"))
    assert remains.offer(context, everything=False) == []
    told = printed(context)
    assert "Left: not readable: " in told and told.count("Left: ") == 3
