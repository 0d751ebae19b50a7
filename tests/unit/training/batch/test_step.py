"""The step `batch` from its options to its results."""

import argparse
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.training.batch.conftest import (
    ACCEPTED,
    BROKEN,
    REFUSED,
    Account,
    BatchMachine,
    child,
    lines,
    write_verdicts,
)
from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import DATASET, THEIRS, Clock, printed
from training import steps
from training.arguments import parse
from training.batch import step, verdicts
from training.context import Context
from training.errors import BatchError, PlanError, StackError
from training.options import BatchOptions
from training.results import save


@pytest.fixture
def machine(s3: Any) -> BatchMachine:
    """A Step Functions that writes two verdicts, a refusal and an error for each batch that it starts."""

    class Writing(BatchMachine):
        def start_execution(self, **request: Any) -> dict[str, Any]:
            write_verdicts(s3, request["name"], SUCCEEDED=lines(ACCEPTED, ACCEPTED, REFUSED, BROKEN))
            return super().start_execution(**request)

    return Writing(total=4)


@pytest.fixture(autouse=True)
def photos(s3: Any) -> None:
    for number in range(4):
        s3.put_object(Bucket="photos", Key=f"images/test/{number}.png", Body=b"x")


def arguments(*words: str) -> argparse.Namespace:
    return parse(["batch", *words])


def run(context: Context, *words: str) -> dict[str, Any]:
    figures: dict[str, Any] = steps.run_steps(context, arguments("--yes", *words))
    return figures["batch"] if "batch" in figures else figures


def requests(machine: BatchMachine) -> list[dict[str, Any]]:
    return [one["input"] for one in machine.started.values()]


def test_a_prefix_is_classified_and_counted(context: Context, machine: BatchMachine) -> None:
    found = run(context, "images/test/")
    assert requests(machine) == [{"prefix": "images/test/", "concurrency": 32}]
    counts = {name: found[name] for name in ("status", "photos", "accepted", "refused", "failed")}
    assert counts == {"status": "succeeded", "photos": 4, "accepted": 2, "refused": 1, "failed": 1}
    assert (found["seconds"], found["photos_a_second"]) == (20.0, 0.2)
    assert found["estimated_usd"] is not None and 0 < found["estimated_usd"] < 0.001
    directory = context.directory / "batches" / found["name"]
    assert {path.name for path in directory.iterdir()} == {
        "batch.json",
        "confidences.png",
        "outcomes.png",
        "summary.json",
        "verdicts.csv",
    }
    assert json.loads((directory / "summary.json").read_text()) == found
    assert "InvalidImageError" in printed(context)


def test_the_cost_is_shown_and_asked_for_before_anything_is_created(context: Context, machine: BatchMachine) -> None:
    with pytest.raises(PlanError, match="nobody can be asked"):
        steps.run_steps(context, arguments("images/test/"))
    assert "4 photos in 1 children" in printed(context) and "endpoint meanwhile" in printed(context)
    assert not machine.started and not (context.directory / "batches").exists()


def test_a_dry_run_creates_nothing_and_tells_its_plan(context: Context, machine: BatchMachine) -> None:
    found = run(context, "images/test/", "--dry-run")
    assert found["plan"]["cost"]["usd"] > 0
    assert [check["outcome"] for check in found["plan"]["checks"]] == ["passed"]
    assert not machine.started


def test_a_batch_above_the_limit_is_refused(context: Context, machine: BatchMachine) -> None:
    with pytest.raises(PlanError, match="cost limit"):
        run(context, "images/test/", "--max-usd", "0.0000001")
    assert not machine.started


def test_options_are_the_execution_s_input(context: Context, machine: BatchMachine) -> None:
    options = ["--concurrency", "8", "--max-refused-share", "0.25", "--max-failed-share", "0"]
    run(context, "images/test/", *options)
    settings = {"concurrency": 8, "max_refused_share": 0.25, "max_failed_share": 0.0}
    assert requests(machine) == [{"prefix": "images/test/", **settings}]


@pytest.mark.parametrize(("account", "instances", "expected"), [(1000, 1, 32), (1000, 3, 96), (10, 1, 8), (1, 1, 1)])
def test_by_default_so_many_photos_are_under_way_as_endpoint_and_account_bear(
    context: Context, sagemaker: SageMaker, account: int, instances: int, expected: int
) -> None:
    context.clients.lambda_ = Account(account)  # type: ignore[assignment]
    sagemaker.endpoints["s"]["ProductionVariants"][0]["CurrentInstanceCount"] = instances
    assert step.prepare(context, BatchOptions("images/test/")).settings["concurrency"] == expected


def test_verdicts_have_the_names_of_the_classes_that_the_endpoint_learned(
    context: Context, machine: BatchMachine
) -> None:
    save(context.directory, "stage", DATASET, 1.0)
    run(context, "images/test/")
    assert requests(machine)[0]["classes"] == ["bicycle", "motorcycle"]


