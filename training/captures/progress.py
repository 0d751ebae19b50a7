"""Shows how many captures there are so far: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

FILES = "Files of captured inferences"  # what is counted when they are read
EACH_SECONDS = 15.0  # at least, between two lines

Update: TypeAlias = Callable[[int], None]  # takes how many are done
Show: TypeAlias = Callable[[int], AbstractContextManager[Update]]  # takes how many there are in all


@contextmanager
def counting(console: Console, what: str, total: int) -> Iterator[Update]:
    """Yield a function that shows how many are done.

    Args:
        what: What is counted, as the beginning of a line.
        total: How many there are, or are expected.
    """
    if not console.is_terminal:
        yield Lines(console, what, total).update
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), MofNCompleteColumn(), TimeElapsedColumn())
    left = (TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, *left, console=console, transient=True, refresh_per_second=2) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def hidden(total: int) -> Iterator[Update]:
    """Show nothing."""
    yield lambda done: None


class Lines:
    """A line now and then; nothing is said of what is over before the first one."""

    def __init__(self, console: Console, what: str, total: int) -> None:
        self._console, self._what, self._total = console, what, total
        self._told_at = time.monotonic()

    def update(self, done: int) -> None:
        now = time.monotonic()
        if now - self._told_at < EACH_SECONDS:
            return
        self._told_at = now
        self._console.print(f"{self._what}: {done:,} of {self._total:,}", highlight=False)
