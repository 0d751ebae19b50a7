"""What the tests of batches share: a stack with a bucket, and a Step Functions that runs one batch."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import OURS, STACK, Clock, Scheduler, client_error, make_context
from training.batch import progress
from training.context import Context

MACHINE = "arn:aws:states:us-east-1:1:stateMachine:s-batchClassification"
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
MAP_RUN = "arn:aws:states:us-east-1:1:mapRun:s-batchClassification/prefix:1"
ACCEPTED = {
    "s3_key": "a",
    "version": None,
    "accepted": True,
    "class": 1,
    "confidence": 0.95,
    "inferences": [0.05, 0.95],
}
REFUSED = {"s3_key": "b", "version": "v", "accepted": False, "class": 0, "confidence": 0.6, "inferences": [0.6, 0.4]}
BROKEN = {"s3_key": "=c", "version": None, "error": "InvalidImageError", "cause": "no image"}


class BatchMachine:
    """Step Functions with one machine: its executions classify `speed` photos each time that they are described."""

    def __init__(self, total: int = 0, speed: int = 10**9) -> None:
        self.total = total
        self.speed = speed
        self.end: dict[str, Any] = {"status": "SUCCEEDED"}
        self.started: dict[str, dict[str, Any]] = {}  # the requests, by the executions' ARNs
        self.done = 0
        self.late = 0  # descriptions before which AWS does not know the execution

    def start_execution(self, **request: Any) -> dict[str, Any]:
        arn = f"{MACHINE.replace(':stateMachine:', ':execution:')}:{request['name']}"
        self.started[arn] = {**request, "input": json.loads(request["input"])}
        return {"executionArn": arn, "startDate": STARTED}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        self.late -= 1
        if self.late >= 0 or executionArn not in self.started:
            raise client_error("ExecutionDoesNotExist", "Execution Does Not Exist")
        if self.done < self.total:
            self.done = min(self.total, self.done + self.speed)
            return {"status": "RUNNING", "startDate": STARTED}
        return {"startDate": STARTED, "stopDate": STARTED + timedelta(seconds=20), **self.end}

    def list_map_runs(self, executionArn: str) -> dict[str, Any]:
        return {"mapRuns": [{"mapRunArn": MAP_RUN}] if self.done or not self.total else []}

    def describe_map_run(self, mapRunArn: str) -> dict[str, Any]:
        assert mapRunArn == MAP_RUN
        counts = dict.fromkeys(("pending", "running", "failed", "timedOut", "aborted", "resultsWritten"), 0)
        return {"itemCounts": {**counts, "succeeded": self.done, "total": self.total}}


class Account:
    """Lambda with a concurrency."""

    def __init__(self, concurrency: int = 1000) -> None:
        self.concurrency = concurrency

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.concurrency}}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def machine() -> BatchMachine:
    return BatchMachine()


@pytest.fixture
def s3(mocked_aws: None) -> Iterator[Any]:
    client = boto3.client("s3")
    client.create_bucket(Bucket="photos")
    yield client


@pytest.fixture
def context(s3: Any, machine: BatchMachine, clock: Clock, tmp_path: Path, sagemaker: SageMaker) -> Context:
    sagemaker.serve("s", OURS, "ml.m5.large")
    sagemaker.tags[sagemaker.endpoints["s"]["EndpointArn"]] = OURS
    stack = replace(STACK, batch_machine_arn=MACHINE)
    return make_context(
        tmp_path,
        stack,
        s3=s3,
        stepfunctions=machine,
        lambda_=Account(),
        sagemaker=sagemaker,
        scheduler=Scheduler(),
    )


def lines(*entries: Any) -> bytes:
    return "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()


def child(*keys: str, **fields: Any) -> dict[str, Any]:
    """Return what Step Functions writes of a child that did not succeed."""
    return {
        "Input": json.dumps({"BatchInput": {}, "Items": [{"s3_key": key, "version": None} for key in keys]}),
        **fields,
    }


def write_verdicts(s3: Any, name: str, **bodies: bytes) -> None:
    """Write the files of a batch, by kind, and their manifest."""
    files: dict[str, list[dict[str, Any]]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
    for kind, body in bodies.items():
        key = f"verdicts/{name}/1/{kind}_0.json"
        s3.put_object(Bucket="photos", Key=key, Body=body)
        files[kind].append({"Key": key, "Size": len(body)})
    manifest = json.dumps({"ResultFiles": files}).encode()
    s3.put_object(Bucket="photos", Key=f"verdicts/{name}/1/manifest.json", Body=manifest)
