"""Shows an estimate, in at most 80 columns."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from training.costs.estimate import Estimate, Line
from training.costs.prices import Price

WIDTH = 79  # columns: a terminal of 80 with room for its cursor
CENT = 0.01


def money(usd: float) -> str:
    """Return an amount in dollars: cents, and three digits below one dollar."""
    if usd < CENT / 2:
        return "< 0.01"
    return f"{usd:,.2f}" if usd >= 1 else f"{usd:.3f}".removesuffix("0")


def amount(line: Line) -> str:
    """Return what a line costs, in brackets where it is not part of the sum."""
    if line.usd is None:
        return "unknown"
    text = money(line.usd) if line.verified else f"about {money(line.usd)}"
    return text if line.in_total else f"({text})"


def table(estimate: Estimate) -> Table:
    """Return the lines of an estimate, and their sum."""
    grid = Table(
        box=None,
        title=f"What this creates on AWS in {estimate.region}, and what it costs there",
        title_justify="left",
        title_style="bold",
        padding=(0, 2, 0, 0),
        width=WIDTH,
    )
    grid.add_column("", overflow="fold")
    grid.add_column("for", ratio=1, overflow="fold")
    grid.add_column("USD", justify="right", no_wrap=True)
    for line in estimate.lines:
        grid.add_row(line.name, line.basis, amount(line))
    basis = "" if all(line.in_total for line in estimate.lines) else "without what is in brackets"
    grid.add_row("together", basis, total(estimate), style="bold")
    return grid


def total(estimate: Estimate) -> str:
    if estimate.usd is None:
        return "unknown"
    known = all(line.verified for line in estimate.lines if line.in_total)
    return money(estimate.usd) if known else f"about {money(estimate.usd)}"


def notes(estimate: Estimate) -> Iterator[str]:
    """Yield the sentences that belong below the table."""
    for sentence in estimate.unknown:
        yield f"{sentence[0].upper()}{sentence[1:]}."
    used = [price for line in estimate.lines for price in line.used]
    if used:
        yield f"Prices of {dates(used)}: training/costs/prices.json has their sources."
    if any(not price.verified for price in used):
        yield "About: the price is quoted at second hand; `make prices` reads AWS's own list."
    yield "Without tax, free tier, logs and the instances' disks; free on the local AWS."


def dates(used: list[Price]) -> str:
    first, last = min(price.date for price in used), max(price.date for price in used)
    return first if first == last else f"{first} to {last}"


def as_json(estimate: Estimate) -> dict[str, Any]:
    """Return an estimate for `--json`; an unknown cost is None."""
    return {
        "region": estimate.region,
        "usd": estimate.usd,
        "lines": [
            {"name": line.name, "for": line.basis, "usd": line.usd, "in_total": line.in_total}
            for line in estimate.lines
        ],
    }
