"""The outcome of a check, and the table of all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table
from rich.text import Text

PASSED: Literal["passed"] = "passed"
PROBLEM: Literal["problem"] = "problem"
NOT_CHECKED: Literal["not checked"] = "not checked"
STYLES = {PASSED: "green", PROBLEM: "red", NOT_CHECKED: "yellow"}

WIDTH = 79  # columns: a terminal of 80 with room for its cursor
LONGEST_REASON = 160  # characters of what AWS says


@dataclass(frozen=True)
class Check:
    """What was looked at, and what was found."""

    subject: str
    outcome: Literal["passed", "problem", "not checked"]
    finding: str = ""  # what was found, or why nothing was looked at
    remedy: str = ""  # of a problem


def passed(subject: str, finding: str = "") -> Check:
    return Check(subject, PASSED, finding)


def problem(subject: str, finding: str, remedy: str) -> Check:
    return Check(subject, PROBLEM, finding, remedy)


def not_checked(subject: str, reason: str | Exception) -> Check:
    """Return the check that could not be made, for a reason in words or AWS's refusal."""
    return Check(subject, NOT_CHECKED, reason if isinstance(reason, str) else words_of(reason))


def words_of(err: Exception) -> str:
    """Return what AWS or its SDK says, on one line."""
    if isinstance(err, ClientError):
        error = err.response["Error"]
        text = f"{error.get('Code', '')}: {error.get('Message', '')}"
    else:
        text = str(err)
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}..."


# What a check may meet that says nothing about the run: missing permissions, a service that is not there.
UNANSWERED = (ClientError, BotoCoreError)


def table(checks: Iterable[Check]) -> Table:
    """Return the checks, in at most 80 columns."""
    grid = Table(
        show_header=False,
        box=None,
        title="Checks",
        title_justify="left",
        title_style="bold",
        padding=(0, 2, 0, 0),
        width=WIDTH,
    )
    grid.add_column(max_width=28, overflow="fold")
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for check in checks:
        text = f"{check.finding}: {check.remedy}." if check.remedy else check.finding
        grid.add_row(check.subject, Text(check.outcome, STYLES[check.outcome]), text)
    return grid
