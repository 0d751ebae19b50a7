"""The step that the command line calls test: which images, how many at once, and how the executions end."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import DATASET, OURS, Clock, client_error, make_context, printed, refuse
from tests.unit.training.step_functions import Conditions, StepFunctions
from training import executions as step
from training import workflow
from training.context import Context
from training.errors import DatasetError
from training.options import ExecutionsOptions
from training.results import Executions


@pytest.fixture
def s3(mocked_aws: None) -> Any:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="photos")
    return client


def context_of(s3: Any, account: StepFunctions, directory: Path) -> Context:
    sagemaker = SageMaker()
    sagemaker.serve("s", OURS)
    return make_context(directory, s3=s3, lambda_=account, stepfunctions=account, sagemaker=sagemaker)


def run(s3: Any, account: StepFunctions, directory: Path, executions: int, concurrency: int = 50) -> Executions:
    return step.run_executions(context_of(s3, account, directory), DATASET, ExecutionsOptions(executions, concurrency))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(step, "time", clock)
    monkeypatch.setattr(workflow, "time", clock)
    return clock


@pytest.fixture
def images(s3: Any) -> list[str]:
    keys = [f"images/test/{number}.png" for number in range(6)]
    for key in [*keys, "images/test.lst", "images/tests/other.png", "images/train/1.png"]:
        s3.put_object(Bucket="photos", Key=key, Body=b"")
    return keys


def test_outcomes_are_told_apart(s3: Any, images: list[str], tmp_path: Path, clock: Clock) -> None:
    errors = {images[0]: "ThresholdConfidenceNotMetError", images[1]: "InvalidImageError"}
    statuses = {images[2]: "TIMED_OUT", images[3]: "ABORTED"}
    account = StepFunctions(clock, Conditions(errors=errors, statuses=statuses))
    context = context_of(s3, account, tmp_path)
    result = step.run_executions(context, DATASET, ExecutionsOptions(6))
    assert (result.started, result.succeeded, result.below_threshold, result.failed) == (6, 2, 1, 3)
    outcomes = (tmp_path / "executions.csv").read_text()
    assert f"{images[1]},failed,InvalidImageError,because,1.0" in outcomes
    assert f"{images[2]},timed out," in outcomes and f"{images[3]},aborted," in outcomes
    assert all(word in printed(context) for word in ("below threshold", "InvalidImageError", "timed out", "aborted"))


def test_an_execution_that_was_not_started_has_failed(s3: Any, images: list[str], tmp_path: Path, clock: Clock) -> None:
    account = StepFunctions(clock)
    refuse(account, "start_execution", client_error("ExecutionLimitExceeded", "too many"))
    context = context_of(s3, account, tmp_path)
    result = step.run_executions(context, DATASET, ExecutionsOptions(1))
    assert (result.started, result.failed) == (1, 1)
    assert "failed,ExecutionLimitExceeded,too many,\n" in (tmp_path / "executions.csv").read_text()
    assert "ExecutionLimitExceeded" in printed(context) and "nan" not in printed(context)


def test_an_interrupt_says_how_many_run_on(s3: Any, images: list[str], tmp_path: Path, clock: Clock) -> None:
    account = StepFunctions(clock, Conditions(seconds=1000.0))

    def interrupt(seconds: float) -> None:
        if account.executions:
            raise KeyboardInterrupt

    clock.sleep = interrupt  # type: ignore[method-assign]
    context = context_of(s3, account, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        step.run_executions(context, DATASET, ExecutionsOptions(6, concurrency=4))
    assert "4 executions were still under way: they run to their end, uncounted." in printed(context)


def test_a_run_that_ends_says_nothing_of_running_ones(s3: Any, images: list[str], tmp_path: Path, clock: Clock) -> None:
    context = context_of(s3, StepFunctions(clock), tmp_path)
    step.run_executions(context, DATASET, ExecutionsOptions(6))
    assert "under way" not in printed(context)


def test_two_runs_of_one_second_share_no_execution(s3: Any, images: list[str], tmp_path: Path, clock: Clock) -> None:
    account = StepFunctions(clock)
    for _ in range(2):
        run(s3, account, tmp_path, 3)
    assert len(account.executions) == 6


def test_only_test_images_are_used_and_all_of_them_first(
    s3: Any, images: list[str], tmp_path: Path, clock: Clock
) -> None:
    account = StepFunctions(clock)
    run(s3, account, tmp_path, 12, concurrency=1)  # one at a time, for their order
    used = [json.loads(one["input"])["s3_key"] for one in account.executions.values()]
    assert sorted(used[:6]) == sorted(used[6:]) == images


@pytest.mark.parametrize("limits", [(3, 1000, 3), (50, 2, 2)])  # asked for, the account's, at once
def test_no_more_run_at_once_than_allowed(
    s3: Any, images: list[str], tmp_path: Path, clock: Clock, limits: tuple[int, int, int]
) -> None:
    concurrency, account_limit, most = limits
    account = StepFunctions(clock, Conditions(concurrency=account_limit))
    assert run(s3, account, tmp_path, 20, concurrency).started == 20
    assert account.most_at_once == most


def test_events_are_written_and_old_ones_go(s3: Any, images: list[str], tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "old.json").write_text("{}")
    run(s3, StepFunctions(clock), tmp_path, 3)
    events = [json.loads(path.read_text()) for path in (tmp_path / "events").glob("*.json")]
    assert len(events) == 3
    assert all(event["s3_key"] in images and event["s3_bucket"] == "photos" for event in events)


def test_the_choice_is_the_seed_s() -> None:
    keys = [str(number) for number in range(100)]
    assert step.choose(keys, 10, 1) == step.choose(keys, 10, 1) != step.choose(keys, 10, 2)


def test_more_than_a_page_of_images_is_listed(s3: Any, small_pages: int) -> None:
    number = 2 * small_pages + 1
    for row in range(number):
        s3.put_object(Bucket="photos", Key=f"images/test/{row}.png", Body=b"")
    assert len(step.list_test_images(s3, "photos")) == number


def test_a_bucket_without_test_images_says_what_to_run(s3: Any) -> None:
    with pytest.raises(DatasetError, match=r"has no images: run `python training/run\.py stage` first"):
        step.list_test_images(s3, "photos")
