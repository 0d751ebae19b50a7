from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console

from training import cleanup as step
from training.config import Stack
from training.errors import CleanupError

STACK = Stack("s", "us-east-1", "photos", "arn:aws:iam::123456789012:role/r", "s", "arn:machine", 0.93)
OURS = [{"Key": "stack", "Value": "s"}]
THEIRS = [{"Key": "stack", "Value": "s-2"}]


@pytest.fixture
def clients(mocked_aws: None, monkeypatch: pytest.MonkeyPatch) -> step.Clients:
    monkeypatch.setattr(step, "POLL_SECONDS", 0.0)
    sagemaker, s3, logs = (boto3.client(name, region_name="us-east-1") for name in ("sagemaker", "s3", "logs"))  # type: ignore[call-overload]
    s3.create_bucket(Bucket="photos")
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    return step.Clients(sagemaker, s3, logs)


def clean(clients: step.Clients, directory: Path) -> list[str]:
    with (directory / "console").open("w") as file:
        return step.cleanup(STACK, clients, Console(file=file))


def put(clients: step.Clients, *keys: str) -> None:
    for key in keys:
        clients.s3.put_object(Bucket="photos", Key=key, Body=b"x")


def keys(clients: step.Clients) -> set[str]:
    versions = clients.s3.list_object_versions(Bucket="photos")
    return {one["Key"] for one in [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]}


def make_endpoint(sagemaker: Any, name: str, tags: list[dict[str, str]]) -> None:
    sagemaker.create_model(ModelName=f"{name}-model", ExecutionRoleArn=STACK.execution_role_arn, Tags=tags)
    variant = {
        "VariantName": "A",
        "ModelName": f"{name}-model",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-config", ProductionVariants=[variant], Tags=tags)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-config", Tags=tags)


def test_what_costs_money_goes_first(clients: step.Clients, tmp_path: Path) -> None:
    make_endpoint(clients.sagemaker, "s", OURS)
    put(clients, "captured/s/AllTraffic/2026/01/01/00/a.jsonl", "lists/train.lst", "images/test/a.png", "models/s-1/m")
    clients.logs.create_log_group(logGroupName="/aws/sagemaker/Endpoints/s")
    assert clean(clients, tmp_path) == [
        "endpoint s",
        "endpoint configuration s-config",
        "model s-model",
        "s3://photos/captured/s/ (1 object versions)",
        "s3://photos/lists/ (1 object versions)",
        "s3://photos/models/ (1 object versions)",
        "s3://photos/images/test/ (1 object versions)",
        "log group /aws/sagemaker/Endpoints/s",
    ]


def test_a_second_time_there_is_nothing_to_delete(clients: step.Clients, tmp_path: Path) -> None:
    make_endpoint(clients.sagemaker, "s", OURS)
    assert clean(clients, tmp_path)
    assert clean(clients, tmp_path) == []
    assert "There was nothing to delete" in (tmp_path / "console").read_text()


def test_what_others_made_stays(clients: step.Clients, tmp_path: Path) -> None:
    make_endpoint(clients.sagemaker, "s-2", THEIRS)
    put(clients, "captured/s-2/AllTraffic/a.jsonl", "images/mine.png", "images/testing/a.png", "notes.txt")
    clients.logs.create_log_group(logGroupName="/aws/sagemaker/Endpoints/s-2")
    assert clean(clients, tmp_path) == []
    assert keys(clients) == {"captured/s-2/AllTraffic/a.jsonl", "images/mine.png", "images/testing/a.png", "notes.txt"}


def test_all_versions_of_more_than_a_page_of_objects_go(clients: step.Clients, tmp_path: Path) -> None:
    for number in range(1001):
        put(clients, f"images/train/{number}.png")
    clients.s3.delete_object(Bucket="photos", Key="images/train/0.png")
    assert clean(clients, tmp_path) == ["s3://photos/images/train/ (1002 object versions)"]
    assert keys(clients) == set()


def test_what_is_left_is_named(clients: step.Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(clients, "lists/train.lst")
    monkeypatch.setattr(step, "delete_objects", lambda *_: None)
    with pytest.raises(CleanupError, match=r"left s3://photos/lists/ \(1 object versions\): run it again"):
        clean(clients, tmp_path)
