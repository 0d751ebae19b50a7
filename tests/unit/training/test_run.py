"""The command line as a user meets it: what it prints where, and its exit codes. The steps are fakes."""

import argparse
import errno
import io
import json
import math
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import (
    DATASET,
    DEPLOYMENT,
    EXECUTIONS,
    MODEL,
    OURS,
    STACK,
    FakeClients,
    Scheduler,
    client_error,
    refuse,
)
from tests.unit.training.versions import VersionedBucket
from training import run, steps
from training.arguments import parse
from training.config import STEPS
from training.console import PlainConsole
from training.context import Context
from training.errors import DatasetError
from training.results import Monitoring, load, save, seconds_of

RESULTS: dict[str, Any] = {
    "stage": DATASET,
    "train": MODEL,
    "deploy": DEPLOYMENT,
    "test": EXECUTIONS,
    "monitor": Monitoring("runs/s/report/report.html"),
}


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sagemaker: SageMaker) -> list[str]:
    """The steps that were run, in order; each returns a result of its kind."""
    monkeypatch.chdir(tmp_path)
    calls: list[str] = []

    def fake(name: str) -> Any:
        def step(context: Context, arguments: argparse.Namespace) -> Any:
            calls.append(name)
            return RESULTS[name]

        return step

    def clean(*_: Any) -> list[str]:
        calls.append("cleanup")
        return ["endpoint s"]

    monkeypatch.setattr(steps, "STEP_FUNCTIONS", {name: fake(name) for name in STEPS})
    monkeypatch.setattr(steps, "cleanup", clean)
    clients = FakeClients(sagemaker=sagemaker, scheduler=Scheduler(), s3=VersionedBucket())
    monkeypatch.setattr(steps, "connect", lambda _, console: Context(STACK, tmp_path, console, clients))
    monkeypatch.setattr("training.plan.review", lambda *_: {})  # test_plan.py has its tests
    return calls


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Keep pytest's own answer to Ctrl-C."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def step(*_: Any) -> None:
        raise error

    monkeypatch.setitem(steps.STEP_FUNCTIONS, "stage", step)


def test_every_step_has_a_function() -> None:
    assert tuple(steps.STEP_FUNCTIONS) == STEPS


def test_without_a_step_all_run_in_order(called: list[str]) -> None:
    assert run.main([]) == 0
    assert called == [*STEPS]


@pytest.mark.parametrize("step", [*STEPS, "cleanup"])
def test_a_step_runs_alone(called: list[str], step: str) -> None:
    assert run.main([step]) == 0
    assert called == [step]


@pytest.mark.parametrize(("step", "times"), [("deploy", 1), ("learn", 1), ("all", 1), ("train", 0), ("test", 0)])
def test_a_deployment_renews_the_schedule_of_monitor(
    called: list[str], monkeypatch: pytest.MonkeyPatch, step: str, times: int
) -> None:
    renewed: list[list[str]] = []
    monkeypatch.setattr("training.watch.renewal.renew", lambda *_: renewed.append([*called]))
    assert run.main([step]) == 0
    assert [done[-1] for done in renewed] == ["deploy"] * times


def test_the_result_of_a_step_is_kept(called: list[str], tmp_path: Path) -> None:
    run.main(["train"])
    assert load(tmp_path, "train", type(MODEL)) == MODEL


