"""Tables of thresholds: for the console, for threshold.csv and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.table import Column, Table

from training.statistics.intervals import Interval
from training.threshold.sentences import percent
from training.threshold.thresholds import Row, lowest_proven

CLASS_TITLE = "Each class (as advice: the workflow has one threshold)"


def table(rows: Sequence[Row], title: str, deployed: float) -> Table:
    """Return the table for the console, at most 80 columns wide; a star marks the deployed threshold."""
    level = percent(rows[0].aim.confidence)
    grid = plain_table(
        title,
        "threshold",
        f"accepted\nof {rows[0].photos:,}",
        "wrong",
        f"% of accepted\n({level} interval)",
        f"refused of 1,000\n({level} interval)",
        "proven\np-value",
    )
    for row in rows:
        error = row.error_share
        grid.add_row(
            f"{row.threshold:g}{'*' if row.threshold == deployed else ' '}",
            f"{row.accepted:,} {row.coverage:4.0%}",
            f"{row.errors:,}",
            "-" if error is None else f"{100 * error:.1f} ({of_interval(percents(row.error_interval), '.1f')})",
            f"{row.refusals:.0f} ({of_interval(row.refusals_interval, '.0f')})",
            f"{'yes' if row.proven else 'no'} {row.p_value:.3f}",
        )
    return grid


def cost_table(rows: Sequence[Row]) -> Table:
    """Return what 1,000 photos cost at each threshold."""
    grid = plain_table("Cost of 1,000 photos", "threshold", "cost", f"{percent(rows[0].aim.confidence)} interval")
    for row in rows:
        if row.cost is not None and row.cost_interval is not None:
            grid.add_row(f"{row.threshold:g}", f"{row.cost:,.4g}", of_interval(row.cost_interval, ",.4g"))
    return grid


def class_table(classes: Mapping[str, Sequence[Row]], conclusions: Mapping[str, str]) -> Table:
    """Return the lowest proven threshold of each predicted class, or what its proof needs.

    Args:
        conclusions: What to say where no threshold is proven.
    """
    grid = Table(Column("predicted class", overflow="fold"), "photos", "threshold", title=CLASS_TITLE, box=None)
    grid.title_justify = "left"
    for name, rows in classes.items():
        row = lowest_proven(rows)
        grid.add_row(name, f"{rows[0].photos:,}", f"{row.threshold:g}" if row else conclusions[name])
    return grid


def plain_table(title: str, *headers: str) -> Table:
    columns = [Column(header, justify="right", no_wrap=True) for header in headers]
    return Table(*columns, title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))


def percents(interval: Interval) -> Interval:
    return 100 * interval[0], 100 * interval[1]


def of_interval(interval: Interval, form: str) -> str:
    low, high = interval
    return f"{low:{form}} to {high:{form}}"


def frame(kinds: Mapping[str, Sequence[Row]]) -> pd.DataFrame:
    """Return the rows of all kinds of evidence, a line each."""
    return pd.DataFrame([{"evidence": kind, **fields(row)} for kind, rows in kinds.items() for row in rows])


def fields(row: Row) -> dict[str, Any]:
    """Return the figures of a threshold; the ends of intervals are named `_low` and `_high`."""
    error_low, error_high = row.error_interval
    refusals_low, refusals_high = row.refusals_interval
    cost_low, cost_high = row.cost_interval or (None, None)
    return {
        "threshold": row.threshold,
        "photos": row.photos,
        "accepted": row.accepted,
        "coverage": row.coverage,
        "errors": row.errors,
        "error_share": row.error_share,
        "error_share_low": error_low,
        "error_share_high": error_high,
        "refusals_per_1000": row.refusals,
        "refusals_per_1000_low": refusals_low,
        "refusals_per_1000_high": refusals_high,
        "p_value": row.p_value,
        "proven": row.proven,
        "cost_per_1000": row.cost,
        "cost_per_1000_low": cost_low,
        "cost_per_1000_high": cost_high,
    }
