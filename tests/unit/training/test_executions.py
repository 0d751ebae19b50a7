"""The step that the command line calls test: which images, how many at once, and how the executions end."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.unit.training.fakes import Account, Clock, make_context
from training import executions as step
from training.errors import DatasetError, ExecutionsError
from training.options import ExecutionsOptions
from training.results import Executions


@pytest.fixture
def s3(mocked_aws: None) -> Any:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="photos")
    return client


def run(s3: Any, account: Account, directory: Path, executions: int, concurrency: int = 50) -> Executions:
    context = make_context(directory, s3=s3, lambda_=account, stepfunctions=account)
    return step.run_executions(context, ExecutionsOptions(executions, concurrency))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(step, "time", clock)
    return clock


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
    account = Account()
    run(s3, account, tmp_path, 12)
    used = [one["input"]["s3_key"] for one in account.executions.values()]
    assert sorted(used[:6]) == sorted(used[6:]) == images


@pytest.mark.parametrize(("concurrency", "account_limit", "most"), [(3, 1000, 3), (50, 2, 2)])
def test_no_more_run_at_once_than_allowed(
    s3: Any, images: list[str], tmp_path: Path, concurrency: int, account_limit: int, most: int
) -> None:
    account = Account(account_limit)
    assert run(s3, account, tmp_path, 20, concurrency).started == 20
    assert 1 <= account.most_at_once <= most


def test_events_are_written_and_old_ones_go(s3: Any, images: list[str], tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "old.json").write_text("{}")
    run(s3, Account(), tmp_path, 3)
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


def test_executions_that_never_end_are_reported(s3: Any, images: list[str], tmp_path: Path, clock: Clock) -> None:
    account = Account()
    account.ends_per_poll = 0
    with pytest.raises(ExecutionsError, match="2 executions are running, but none has ended for 900 s"):
        run(s3, account, tmp_path, 2)
    assert 900 < clock.now < 905


def test_a_long_run_in_which_executions_end_is_no_stall(
    s3: Any, images: list[str], tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "POLL_SECONDS", 450.0)
    account = Account()
    account.ends_per_poll = 1
    assert run(s3, account, tmp_path, 6).succeeded == 6
    assert clock.now > 2700


def test_exactly_the_longest_pause_is_no_stall(
    s3: Any, images: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "POLL_SECONDS", float(step.STALL_SECONDS))
    account = Account()
    account.ends_per_poll = 1
    assert run(s3, account, tmp_path, 3).succeeded == 3
