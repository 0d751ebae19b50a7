"""Shows how traffic goes: on a terminal two times a second, elsewhere a line now and then."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

from training.traffic.records import ACCEPTED, FAILED, REFUSED, Record

LATELY = 30.0  # seconds, of which latencies and the rate are shown
LINE_SECONDS = 10.0  # between two lines, where there is no terminal
MOST_ERRORS = 4  # that are shown by name


class Tally:
    """What is known so far, and the latencies and the rate of the last seconds."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.sent_photos = 0
        self.outcomes: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self._sent: deque[float] = deque()  # moments
        self._latencies: deque[tuple[float, float]] = deque()  # moments and seconds
        self._began = time.monotonic()

    def sent(self, record: Record) -> None:
        self.sent_photos += 1
        self._sent.append(time.monotonic())

    def done(self, record: Record) -> None:
        self.outcomes[record.outcome] += 1
        if record.outcome == FAILED:
            self.errors[record.error] += 1
        if not np.isnan(record.latency):
            self._latencies.append((time.monotonic(), record.latency))

    def figures(self) -> dict[str, str]:
        """Return names and figures, in the order in which they are shown."""
        now = time.monotonic()
        while self._sent and self._sent[0] < now - LATELY:
            self._sent.popleft()
        while self._latencies and self._latencies[0][0] < now - LATELY:
            self._latencies.popleft()
        done = self.outcomes.total()
        names = ", ".join(f"{name} {number:,}" for name, number in self.errors.most_common(MOST_ERRORS))
        rate = len(self._sent) / min(LATELY, max(1.0, now - self._began))
        return {
            "sent": f"{self.sent_photos:,} of {self.total:,}, {rate:.1f} a second",
            "done": f"{done:,}, {self.outcomes[ACCEPTED]:,} accepted, {self.outcomes[REFUSED]:,} refused",
            "failed": f"{self.outcomes[FAILED]:,}{f' ({names})' if names else ''}",
            "in flight": f"{self.sent_photos - done:,}",
            "latency": self._latency(),
        }

    def _latency(self) -> str:
        if not self._latencies:
            return "none yet"
        p50, p95, p99 = np.percentile([seconds for _, seconds in self._latencies], [50, 95, 99])
        return f"p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s"


class Display:
    """Shows a tally: what `sending.run` tells of."""

    def __init__(self, console: Console, live: Live | None, tally: Tally) -> None:
        self._console = console
        self._live = live
        self._tally = tally
        self._next_line = time.monotonic() + LINE_SECONDS
        self.sent, self.done = tally.sent, tally.done

    def update(self) -> None:
        if self._live is not None:
            self._live.update(grid(self._tally.figures()), refresh=True)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            line = "; ".join(f"{name} {figure}" for name, figure in self._tally.figures().items())
            self._console.print(line, highlight=False, soft_wrap=True)


@contextmanager
def shown(console: Console, total: int) -> Iterator[Display]:
    """Yield what shows traffic of so many photos while it is sent."""
    tally = Tally(total)
    if not console.is_terminal:
        yield Display(console, None, tally)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield Display(console, live, tally)


def grid(figures: dict[str, str]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, figure in figures.items():
        table.add_row(name, figure)
    return table
