"""The verdict on the console: one line a check, then why and what to do."""

import math
from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from training.checks.check import Check, State
from training.checks.sentences import percent
from training.checks.verdict import Verdict

MARKS: dict[State, tuple[str, str]] = {  # a word and a style: colour alone tells nothing to many
    "healthy": ("healthy", "green"),
    "check": ("CHECK", "bold yellow"),
    "stop": ("STOP", "bold red"),
    "unknown": ("unknown", "dim"),
}


def table(verdict: Verdict) -> Group:
    """Return what the console prints, which fits 80 columns."""
    grid = Table("Check", "State", "Value", "95 % interval", "Limit", title_justify="left", title=heading(verdict))
    for check in verdict.checks:
        grid.add_row(check.name, mark(check.state), value(check), interval(check), limit(check))
    return Group(grid, *sentences(verdict))


def heading(verdict: Verdict) -> Text:
    return Text("Verdict: ", "bold") + mark(verdict.state)


def mark(state: State) -> Text:
    return Text(*MARKS[state])


def sentences(verdict: Verdict) -> Iterator[Text]:
    """Return why, and what to do."""
    yield Text(verdict.why)
    yield Text("What to do: ", "bold") + Text(verdict.action, "not bold")


def value(check: Check) -> str:
    """Return what was seen, "" when it is unknown."""
    return "" if check.value is None else written(check, check.value)


def interval(check: Check) -> str:
    """Return the ends of a check's interval, "" where there is none."""
    if check.interval is None or check.value is None:
        return ""
    low, high = check.interval
    return f"{written(check, low)} to {written(check, high)}" if math.isfinite(high) else f"from {written(check, low)}"


def limit(check: Check) -> str:
    """Return what the value is held against."""
    least, most = check.limit.least, check.limit.most
    if least and most is not None:
        return f"{written(check, least)} to {written(check, most)}"
    if most is not None:
        return f"at most {written(check, most)}"
    return f"at least {written(check, least)}" if least is not None else ""


def written(check: Check, number: float) -> str:
    """Return a number in the check's unit."""
    if check.unit == "share":
        return percent(number)
    return f"{number:.1f} s" if check.unit == "seconds" else f"{check.unit[0]} = {number:.2g}"
