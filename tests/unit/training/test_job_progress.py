"""What a training job shows: a bar on a terminal, a line for each epoch elsewhere; never more than 80 columns."""

import io
from typing import Any

import pytest

from tests.unit.training.fakes import Clock, Logs
from training import job_progress
from training.console import PlainConsole
from training.job_metrics import MetricReader
from training.job_progress import display

EPOCHS = 120


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(job_progress, "time", found)
    return found


def lines(epoch: int, *, held_out: bool = True) -> list[str]:
    validation = [f"Epoch[{epoch}] Validation-accuracy=0.912345"] if held_out else []
    return [f"Epoch[{epoch}] Train-accuracy=0.987654", f"Epoch[{epoch}] Time cost=1.0", *validation]


class Job:
    """A job whose log grows."""

    def __init__(self, *, planned: bool = True, terminal: bool = False) -> None:
        self.logs = Logs([f"Training for {EPOCHS} epochs."] if planned else [])
        client: Any = self.logs
        self.metrics = MetricReader(client, "job-1")
        self.console = PlainConsole(file=io.StringIO(), width=80, force_terminal=terminal)

    def add(self, *found: str) -> None:
        self.logs.lines = [*self.logs.lines, *found]
        self.metrics.read()

    def shown(self) -> list[str]:
        text: str = self.console.file.getvalue()  # type: ignore[attr-defined]
        return text.splitlines()


def test_each_epoch_is_one_line_once_it_is_whole(clock: Clock) -> None:
    job = Job()
    with display(job.console) as shown:
        shown.update("Starting", job.metrics)
        job.add(*lines(0)[:1])
        shown.update("Training", job.metrics)
        job.add(*lines(0)[1:], *lines(1))
        shown.update("Training", job.metrics)
        shown.update("Training", job.metrics)
        shown.update("Completed", job.metrics)
    assert job.shown() == [
        "Training job: Starting",
        "Training job: Training",
        "Epoch 1 of 120: train accuracy 0.988, validation accuracy 0.912",
        "Training job: Completed",
        "Epoch 2 of 120: train accuracy 0.988, validation accuracy 0.912",
    ]


def test_the_time_left_follows_from_the_epochs_that_were_watched(clock: Clock) -> None:
    job = Job()
    with display(job.console) as shown:
        job.add(*lines(0), *lines(1), *lines(2))  # two whole epochs: they may have run before anybody watched
        shown.update("Training", job.metrics)
        clock.sleep(30)
        job.add(*lines(3), *lines(4))
        shown.update("Training", job.metrics)
    assert job.shown()[-1].endswith("about 29 min left")  # 116 epochs of 15 s
    assert "left" not in "".join(job.shown()[:-1])


def test_epochs_without_a_held_out_photo_and_without_a_plan_are_shown(clock: Clock) -> None:
    job = Job(planned=False)
    with display(job.console) as shown:
        job.add(*lines(0, held_out=False))
        shown.update("Completed", job.metrics)
    assert job.shown()[-1] == "Epoch 1: train accuracy 0.988"


def test_a_terminal_has_one_line_of_at_most_80_columns() -> None:
    job = Job(terminal=True)
    with display(job.console) as shown:
        for epoch in range(109):
            job.add(*lines(epoch))
        shown.update("Training", job.metrics)
        assert isinstance(shown, job_progress.Bar)
        drawn = "".join(segment.text for segment in job.console.render(shown._progress.get_renderable()))
    rows = [row for row in drawn.splitlines() if row.strip()]
    assert len(rows) == 1
    assert "epoch 109 of 120" in rows[0]
    assert "train 0.988 valid 0.912" in rows[0]
    assert len(rows[0].rstrip()) <= 80
