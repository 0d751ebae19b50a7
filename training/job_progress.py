"""Shows how far a training job is: a bar on a terminal, a line for each epoch elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.job_metrics import Epoch, MetricReader

ENDED = ("Completed", "Failed", "Stopped")  # statuses of a job


class Display(Protocol):
    """What is shown while a job runs."""

    def update(self, status: str, metrics: MetricReader) -> None:
        """Show SageMaker's secondary status and the epochs that have been logged so far."""


@contextmanager
def display(console: Console) -> Iterator[Display]:
    """Yield what suits the console; a bar vanishes at the end, lines stay."""
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[epoch]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[accuracies]}"),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=2) as progress:
        yield Bar(progress)


class Bar:
    """Epochs done of all, the time left and the last accuracies, in one line."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("Starting", total=None, epoch="", accuracies="")

    def update(self, status: str, metrics: MetricReader) -> None:
        """Move the bar; it only swings while the number of epochs is unknown."""
        epochs = metrics.epochs()
        last = epochs[-1] if epochs else None
        self._progress.update(
            self._task,
            description=status,
            total=metrics.planned,
            completed=last.number + 1 if last else 0,
            epoch=f"epoch {count(last, metrics.planned)}" if last else "",
            accuracies=short(last) if last else "",
        )


class Lines:
    """One line for each change of the status and for each epoch."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = ""
        self._shown = 0  # epochs
        self._began: float | None = None  # when the first epochs were seen, by time.monotonic()
        self._first = 0  # epochs that were seen then

    def update(self, status: str, metrics: MetricReader) -> None:
        """Print what is new. The last epoch waits for the next one or the job's end: its lines may come in parts."""
        if status != self._status:
            self._status = status
            self._console.print(f"Training job: {status}", highlight=False)
        epochs = metrics.epochs()
        whole = epochs if status in ENDED else epochs[:-1]
        if whole and self._began is None:
            self._began, self._first = time.monotonic(), len(whole)
        for epoch in whole[self._shown :]:
            left = "" if status in ENDED else self._left(epoch, metrics.planned, len(whole))
            self._console.print(
                f"Epoch {count(epoch, metrics.planned)}: {phrase(epoch)}{left}", highlight=False, soft_wrap=True
            )
        self._shown = max(self._shown, len(whole))

    def _left(self, epoch: Epoch, planned: int | None, done: int) -> str:
        """Return the time left as the end of a line, "" before anything is known about the speed."""
        if planned is None or self._began is None or done <= self._first or epoch.number + 1 != done:
            return ""
        each = (time.monotonic() - self._began) / (done - self._first)
        return f", about {duration(each * (planned - done))} left"


def count(epoch: Epoch, planned: int | None) -> str:
    """Return `3 of 120`, or `3`; people count from 1."""
    return f"{epoch.number + 1}" + (f" of {planned}" if planned else "")


def phrase(epoch: Epoch) -> str:
    """Return the epoch's accuracies."""
    return ", ".join(f"{split} accuracy {value:.3f}" for split, value in epoch.accuracies.items())


def short(epoch: Epoch) -> str:
    """Return the epoch's accuracies for a line that also has a bar."""
    return " ".join(f"{split[:5]} {value:.3f}" for split, value in epoch.accuracies.items())


def duration(seconds: float) -> str:
    """Return `45 s` or `3 min`."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
