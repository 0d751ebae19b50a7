"""Running executions on a Step Functions that is late, busy and out of order: none is lost, none is one too many."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fakes import Clock, client_error
from tests.unit.training.step_functions import NEVER, Conditions, StepFunctions
from training import workflow as module
from training.errors import ExecutionsError
from training.workflow import Execution, Workflow

MACHINE = "arn:aws:states:us-east-1:1:stateMachine:m"
FAILS = {f"images/{number}.png": "ThresholdConfidenceNotMetError" for number in range(0, 40, 10)}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def workflow_of(account: StepFunctions, number: int) -> Workflow:
    events = {f"run-{n:05}": {"s3_key": f"images/{n}.png"} for n in range(number)}
    return Workflow(account, MACHINE, events)  # type: ignore[arg-type]


def run(account: StepFunctions, number: int, limit: int = 50) -> Workflow:
    """Run executions to their end and read why some have failed."""
    workflow = workflow_of(account, number)
    assert list(workflow.run(limit))[-1:] == [number]
    workflow.explain_failures()
    return workflow


def only(workflow: Workflow) -> Execution:
    (execution,) = workflow.executions
    return execution


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(),
        Conditions(list_lag=0.7),
        Conditions(seconds=0.2, list_lag=0.7),
        Conditions(list_lag=8.0, describe_lag=2.0),
        Conditions(list_lag=NEVER),
        Conditions(list_lag=0.7, describe_lag=0.7, disorder=20, history=5000),
        Conditions(list_lag=0.7, describe_lag=0.7, disorder=20, history=5000, throttled=3),
    ],
    ids=["at once", "lag", "lag of ended ones", "long lag", "no list at all", "disorder", "throttled"],
)
def test_all_are_counted_and_never_too_many_run(clock: Clock, conditions: Conditions) -> None:
    account = StepFunctions(clock, replace(conditions, errors=FAILS))
    workflow = run(account, 40, limit=7)
    assert account.most_at_once <= 7
    refused = account.calls["start throttled"]
    assert len(account.executions) == 40 - refused
    below = [one for one in workflow.executions if one.error == "ThresholdConfidenceNotMetError"]
    throttled = [one for one in workflow.executions if one.error == "ThrottlingException"]
    assert len(workflow.having("SUCCEEDED")) + len(below) + len(throttled) == 40
    assert len(throttled) == refused
    assert below or refused


def test_executions_that_no_list_shows_yet_are_under_way(clock: Clock) -> None:
    account = StepFunctions(clock, Conditions(seconds=5.0, list_lag=0.7))
    progress = workflow_of(account, 10).run(limit=5)
    next(progress)
    assert clock.now >= 5.0
    assert account.most_at_once == 5


def test_the_limit_is_used(clock: Clock) -> None:
    account = StepFunctions(clock)
    run(account, 200, limit=50)
    assert account.most_at_once == 50
    assert clock.now <= 4 * (1.0 + module.POLL_SECONDS)


def test_earlier_runs_are_not_read(clock: Clock) -> None:
    account = StepFunctions(clock, Conditions(history=100_000))
    run(account, 200)
    polls = clock.now / module.POLL_SECONDS + 1
    assert account.calls["list"] <= 2 * polls
    assert account.calls["describe"] == 0


def test_a_burst_that_ends_while_it_is_started_is_listed_in_time(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_SIZES", (10, 50))  # AWS's list shows the last 2,000 of 10,000
    monkeypatch.setattr(module, "LISTED", 100)
    account = StepFunctions(clock, Conditions(seconds=0.2))

    def take_time(name: str) -> None:
        clock.now += 0.01

    account.before_start = take_time
    assert len(run(account, 500, limit=500).having("SUCCEEDED")) == 500
    assert account.calls["describe"] == 0
    assert clock.now < 10


def test_of_thousands_a_look_reads_what_is_new(clock: Clock) -> None:
    account = StepFunctions(clock)
    account.before_start = lambda name: setattr(account.conditions, "seconds", int(name.removeprefix("run-")) / 50)
    run(account, 3000, limit=3000)
    looks = clock.now / module.POLL_SECONDS
    assert account.listed / looks < 800  # 25 ended since the look before, 275 within LIST_SLACK


def test_an_execution_of_an_earlier_run_that_ends_late_hides_none(clock: Clock) -> None:
    account = StepFunctions(clock)
    for number in range(120):  # they were started long ago, and end while the new ones run
        old = {"name": f"slow-{number}", "input": '{"s3_key": "slow"}', "start": -5000.0, "stop": 1.0}
        account.executions[f"slow-{number}"] = old
    run(account, 20)
    assert account.calls["describe"] == 0


def test_a_silent_list_costs_few_descriptions(clock: Clock) -> None:
    account = StepFunctions(clock, Conditions(list_lag=NEVER, seconds=30.0))
    run(account, 50)
    assert max(number for (operation, _), number in account.calls_at.items() if operation == "describe") == 5
    assert account.calls["describe"] <= 4 * 50


def test_an_execution_that_takes_long_does_not_lengthen_the_list(clock: Clock) -> None:
    account = StepFunctions(clock)
    account.before_start = lambda name: setattr(account.conditions, "seconds", 100.0 if name == "run-00000" else 0.5)
    run(account, 1000, limit=10)
    assert max(number for (operation, _), number in account.calls_at.items() if operation == "list") <= 2


@pytest.mark.parametrize("seed", range(5))
def test_a_list_out_of_order_is_read_beyond_what_is_slightly_older(clock: Clock, seed: int) -> None:
    account = StepFunctions(clock, Conditions(disorder=200, seed=seed))
    for number in range(150):
        old = {"name": f"old-{number}", "input": '{"s3_key": "old"}', "start": -4.0, "stop": -3.0}
        account.executions[f"old-{number}"] = old
    run(account, 40)
    assert clock.now == 1.0  # all were read in the poll after their end


def test_failures_are_explained_even_when_the_description_lags(clock: Clock) -> None:
    workflow = run(StepFunctions(clock, Conditions(describe_lag=20.0, errors=FAILS)), 3)
    failed, *others = workflow.executions
    assert (failed.status, failed.error, failed.cause) == ("FAILED", "ThresholdConfidenceNotMetError", "because")
    assert [one.status for one in others] == ["SUCCEEDED"] * 2
    assert failed.seconds == 1.0


@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED"])
def test_other_ends_are_ends(clock: Clock, status: str) -> None:
    workflow = run(StepFunctions(clock, Conditions(statuses={"images/0.png": status})), 2)
    assert [one.status for one in workflow.executions] == [status, "SUCCEEDED"]


# A start that AWS refuses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["ExecutionLimitExceeded", "ThrottlingException"])
def test_a_refused_start_is_a_failure_of_that_execution(clock: Clock, code: str) -> None:
    account = StepFunctions(clock)
    account.before_start = refusing("run-00001", client_error(code, "too many"))
    workflow = run(account, 3)
    assert [one.status for one in workflow.executions] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert (workflow.executions[1].error, workflow.executions[1].cause) == (code, "too many")


def test_a_refusal_that_meets_all_ends_the_run(clock: Clock) -> None:
    account = StepFunctions(clock)
    account.before_start = refusing("run-00000", client_error("AccessDeniedException", "not you"))
    workflow = workflow_of(account, 100)
    with pytest.raises(ClientError, match="not you"):
        list(workflow.run(100))
    assert len(workflow.having("RUNNING")) == len(account.executions) < 100


def refusing(name: str, error: ClientError) -> Any:
    def before_start(started: str) -> None:
        if started == name:
            raise error

    return before_start


@pytest.mark.parametrize("seconds", [0.0, 1.0], ids=["ended", "running"])
def test_a_start_whose_answer_was_lost_is_followed(clock: Clock, seconds: float) -> None:
    account = StepFunctions(clock, Conditions(seconds=seconds))

    def lose_the_first_answer(name: str) -> None:  # the SDK repeats the request
        account.create(name, '{"s3_key": "images/0.png"}')

    account.before_start = lose_the_first_answer
    assert only(run(account, 1)).status == "SUCCEEDED"
    assert len(account.executions) == 1
    assert clock.now <= seconds + 2 * module.POLL_SECONDS


def test_an_execution_of_another_input_is_not_taken_for_ours(clock: Clock) -> None:
    account = StepFunctions(clock)
    account.create("run-00000", '{"s3_key": "another"}')
    execution = only(run(account, 1))
    assert (execution.status, execution.error) == ("FAILED", "ExecutionAlreadyExists")
    assert "Another execution has this name" in execution.cause


@pytest.mark.parametrize(("created", "status"), [(True, "SUCCEEDED"), (False, "FAILED")])
def test_after_an_internal_error_it_is_asked_whether_the_execution_exists(
    clock: Clock, created: bool, status: str
) -> None:
    account = StepFunctions(clock, Conditions(describe_lag=2.0))

    def fail(name: str) -> None:
        if created:
            account.create(name, '{"s3_key": "images/0.png"}')
        raise client_error("InternalFailure", status=500)

    account.before_start = fail
    execution = only(run(account, 1))
    assert (execution.status, execution.error) == (status, "" if created else "InternalFailure")
    assert clock.now < module.SILENT_SECONDS + 5


# No end ------------------------------------------------------------------------------------------------------


def test_executions_that_never_end_are_reported(clock: Clock) -> None:
    account = StepFunctions(clock, Conditions(seconds=NEVER))
    with pytest.raises(ExecutionsError, match="2 executions are running, but none has ended for 900 s"):
        run(account, 2)
    assert 900 < clock.now < 905


@pytest.mark.parametrize("seconds", [450.0, float(module.STALL_SECONDS)])
def test_a_long_run_in_which_executions_end_is_no_stall(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", seconds)
    account = StepFunctions(clock, Conditions(seconds=seconds))
    assert len(run(account, 6, limit=1).having("SUCCEEDED")) == 6
    assert clock.now >= 6 * seconds


def test_failures_that_are_never_explained_are_reported(clock: Clock) -> None:
    account = StepFunctions(clock, Conditions(describe_lag=NEVER, errors=FAILS))
    with pytest.raises(ExecutionsError, match="not said for 900 s why 1 executions failed"):
        run(account, 2)


def test_no_executions_end_at_once(clock: Clock) -> None:
    assert list(workflow_of(StepFunctions(clock), 0).run(50)) == []
