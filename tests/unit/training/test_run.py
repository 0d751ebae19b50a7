"""The command line as a user meets it: what it prints where, and its exit codes. The steps are fakes."""

import argparse
import json
import socket
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from tests.unit.training.fakes import DATASET, DEPLOYMENT, EXECUTIONS, MODEL, STACK, FakeClients, client_error
from training import run
from training.config import STEPS
from training.context import Context
from training.errors import DatasetError
from training.results import Monitoring, load

RESULTS: dict[str, Any] = {
    "stage": DATASET,
    "train": MODEL,
    "deploy": DEPLOYMENT,
    "test": EXECUTIONS,
    "monitor": Monitoring("runs/s/report/report.html"),
}


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that were run, in order; each returns a result of its kind."""
    monkeypatch.chdir(tmp_path)
    calls: list[str] = []

    def fake(name: str) -> Any:
        def step(context: Context, arguments: argparse.Namespace) -> Any:
            calls.append(name)
            return RESULTS[name]

        return step

    def clean(_: Context) -> list[str]:
        calls.append("cleanup")
        return ["endpoint s"]

    monkeypatch.setattr(run, "STEP_FUNCTIONS", {name: fake(name) for name in STEPS})
    monkeypatch.setattr(run, "cleanup", clean)
    monkeypatch.setattr(run, "connect", lambda _, console: Context(STACK, tmp_path, console, FakeClients()))
    return calls


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def step(*_: Any) -> None:
        raise error

    monkeypatch.setitem(run.STEP_FUNCTIONS, "stage", step)


def test_every_step_has_a_function() -> None:
    assert tuple(run.STEP_FUNCTIONS) == STEPS


def test_without_a_step_all_run_in_order(called: list[str]) -> None:
    assert run.main([]) == 0
    assert called == [*STEPS]


@pytest.mark.parametrize("step", [*STEPS, "cleanup"])
def test_a_step_runs_alone(called: list[str], step: str) -> None:
    assert run.main([step]) == 0
    assert called == [step]


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


@pytest.mark.parametrize("words", [["fly"], ["--fly"], ["train", "--archive", "x"]])
def test_wrong_usage_ends_with_2_and_runs_nothing(called: list[str], words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run.main(words)
    assert caught.value.code == 2
    assert called == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/x?y=z"),
            "http://127.0.0.1:4566 does not answer: start the local AWS with `make up`.",
        ),
        (
            ReadTimeoutError(endpoint_url="http://localhost:4566/"),
            "http://localhost:4566 does not answer: start the local AWS with `make up`.",
        ),
        (
            EndpointConnectionError(endpoint_url="https://cloudformation.eu-west-9.amazonaws.com/"),
            "https://cloudformation.eu-west-9.amazonaws.com does not answer: check the network and the region's name.",
        ),
    ],
)
def test_an_endpoint_that_does_not_answer_is_named_with_what_to_do(error: Exception, sentence: str) -> None:
    assert run.explain(error) == sentence


def test_missing_credentials_say_what_to_run() -> None:
    sentence = run.explain(NoCredentialsError())
    assert "`aws configure`" in sentence and "`make run`" in sentence


def test_a_port_that_nobody_listens_at_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    config = Config(retries={"total_max_attempts": 1})
    client = boto3.client(
        "sts",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
    with pytest.raises(EndpointConnectionError) as caught:
        client.get_caller_identity()
    assert run.explain(caught.value) == f"{url} does not answer: start the local AWS with `make up`."
