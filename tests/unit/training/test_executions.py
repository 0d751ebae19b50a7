import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console

from training import executions as step
from training.config import Stack
from training.errors import DatasetError, ExecutionsError

STACK = Stack("s", "us-east-1", "photos", "arn:role", "scones", "arn:machine", 0.93)


@pytest.fixture
def s3(mocked_aws: None) -> Any:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="photos")
    return client


class Account:
    """Lambda and Step Functions of an account: executions end one poll after they were started."""

    def __init__(self, concurrency: int, errors: dict[str, str]) -> None:
        self._concurrency = concurrency
        self._errors = errors  # by s3_key
        self.executions: dict[str, dict[str, Any]] = {}
        self.most_at_once = 0

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self._concurrency}}

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:
        assert name not in self.executions
        started = datetime.now(UTC)
        self.executions[name] = {
            "name": name, "executionArn": name, "status": "RUNNING", "startDate": started, "input": json.loads(input),
        }  # fmt: skip
        running = [one for one in self.executions.values() if one["status"] == "RUNNING"]
        self.most_at_once = max(self.most_at_once, len(running))

    def get_paginator(self, operation: str) -> "Account":
        assert operation == "list_executions"
        return self

    def paginate(self, stateMachineArn: str, statusFilter: str) -> list[dict[str, Any]]:
        found = [dict(one) for one in self.executions.values() if one["status"] == statusFilter]
        if statusFilter == "RUNNING":
            for one in self.executions.values():
                error = self._errors.get(one["input"]["s3_key"])
                if one["status"] == "RUNNING":
                    one |= {"status": "FAILED" if error else "SUCCEEDED", "error": error}
                    one["stopDate"] = one["startDate"] + timedelta(seconds=1)
        return [{"executions": found[:2]}, {"executions": found[2:]}]

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        return {"error": self.executions[executionArn]["error"], "cause": "because"}


def run(s3: Any, account: Account, directory: Path, executions: int, concurrency: int = 50) -> Any:
    clients = step.Clients(s3, account, account)  # type: ignore[arg-type]
    with (directory / "console").open("w") as file:
        return step.test(STACK, executions, concurrency, 0, directory, clients, Console(file=file))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step.time, "sleep", lambda _: None)


@pytest.fixture
def images(s3: Any) -> list[str]:
    keys = [f"images/test/{number}.png" for number in range(6)]
    for key in [*keys, "images/test.lst", "images/tests/other.png", "images/train/1.png"]:
        s3.put_object(Bucket="photos", Key=key, Body=b"")
    return keys


def test_outcomes_are_told_apart(s3: Any, images: list[str], tmp_path: Path) -> None:
    account = Account(1000, {images[0]: "ThresholdConfidenceNotMetError", images[1]: "InvalidImageError"})
    result = run(s3, account, tmp_path, 6)
    assert (result.started, result.succeeded, result.below_threshold, result.failed) == (6, 4, 1, 1)
    outcomes = (tmp_path / "executions.csv").read_text()
    assert f"{images[1]},failed,InvalidImageError,because,1.0" in outcomes


def test_only_test_images_are_used_and_all_of_them_first(s3: Any, images: list[str], tmp_path: Path) -> None:
    account = Account(1000, {})
    run(s3, account, tmp_path, 12)
    used = [one["input"]["s3_key"] for one in account.executions.values()]
    assert sorted(used[:6]) == sorted(used[6:]) == images


@pytest.mark.parametrize(("concurrency", "account_limit", "most"), [(3, 1000, 3), (50, 2, 2)])
def test_no_more_run_at_once_than_allowed(
    s3: Any, images: list[str], tmp_path: Path, concurrency: int, account_limit: int, most: int
) -> None:
    account = Account(account_limit, {})
    assert run(s3, account, tmp_path, 20, concurrency).started == 20
    assert 1 <= account.most_at_once <= most


def test_events_are_written_and_old_ones_go(s3: Any, images: list[str], tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "old.json").write_text("{}")
    run(s3, Account(1000, {}), tmp_path, 3)
    events = [json.loads(path.read_text()) for path in (tmp_path / "events").glob("*.json")]
    assert len(events) == 3
    assert all(event["s3_key"] in images and event["s3_bucket"] == "photos" for event in events)


def test_the_choice_is_the_seed_s() -> None:
    keys = [str(number) for number in range(100)]
    assert step.choose(keys, 10, 1) == step.choose(keys, 10, 1) != step.choose(keys, 10, 2)


def test_more_than_a_page_of_images_is_listed(s3: Any) -> None:
    for number in range(1001):
        s3.put_object(Bucket="photos", Key=f"images/test/{number}.png", Body=b"")
    assert len(step.list_test_images(s3, "photos")) == 1001


def test_a_bucket_without_test_images_says_what_to_run(s3: Any) -> None:
    with pytest.raises(DatasetError, match=r"has no images: run `python training/run\.py stage` first"):
        step.list_test_images(s3, "photos")


def test_executions_that_never_end_are_reported(
    s3: Any, images: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(1000, {})
    monkeypatch.setattr(account, "paginate", lambda **_: [{"executions": list(account.executions.values())}])
    monkeypatch.setattr(step, "STALL_SECONDS", 0)
    with pytest.raises(ExecutionsError, match="none has ended for 0 s"):
        run(s3, account, tmp_path, 2)