@pytest.mark.parametrize("words", [["--json"], ["stage", "--json"]])
def test_json_is_all_that_goes_to_stdout(
    called: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(words) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["dataset"]["train"] == 90
    assert "Next" not in printed.err


def test_cleanup_tells_what_it_deleted_as_json(called: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["cleanup", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"deleted": ["endpoint s"]}


def test_a_whole_run_ends_with_what_to_type_next(
    called: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run.main(["--stack-name", "s"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Summary" in printed.err
    *_, report, cleanup = printed.err.rstrip().splitlines()
    assert report.strip() == f"python -m webbrowser {(tmp_path / 'runs/s/report/report.html').as_uri()}"
    assert cleanup.strip() == "python training/run.py cleanup --stack-name s"


def test_a_single_step_ends_with_the_figures(called: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["monitor"]) == 0
    assert capsys.readouterr().err.rstrip().endswith("report.html")


@pytest.mark.parametrize(
    ("step", "state", "code"),
    [
        ("all", "stop", 3),
        ("monitor", "stop", 3),
        ("monitor", "check", 0),
        ("monitor", "healthy", 0),
        ("test", "stop", 0),  # an earlier report is no reason that this step failed
    ],
)
def test_only_the_verdict_stop_has_an_exit_code_of_its_own(
    called: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str, state: str, code: int
) -> None:
    verdict = {"state": state, "why": "", "action": "", "checks": []}
    record = {"since": "", "until": "", "model": "", "verdict": verdict, "figures": {}, "previous": None}
    report = Path(RESULTS["monitor"].report)
    report.parent.mkdir(parents=True)
    report.with_name("report.json").write_text(json.dumps(record))
    assert run.main([step, "--json"]) == code
    if step != "test":
        assert json.loads(capsys.readouterr().out)["verdict"] == verdict


def test_an_error_is_one_sentence_and_no_later_step_runs(
    called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, DatasetError("The class [car] is unknown: choose another."))
    assert run.main(["--json"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1] == "error: The class [car] is unknown: choose another."
    assert called == []


def test_aws_s_refusal_is_one_sentence(
    called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, client_error("AccessDenied", "not you", "CreateModel"))
    assert run.main(["stage"]) == 1
    assert "error: An error occurred (AccessDenied) when calling the CreateModel" in capsys.readouterr().err


def test_an_interruption_says_how_to_resume(
    called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    assert run.main(["stage"]) == 130
    assert "Interrupted: run the same command to resume." in capsys.readouterr().err


def test_an_interruption_says_what_goes_on(
    called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, KeyboardInterrupt("Interrupted: the batch b goes on."))
    assert run.main(["stage"]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "Interrupted: the batch b goes on."


@pytest.mark.parametrize("words", [["fly"], ["--fly"], ["train", "--archive", "x"]])
def test_wrong_usage_ends_with_2_and_runs_nothing(called: list[str], words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run.main(words)
    assert caught.value.code == 2
    assert called == []


def test_a_mistake_of_the_program_is_one_sentence_and_leaves_its_traceback(
    called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fail_with(monkeypatch, KeyError("[/]"))
    assert run.main(["stage", "--stack-name", "s"]) == 1
    *_, sentence = capsys.readouterr().err.splitlines()
    assert sentence.startswith("error: KeyError: '[/]': this is a mistake in the program")
    assert "raise error" in (tmp_path / "runs" / "s" / "error.txt").read_text()


def test_a_directory_that_cannot_be_written_stops_a_step_before_it_costs_anything(
    called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    clients = FakeClients(sagemaker=SageMaker())
    monkeypatch.setattr(steps, "connect", lambda _, console: Context(STACK, tmp_path / "file" / "s", console, clients))
    assert run.main(["train"]) == 1
    assert "file/s cannot be read or written (Not a directory): remove or rename" in capsys.readouterr().err
    assert called == []
    assert run.main(["cleanup"]) == 0  # what costs money is deleted all the same


def test_a_read_only_directory_stops_a_step_before_it_costs_anything(
    called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(directory: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(directory))

    monkeypatch.setattr("training.atomic.check_writable", refuse)
    assert run.main(["train"]) == 1
    assert "(Read-only file system): make it writable or work in another directory." in capsys.readouterr().err
    assert called == []


class Unwritable(io.StringIO):
    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def flush(self) -> None:
        raise OSError(self._number, os.strerror(self._number))


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC])
def test_a_stdout_that_cannot_be_written_is_an_error(
    called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    monkeypatch.setattr(sys, "stdout", Unwritable(number))
    assert run.main(["stage", "--json"]) == 1
    assert f"stdout cannot be written ({os.strerror(number)})" in capsys.readouterr().err


def test_an_unknown_accuracy_is_null_in_json(
    called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RESULTS, "train", replace(MODEL, validation_accuracy=math.nan))
    assert run.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["training"]["validation_accuracy"] is None


def test_no_source_writes_markup() -> None:
    """Names would be read as markup beside it."""
    sources = [path for path in Path(run.__file__).parent.rglob("*.py") if "algorithm" not in path.parts]
    for path in sources:
        text = path.read_text()
        assert not re.search(r"\[/?(bold|red|yellow|dim|green)\b[^]]*\]", text), path
        assert not re.search(r"(\.status|status\.update)\((f|str|[a-z_.]+\))", text), path
        assert "Console(" not in text or path.name in ("console.py", "run.py", "job.py"), path


# What runs on ----------------------------------------------------------------------------------------------------


@pytest.fixture
def endpoint(sagemaker: SageMaker) -> None:
    """An endpoint of this stack without an expiry."""
    sagemaker.serve("s", OURS, "ml.m5.xlarge")


COSTS = "Endpoint s (1 x ml.m5.xlarge) costs 0.23 USD an hour, 168 USD a month, on AWS and never ends by itself."


@pytest.mark.parametrize("words", [[], ["stage"], ["test", "--json"]])
def test_a_run_that_leaves_an_endpoint_ends_with_its_cost(
    called: list[str], endpoint: None, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["--stack-name", "s", *words]) == 0
    *_, cost, last = capsys.readouterr().err.splitlines()
    assert (cost, last) == (COSTS, "To delete it now: python training/run.py cleanup --stack-name s")


def test_a_run_that_fails_tells_it_too(
    called: list[str], endpoint: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, DatasetError("no photos"))
    assert run.main([]) == 1
    printed = capsys.readouterr().err
    assert COSTS in printed and printed.splitlines()[-1] == "error: no photos"


def test_a_run_without_an_endpoint_tells_nothing(called: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([]) == 0
    assert "ndpoint s " not in capsys.readouterr().err


def test_a_run_whose_endpoint_cannot_be_read_says_so_and_succeeds(
    called: list[str], sagemaker: SageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(sagemaker, "describe_endpoint", client_error("AccessDeniedException", "not you"))
    assert run.main(["stage"]) == 0
    assert "Whether the endpoint s costs money is not readable: " in capsys.readouterr().err


def test_status_needs_no_run_and_makes_no_directory(
    called: list[str], endpoint: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["endpoints"][0]["usd_per_hour"] == 0.23
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_says_where_to_look(
    called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    assert run.main([]) == 130
    before, last = capsys.readouterr().err.splitlines()[-2:]
    assert before == "What was started on AWS runs on: python training/run.py status --stack-name s"
    assert last == "Interrupted: run the same command to resume."


def test_learning_runs_every_step_but_stage(called: list[str]) -> None:
    assert run.main(["learn"]) == 0
    assert called == [*STEPS[1:]]


@pytest.mark.parametrize(("words", "trained_on"), [(["train"], "f"), (["train", "--with-reviewed"], "g")])
def test_training_with_reviewed_photos_makes_their_dataset_the_staged_one(
    words: list[str], trained_on: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = replace(DATASET, fingerprint="g", train=92, reviewed=2)
    trained: list[Any] = []
    monkeypatch.setattr("training.learning.step.add_reviewed", lambda context, dataset: learned)

    def train(context: Context, dataset: Any, options: Any) -> Any:
        trained.append(dataset)
        return MODEL

    monkeypatch.setattr("training.train.train", train)
    save(tmp_path, "stage", DATASET, 12.0)
    save(tmp_path, "train", MODEL, 60.0)
    steps.train(Context(STACK, tmp_path, PlainConsole(), FakeClients()), parse(words))
    assert [one.fingerprint for one in trained] == [trained_on]
    assert load(tmp_path, "stage", type(DATASET)).fingerprint == trained_on
    assert seconds_of(tmp_path, "stage") == 12.0
    assert (seconds_of(tmp_path, "train") is None) == (trained_on == "g")  # a model of other photos
