"""Before anything costs: what the steps will create, what it costs, and what would stop them; then the question."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from training.config import YES_VARIABLE, steps_of
from training.context import Context
from training.costs import table as costs
from training.costs.estimate import Estimate
from training.errors import PlanError
from training.planned_checks import run_checks
from training.planned_costs import lines
from training.preflight import check as checks
from training.preflight.check import PASSED, PROBLEM, Check

ASKED = ("train", "deploy")  # what these create costs more than cents, or goes on costing
ANSWERS = ("y", "yes")


def review(context: Context, arguments: argparse.Namespace) -> dict[str, Any]:
    """Print what the steps will create and what it costs, check it, and ask; returns both for `--json`.

    Raises:
        PlanError: AWS would refuse a step, the cost is above the limit, or nobody agreed to it.
    """
    steps = steps_of(arguments.step)
    estimate = Estimate(context.stack.region, tuple(lines(context, steps, arguments)))
    if not estimate.lines:
        return {}
    costly = bool(set(steps) & set(ASKED))
    return decide(context, arguments, estimate, partial(run_checks, context, steps, arguments) if costly else None)


def decide(
    context: Context, arguments: argparse.Namespace, estimate: Estimate, find_checks: Callable[[], list[Check]] | None
) -> dict[str, Any]:
    """Print what is created and what it costs, check it, and ask; returns both for `--json`.

    Args:
        find_checks: What checks that AWS will not refuse it; None where it costs so little that nobody is asked.

    Raises:
        PlanError: AWS would refuse it, the cost is above the limit, or nobody agreed to it.
    """
    show_costs(context, estimate)
    found = check_cost(estimate, getattr(arguments, "max_usd", None))
    found += find_checks() if find_checks else []
    show_checks(context, found, arguments)
    refuse_problems(found)
    if find_checks and not (arguments.dry_run or arguments.yes):
        ask(context)
    return {"plan": {"cost": costs.as_json(estimate), "checks": [vars(check) for check in found]}}


# Costs -------------------------------------------------------------------------------------------------------


def show_costs(context: Context, estimate: Estimate) -> None:
    console = context.console
    console.print(costs.table(estimate))
    console.print(*costs.notes(estimate), sep="\n", highlight=False)


def check_cost(estimate: Estimate, limit: float | None) -> list[Check]:
    """Return the check of `--max-usd`, which an unknown price does not pass; none without a limit."""
    subject = "cost limit"
    if limit is None:
        return []
    if estimate.usd is None:
        finding = f"{'; '.join(estimate.unknown)}; so --max-usd {limit:g} may not be kept"
        return [checks.problem(subject, finding, "choose machines with a known price, or leave --max-usd out")]
    if estimate.usd > limit:
        finding = f"{costs.money(estimate.usd)} USD is more than --max-usd {limit:g}"
        return [checks.problem(subject, finding, "raise the limit, or choose fewer or smaller machines")]
    return [checks.passed(subject, f"{costs.money(estimate.usd)} USD, at most {limit:g}")]


# Checks ------------------------------------------------------------------------------------------------------


def show_checks(context: Context, found: list[Check], arguments: argparse.Namespace) -> None:
    """Print every check in a dry run, else those that did not pass."""
    passed = [check for check in found if check.outcome == PASSED]
    shown = found if arguments.dry_run else [check for check in found if check not in passed]
    if shown:
        context.console.print(checks.table(shown))
    if found and not arguments.dry_run:
        context.console.print(f"{len(passed)} of {len(found)} checks passed.", highlight=False)


def refuse_problems(found: list[Check]) -> None:
    """Refuse to begin what AWS would refuse later.

    Raises:
        PlanError: There are problems, which have been printed.
    """
    problems = [check.subject for check in found if check.outcome == PROBLEM]
    if problems:
        raise PlanError(
            f"Nothing was created: {len(problems)} of {len(found)} checks found a problem ({'; '.join(problems)}): "
            "do what the table above says and run the same command again."
        )


# The question ------------------------------------------------------------------------------------------------


def ask(context: Context) -> None:
    """Ask whether to go on.

    Raises:
        PlanError: The answer is not yes, or there is nobody to ask.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise PlanError(
            "Nothing was created: this costs money on AWS, and nobody can be asked because stdin is no terminal: "
            f"add --yes, or set {YES_VARIABLE}=1."
        )
    context.console.print("Create this? [y/N] ", end="", highlight=False)
    if sys.stdin.readline().strip().lower() not in ANSWERS:
        raise PlanError("Nothing was created, because the answer was not yes: run the same command to be asked again.")
