"""What is printed, checked and asked before anything costs."""

import argparse
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import DATASET, MODEL, OURS, STACK, THEIRS, Iam, Quotas, Sts, make_context, printed
from tests.unit.training.price_table import entry, price_table
from training import plan, planned_checks, run, steps
from training.arguments import parse
from training.context import Context
from training.costs import prices
from training.errors import PlanError
from training.options import DeployOptions
from training.results import save

USER = "arn:aws:iam::123456789012:user/ann"
ENOUGH = {"ml.m5.large for training job usage": 1.0, "ml.m5.large for endpoint usage": 2.0}
URI = "1.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13"

# What `training/run.py --dry-run` prints first.
DEFAULT_RUN = """\
What this creates on AWS in us-east-1, and what it costs there
                         for                                              USD
photos in S3             about 1,200, sent and read, a month            0.008
training job, once       ml.m5.large, 5 minutes (expected)               0.01
training job, at most    ml.m5.large, 60 minutes (--max-runtime)      (0.115)
endpoint, an hour        1 x ml.m5.large                              (0.115)
endpoint, until it ends  1 x ml.m5.large, 8 hours                        0.92
endpoint, a month        1 x ml.m5.large, 730 hours                   (83.95)
captured inferences      100 % of 400 requests, a month                < 0.01
executions, once         200 x 4 transitions, 3 x 1 s of Lambda         0.023
together                 without what is in brackets                    0.962
"""