def test_verdicts_have_labels_when_the_endpoint_learned_another_dataset(
    context: Context, machine: BatchMachine
) -> None:
    save(context.directory, "stage", replace(DATASET, fingerprint="other"), 1.0)
    run(context, "images/test/")
    assert "classes" not in requests(machine)[0]
    assert "Verdicts have labels in place of names" in printed(context)


@pytest.mark.parametrize("tags", [None, THEIRS])
def test_without_an_endpoint_nothing_is_started(
    context: Context, machine: BatchMachine, sagemaker: SageMaker, tags: Any
) -> None:
    if tags:
        sagemaker.tags[sagemaker.endpoints["s"]["EndpointArn"]] = tags
    else:
        sagemaker.endpoints.clear()
    with pytest.raises(PlanError, match="endpoint in service"):
        run(context, "images/test/")
    assert "there is no endpoint s of this stack" in printed(context) and not machine.started


def test_an_endpoint_that_does_not_serve_is_a_problem(
    context: Context, machine: BatchMachine, sagemaker: SageMaker
) -> None:
    sagemaker.endpoints["s"]["statuses"] = ["Failed"]
    with pytest.raises(PlanError):
        run(context, "images/test/")
    assert "the endpoint s is Failed" in printed(context) and not machine.started


def test_a_stack_of_an_older_template_has_no_batches(context: Context) -> None:
    older = replace(context, stack=replace(context.stack, batch_machine_arn=""))
    with pytest.raises(StackError, match="has no workflow for batches"):
        run(older, "images/test/")


def test_what_failed_is_run_again_alone(context: Context, machine: BatchMachine, s3: Any) -> None:
    first = run(context, "images/test/")["name"]
    again = run(context, "--retry")["name"]
    assert again != first
    manifest = requests(machine)[1]["manifest"]
    assert s3.get_object(Bucket="photos", Key=manifest)["Body"].read() == b'{"s3_key": "=c"}\n'


def test_children_that_failed_are_run_again_too(context: Context, machine: BatchMachine, s3: Any) -> None:
    failed = child("d", "e", Status="TIMED_OUT")
    write_verdicts(s3, "elsewhere", SUCCEEDED=lines(ACCEPTED, {**BROKEN, "version": "v"}), FAILED=lines(failed))
    run(context, "--retry", "elsewhere")
    manifest = s3.get_object(Bucket="photos", Key=requests(machine)[0]["manifest"])["Body"].read()
    assert [json.loads(line) for line in manifest.splitlines()] == [
        {"s3_key": "=c", "version": "v"},
        {"s3_key": "d"},
        {"s3_key": "e"},
    ]


def test_a_batch_without_failures_cannot_be_retried(context: Context, s3: Any) -> None:
    write_verdicts(s3, "good", SUCCEEDED=lines(ACCEPTED, REFUSED))
    with pytest.raises(BatchError, match="The batch good, in what could not be classified, names no photo"):
        run(context, "--retry", "good")


def test_a_batch_that_fails_leaves_its_results_and_says_why(context: Context, machine: BatchMachine) -> None:
    machine.end = {"status": "FAILED", "error": "TooManyRefusedError", "cause": "1 of 4 photos"}
    with pytest.raises(
        BatchError, match=r"has not succeeded \(TooManyRefusedError: 1 of 4 photos\).*--retry 2"
    ) as caught:
        run(context, "images/test/")
    (table,) = context.directory.glob("batches/*/verdicts.csv")
    assert len(table.read_text().splitlines()) == 5
    assert table.parent.name in str(caught.value)


def test_refusals_are_not_offered_to_be_classified_again(
    context: Context, machine: BatchMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.end = {"status": "FAILED", "error": "TooManyRefusedError", "cause": "1 of 1 photos"}
    monkeypatch.setattr(verdicts, "read", lambda *_: [REFUSED])
    with pytest.raises(BatchError, match="TooManyRefusedError") as caught:
        run(context, "images/test/")
    assert "--retry" not in str(caught.value)


def test_a_batch_that_was_stopped_before_its_first_verdict_says_so(
    context: Context, machine: BatchMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.end = {"status": "ABORTED"}
    monkeypatch.setattr(verdicts, "VERDICT_PREFIX", "none")
    with pytest.raises(BatchError, match=r"has not succeeded \(ABORTED\)"):
        run(context, "images/test/")


def test_photos_without_a_verdict_are_told(context: Context, machine: BatchMachine) -> None:
    machine.total = 7
    run(context, "images/test/")
    assert "3 photos have no verdict." in printed(context)


def test_an_interrupted_batch_goes_on_and_can_be_joined(
    context: Context, machine: BatchMachine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(clock, "sleep", interrupt)
        with pytest.raises(KeyboardInterrupt, match=r"goes on\. To join it: python training/run\.py batch .*--join 2"):
            run(context, "images/test/")
    assert run(context, "--join")["photos"] == 4
    assert len(machine.started) == 1
