"""Scope: the verdict fits a terminal of 80 columns, in words."""

import io

import pytest

from tests.unit.training.checks import evidence as runs
from training.checks.evidence import Evidence
from training.checks.limits import Limits
from training.checks.table import table
from training.checks.verdict import judge
from training.console import PlainConsole


def printed(evidence: Evidence, limits: Limits | None = None) -> str:
    console = PlainConsole(file=io.StringIO(), width=80)
    console.print(table(judge(evidence, limits or Limits())))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "run", [runs.HEALTHY, runs.DRIFTED, runs.ALL_WRONG, runs.ONE_CLASS, runs.UNLABELLED, runs.TINY]
)
def test_every_check_is_one_line_of_at_most_80_columns(run: Evidence) -> None:
    lines = printed(run).splitlines()
    assert max(map(len, lines)) <= 80
    for check in judge(run, Limits()).checks:
        assert sum(f" {check.name} " in line and f" {check.state} " in line.lower() for line in lines) == 1
    assert not any("\u2026" in line for line in lines)  # nothing is cut off


def test_the_table_has_value_interval_and_limit_of_each_check() -> None:
    rows = {line.split()[1]: " ".join(line.split()) for line in printed(runs.DRIFTED).splitlines() if "\u2502" in line}
    assert "CHECK \u2502 82.5% \u2502 76.6% to 87.1% \u2502 at least 92.3%" in rows["accuracy"]
    assert "healthy \u2502 6.0% \u2502 3.5% to 10.2% \u2502 at most 50.0%" in rows["refusals"]
    assert "CHECK \u2502 p = 1e-09 \u2502 \u2502 at least p = 0.01" in rows["drift"]
    assert "at most 60.0 s" in rows["latency"]


def test_a_band_and_an_open_interval_are_written_out() -> None:
    told = printed(runs.TINY, Limits(min_refused_share=0.01))
    assert "1.0% to 50.0%" in told and "from 1.0 s" in told


def test_why_and_what_to_do_follow() -> None:
    told = " ".join(printed(runs.ALL_WRONG).split())
    assert "Verdict: STOP" in told
    assert told.index("no better than chance") < told.index("What to do: Do not use its answers.")