@pytest.fixture(autouse=True)
def published_prices(tmp_path: Path) -> Iterator[None]:
    """Prices as they were in autumn 2026."""
    with price_table(
        tmp_path,
        training={
            "ml.g4dn.xlarge": entry(0.7364, "2026-11-21", verified=False),
            "ml.m5.large": entry(0.115, "2026-08-11"),
        },
        hosting={"ml.m5.xlarge": entry(0.23, "2026-09-28"), "ml.m5.large": entry(0.115, "2026-07-30")},
        services={
            prices.TRANSITION: entry(0.000025, "2026-10-01"),
            prices.LAMBDA_REQUEST: entry(0.0000002, "2026-10-01"),
            prices.LAMBDA_GB_SECOND: entry(0.0000166667, "2026-10-01"),
            prices.S3_GB_MONTH: entry(0.023, "2026-10-01"),
            prices.S3_PUT: entry(0.000005, "2026-10-01"),
            prices.S3_GET: entry(0.0000004, "2026-10-01"),
        },
    ):
        yield


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look up no image, which takes seconds."""
    monkeypatch.setattr(planned_checks, "image_of", lambda *_: URI)


@pytest.fixture
def account(tmp_path: Path) -> Context:
    """An account in which nothing is wrong."""
    return make_context(tmp_path, sagemaker=SageMaker(), sts=Sts(USER), iam=Iam(), service_quotas=Quotas(ENOUGH))


class Terminal(io.StringIO):
    """A terminal at which somebody types an answer."""

    def isatty(self) -> bool:
        return True


def review(context: Context, *words: str) -> dict[str, Any]:
    return plan.review(context, parse(words))


# Costs -------------------------------------------------------------------------------------------------------


def test_a_dry_run_of_everything_prints_this(account: Context) -> None:
    review(account, "--dry-run")
    lines = [line.rstrip() for line in printed(account).splitlines()]
    assert "\n".join(lines).startswith(DEFAULT_RUN)
    assert "Prices of 2026-07-30 to 2026-10-01: training/costs/prices.json has their sources." in lines


@pytest.mark.parametrize(
    ("step", "there", "missing"),
    [
        ("stage", "photos in S3", "training job"),
        ("train", "training job", "endpoint, an hour"),
        ("deploy", "endpoint, an hour", "training job, once"),
        ("test", "executions", "endpoint, an hour"),
    ],
)
def test_a_step_prints_what_it_creates_itself(account: Context, step: str, there: str, missing: str) -> None:
    save(account.directory, "stage", DATASET, 1)
    save(account.directory, "train", MODEL, 1)
    review(account, step, "--dry-run")
    assert there in printed(account) and missing not in printed(account)


def test_monitor_creates_nothing_and_prints_nothing(account: Context) -> None:
    assert review(account, "monitor") == {}
    assert printed(account) == ""


def test_the_options_decide_what_it_costs(account: Context) -> None:
    words = "--max-runtime 120 --endpoint-instance-type ml.m5.xlarge --executions 7 --classes a,b,c".split()
    review(account, "--dry-run", *words, "--capture-percentage", "50", "--instance-type", "ml.m5.large")
    text = printed(account)
    assert "ml.m5.large, 2 minutes" in text and "1 x ml.m5.xlarge, 730 hours" in text
    assert "7 x 4 transitions" in text and "about 1,800" in text and "50 % of 207 requests" in text


def test_the_built_in_algorithm_costs_its_own_machine_and_time(account: Context) -> None:
    account.clients.__dict__["service_quotas"] = Quotas({"ml.g4dn.xlarge for training job usage": 1, **ENOUGH})
    review(account, "--dry-run", "--algorithm", "builtin")
    assert "ml.g4dn.xlarge, 15 minutes (the" in flat(account)
    assert "about 0.184" in printed(account)


def test_staged_photos_are_counted(account: Context) -> None:
    save(account.directory, "stage", replace(DATASET, test=4321), 1)
    review(account, "--dry-run", "--executions", "1")
    assert "100 % of 4,322 requests" in printed(account)


def test_json_has_costs_and_checks(account: Context) -> None:
    found = review(account, "--dry-run")["plan"]
    assert found["cost"]["usd"] == pytest.approx(0.962, abs=0.001)
    assert {check["outcome"] for check in found["checks"]} == {"passed"}


@pytest.mark.parametrize("limit", ["0.96", "0"])
def test_an_estimate_above_the_limit_is_refused(account: Context, limit: str) -> None:
    with pytest.raises(PlanError, match=r"1 of 9 checks found a problem \(cost limit\)"):
        review(account, "--yes", "--max-usd", limit)
    assert f"0.962 USD is more than --max-usd {limit}: raise the limit" in flat(account)


def test_an_estimate_within_the_limit_passes(account: Context) -> None:
    review(account, "--yes", "--max-usd", "1")


def test_with_a_limit_an_unknown_price_is_refused(account: Context) -> None:
    words = ("--yes", "--instance-type", "ml.x.large", "--max-usd", "1000")
    with pytest.raises(PlanError, match="cost limit"):
        review(account, *words)
    assert "so --max-usd 1000 may not be kept: choose machines with a known price" in flat(account)


def test_a_limit_holds_for_steps_that_nobody_is_asked_about(account: Context) -> None:
    with pytest.raises(PlanError, match="cost limit"):
        review(account, "test", "--max-usd", "0.01")


def flat(context: Context) -> str:
    """Return what was printed, without the line breaks and the columns of the tables."""
    return " ".join(printed(context).split())


# Checks ------------------------------------------------------------------------------------------------------


def test_a_dry_run_prints_every_check(account: Context) -> None:
    review(account, "--dry-run")
    subjects = (
        "name of the training job",
        "name of the endpoint",
        "image of the algorithm",
        "owner of the endpoint",
        "expiry of the endpoint",
        "quota of the training job",
        "quota of the endpoint",
        "permissions of the caller",
    )
    for subject in subjects:
        assert subject in printed(account)
    assert printed(account).count(" passed ") == len(subjects)


def test_all_problems_are_listed_together_before_anybody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    sagemaker = SageMaker()
    sagemaker.create_endpoint("s", "s-config", THEIRS)
    quotas = Quotas({"ml.m5.large for training job usage": 0, "ml.m5.large for endpoint usage": 0})
    context = make_context(
        tmp_path,
        replace(STACK, name="s" * 48),
        sagemaker=sagemaker,
        sts=Sts(USER),
        iam=Iam(denied=("iam:PassRole",)),
        service_quotas=quotas,
    )
    with pytest.raises(PlanError) as caught:
        review(context)
    assert str(caught.value) == (
        "Nothing was created: 5 of 8 checks found a problem (name of the training job; owner of the endpoint; quota of "
        "the training job; quota of the endpoint; permissions of the caller): do what the table above says and run the "
        "same command again."
    )
    assert "3 of 8 checks passed." in printed(context)
    assert sagemaker.calls == ["create"]  # the test's own


def test_what_could_not_be_checked_is_said_and_does_not_stop_the_run(account: Context) -> None:
    account.clients.__dict__["sts"] = Sts("arn:aws:iam::123456789012:root")
    review(account, "--yes")
    assert "not checked IAM simulates users and roles, not arn:aws:iam::123456789012:root" in flat(account)
    assert "7 of 8 checks passed." in printed(account)


def test_a_single_step_without_the_results_of_earlier_ones_is_refused(account: Context) -> None:
    with pytest.raises(PlanError, match=r"\(result of stage; result of train\)"):
        review(account, "deploy", "--yes")
    assert "run `python training/run.py stage` first" in flat(account)


def test_an_endpoint_that_is_updated_has_a_candidate_beside_it(account: Context) -> None:
    sagemaker = SageMaker()
    sagemaker.create_endpoint("s", "s-config", OURS)
    sagemaker.create_endpoint("s-candidate", "s-candidate", THEIRS)
    account.clients.__dict__["sagemaker"] = sagemaker
    with pytest.raises(PlanError, match=r"\(owner of the candidate\)"):
        review(account, "--yes")
    simulated = {request["ResourceArns"][0] for request in account.clients.iam.requests}  # type: ignore[attr-defined]
    assert "arn:aws:sagemaker:us-east-1:123456789012:endpoint/s-candidate" in simulated


def test_an_endpoint_that_never_ends_costs_a_month_and_needs_no_schedule(account: Context) -> None:
    review(account, "--dry-run", "--expires-in", "never")
    assert "until it ends" not in printed(account) and "expiry" not in printed(account)
    assert "together without what is in brackets 83.99" in flat(account)


def test_a_stack_that_cannot_end_its_endpoint_is_a_problem(account: Context) -> None:
    old = replace(account, stack=replace(STACK, expiry_role_arn=""))
    with pytest.raises(PlanError, match=r"\(expiry of the endpoint\)"):
        review(old, "--yes")
    assert "run `sam build && sam deploy` again, or add --expires-in never to this command." in flat(old)


def test_an_endpoint_that_is_updated_needs_twice_the_instances() -> None:
    options = DeployOptions()
    assert planned_checks.endpoint_need(options, exists=False).instances == 1
    assert planned_checks.endpoint_need(options, exists=True).instances == 2


# The question ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["y\n", "YES\n", " y \n"])
def test_yes_goes_on(account: Context, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    review(account)
    assert "Create this? [y/N]" in printed(account)


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yep\n"])
def test_any_other_answer_creates_nothing(account: Context, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    with pytest.raises(PlanError, match=r"^Nothing was created, because the answer was not yes"):
        review(account)


@pytest.mark.parametrize("stdin", [None, io.StringIO("y\n")])
def test_without_a_terminal_nobody_is_asked_and_nothing_created(
    account: Context, monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO | None
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(PlanError, match="stdin is no terminal: add --yes, or set SCONES_YES=1"):
        review(account)


@pytest.mark.parametrize("words", [["--yes"], ["--dry-run"], ["stage"], ["test"]])
def test_nobody_is_asked_when_that_is_said_or_only_cents_are_at_stake(
    account: Context, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    review(account, *words)


@pytest.mark.parametrize(("value", "asked"), [("1", False), ("0", True), ("", True)])
def test_the_variable_stands_for_yes(
    account: Context, monkeypatch: pytest.MonkeyPatch, value: str, asked: bool
) -> None:
    monkeypatch.setenv("SCONES_YES", value)
    assert parse([]).yes is not asked


# The whole command -------------------------------------------------------------------------------------------


@pytest.fixture
def command(account: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """The command line on this account, whose steps must not run."""

    def step(context: Context, arguments: argparse.Namespace) -> None:
        raise AssertionError("a step has run")

    directory = tmp_path / "runs"
    context = Context(account.stack, directory, account.console, account.clients)
    monkeypatch.setattr(steps, "STEP_FUNCTIONS", dict.fromkeys(steps.STEP_FUNCTIONS, step))
    monkeypatch.setattr(steps, "connect", lambda _, console: context)
    monkeypatch.setattr(sys, "stdin", None)
    return lambda *words: run.main(list(words))


def test_a_dry_run_creates_nothing_and_ends_well(command: Callable[..., int], tmp_path: Path) -> None:
    assert command("--dry-run") == 0
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_leaves_stdout_to_json(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    import json

    assert command("--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["plan"]["cost"]["region"] == "us-east-1"


def test_a_run_that_nobody_agreed_to_ends_with_1(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command() == 1
    assert "Nothing was created" in capsys.readouterr().err
