"""Following a batch to its end."""

import pytest

from tests.unit.training.batch.conftest import MAP_RUN, BatchMachine
from tests.unit.training.fakes import Clock, client_error, printed, refuse
from training.batch import photos, progress, start
from training.context import Context
from training.errors import BatchError

SOURCE = photos.Source("images/", 100, prefix="images/")


@pytest.fixture
def machine() -> BatchMachine:
    return BatchMachine(total=100, speed=40)


def test_photos_are_counted_until_the_end(context: Context, clock: Clock) -> None:
    batch = start.start(context, SOURCE, {})
    found = list(progress.follow(context, batch))
    assert [one.done for one in found] == [40, 80, 100, 100]
    assert found[-1].status == "SUCCEEDED" and found[-1].map_run_arn == MAP_RUN
    assert (found[0].seconds, found[-1].seconds) == (None, 20.0)
    assert clock.now == 3 * progress.POLL_SECONDS


def test_a_batch_that_aws_does_not_know_yet_is_waited_for(context: Context, machine: BatchMachine) -> None:
    machine.late = 3
    batch = start.start(context, SOURCE, {})
    assert [one.done for one in progress.follow(context, batch)] == [0, 0, 0, 40, 80, 100, 100]


def test_a_batch_that_does_not_exist_is_not_waited_for(context: Context, clock: Clock) -> None:
    with pytest.raises(BatchError, match="There is no batch elsewhere"):
        list(progress.follow(context, start.find(context, "elsewhere")))
    assert clock.now == 0


def test_throttling_is_waited_out(context: Context, machine: BatchMachine) -> None:
    batch = start.start(context, SOURCE, {})
    refuse(machine, "describe_map_run", client_error("ThrottlingException"), client_error("ThrottlingException"))
    assert list(progress.follow(context, batch))[-1].done == 100


def test_any_other_refusal_ends_it(context: Context, machine: BatchMachine) -> None:
    batch = start.start(context, SOURCE, {})
    refuse(machine, "list_map_runs", client_error("AccessDeniedException"), client_error("AccessDeniedException"))
    with pytest.raises(Exception, match="AccessDenied"):
        list(progress.follow(context, batch))


def test_the_end_has_error_and_cause(context: Context, machine: BatchMachine) -> None:
    machine.end = {"status": "FAILED", "error": "TooManyRefusedError", "cause": "60 of 100"}
    ended = progress.show(context, start.start(context, SOURCE, {}))
    assert (ended.status, ended.error, ended.cause, ended.total) == ("FAILED", "TooManyRefusedError", "60 of 100", 100)


def test_photos_speed_and_time_left_are_shown(context: Context) -> None:
    bar = progress.progress_bar(context.console)
    now = 0.0
    bar.get_time = lambda: now
    task = bar.add_task("Batch b", total=100)
    for done in (10, 20, 40):
        now += 1.0
        bar.update(task, completed=done)
    context.console.print(bar.get_renderable())
    shown = printed(context)
    assert "40/100" in shown and "15 a second" in shown and "0:00:04" in shown
