"""Map Runs: what is told of them and of their child executions, and their limits."""

import re
from typing import Any

from localcloud.sagemaker.errors import ServiceError
from localcloud.step_functions.api import executions, names
from localcloud.step_functions.api.pages import page
from localcloud.step_functions.maps import registry
from localcloud.step_functions.maps.map_run import MapRun
from localcloud.step_functions.store import Store

Parameters = dict[str, Any]

MAP_RUN_ARN = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:mapRun:([^:]+)/([^:]+):(.+)")


def find(arn: str) -> MapRun:
    names.check_arn(arn, MAP_RUN_ARN)
    run = registry.find(arn)
    if run is None or not arn.startswith(names.scope()):
        raise ServiceError("ResourceNotFound", f"Resource not found: '{arn}'")
    return run


def list_map_runs(store: Store, params: Parameters) -> Parameters:
    """List the Map Runs of an execution, newest first."""
    execution = executions.find(store, params["executionArn"]).execution
    rows = [registry.summary(run) for run in registry.runs_of(execution.arn)]
    rows.sort(key=newest_first("mapRunArn"))
    shown, token = page(rows, params, newest_first("mapRunArn"))
    return {"mapRuns": list(shown), **token}


def newest_first(name: str) -> Any:
    return lambda row: [-row["startDate"], row[name]]


def describe(store: Store, params: Parameters) -> Parameters:
    return registry.description(find(params["mapRunArn"]))


def update(store: Store, params: Parameters) -> Parameters:
    """Change the limits of a Map Run while it runs."""
    run = find(params["mapRunArn"])
    if run.status != "RUNNING":
        raise names.invalid(f"Map Run is {run.status} and cannot be updated: '{run.arn}'")
    given = [params.get(name) for name in ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")]
    registry.update(run, *given)
    return {}


def list_children(params: Parameters) -> Parameters:
    """List the child executions of a Map Run, newest first."""
    rows = list(registry.child_rows(find(params["mapRunArn"]), params.get("statusFilter")))
    rows.sort(key=newest_first("executionArn"))
    shown, token = page(rows, params, newest_first("executionArn"))
    return {"executions": list(shown), **token}
