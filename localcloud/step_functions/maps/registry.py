"""The Map Runs that are known, and what the API tells of them and changes."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from localcloud.step_functions.execution import Execution
from localcloud.step_functions.loop import event_loop
from localcloud.step_functions.maps.map_run import Counts, MapRun, Row

KEPT_RUNS = 1_000
PLAIN = (  # fields of a Map Run that are JSON
    *("execution_arn", "machine_arn", "label", "max_concurrency", "tolerated_count", "tolerated_percentage", "id"),
    *("status", "redrives"),
)
MOMENTS = ("started", "stopped", "redriven")
COUNTS = ("items", "children")

_runs: OrderedDict[str, MapRun] = OrderedDict()  # by ARN


def add(run: MapRun) -> None:
    """Keep a Map Run; the oldest that have ended are forgotten."""
    _runs[run.arn] = run
    for arn in [arn for arn, one in _runs.items() if one.status != "RUNNING"][: len(_runs) - KEPT_RUNS]:
        del _runs[arn]


def saved() -> list[dict[str, Any]]:
    """Return the Map Runs as JSON, without their children: those are in memory only."""
    return [saved_run(run) for run in list(_runs.values())]


def saved_run(run: MapRun) -> dict[str, Any]:
    moments = {name: getattr(run, name) for name in MOMENTS}
    return {
        **{name: getattr(run, name) for name in PLAIN},
        **{name: moment and moment.timestamp() for name, moment in moments.items()},
        **{name: asdict(getattr(run, name)) for name in COUNTS},
    }


def restore(rows: Iterable[dict[str, Any]]) -> None:
    """Take up what `saved` has returned. Map Runs that ran then have failed, as their executions have."""
    for row in rows:
        moments = {name: row[name] and datetime.fromtimestamp(row[name], UTC) for name in MOMENTS}
        run = MapRun(**{**row, **moments, **{name: Counts(**row[name]) for name in COUNTS}})
        if run.status == "RUNNING":
            for counts in (run.items, run.children):
                counts.move(counts.by_state["running"], "running", "aborted")
            run.end("FAILED")
        add(run)


def find(arn: str) -> MapRun | None:
    return _runs.get(arn)


def runs_of(execution_arn: str) -> list[MapRun]:
    """Return the Map Runs that an execution has started, the newest first."""
    return [run for run in reversed(_runs.values()) if run.execution_arn == execution_arn]


def find_child(arn: str) -> Execution | None:
    """Return a child execution that is still known."""
    machine = arn.split(":")[6] if arn.count(":") >= 7 else ""
    for run in reversed(_runs.values()):
        if run.child_machine_arn.rsplit(":", 1)[-1] == machine and (child := run.child(arn)):
            return child
    return None


def summary(run: MapRun) -> dict[str, Any]:
    """Return a row of ListMapRuns."""
    told = {
        "executionArn": run.execution_arn,
        "mapRunArn": run.arn,
        "stateMachineArn": run.child_machine_arn,
        "startDate": run.started.timestamp(),
    }
    return told if run.stopped is None else {**told, "stopDate": run.stopped.timestamp()}


def description(run: MapRun) -> dict[str, Any]:
    """Return what DescribeMapRun tells."""
    told = summary(run)
    del told["stateMachineArn"]
    return {
        **told,
        "status": run.status,
        "maxConcurrency": run.max_concurrency,
        "toleratedFailureCount": run.tolerated_count or 0,
        "toleratedFailurePercentage": float(run.tolerated_percentage or 0),
        "itemCounts": run.items.described(),
        "executionCounts": run.children.described(),
        "redriveCount": run.redrives,
        **({} if run.redriven is None else {"redriveDate": run.redriven.timestamp()}),
    }


def child_rows(run: MapRun, status: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield rows of ListExecutions for the children of a Map Run."""
    return (child_row(run, row) for row in run.rows() if status in (None, row.status))


def child_row(run: MapRun, row: Row) -> dict[str, Any]:
    told = {
        "executionArn": row.arn,
        "itemCount": row.items,
        "mapRunArn": run.arn,
        "name": row.name,
        "redriveCount": 0,
        "startDate": row.started.timestamp(),
        "stateMachineArn": run.child_machine_arn,
        "status": row.status,
    }
    return told if row.stopped is None else {**told, "stopDate": row.stopped.timestamp()}


def update(
    run: MapRun, max_concurrency: int | None = None, count: int | None = None, percentage: float | None = None
) -> None:
    """Change the limits of a Map Run that runs; they count at once."""
    if max_concurrency is not None:
        run.max_concurrency = max_concurrency
    if count is not None:
        run.tolerated_count = count
    if percentage is not None:
        run.tolerated_percentage = percentage
    event_loop().call_soon_threadsafe(run.wake)
