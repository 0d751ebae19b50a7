"""The metrics of executions in AWS/States.

https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from localcloud.corrections import metric_data
from localcloud.step_functions.execution import Execution

METRICS = {  # by status
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "ABORTED": "ExecutionsAborted",
    "TIMED_OUT": "ExecutionsTimedOut",
}


def count_execution(execution: Execution) -> None:
    """Record a change of an execution's status."""
    machine = {"StateMachineArn": execution.machine_arn}
    for name in names_of(execution):
        metric_data.record(("AWS/States", name), [1], "Count", machine)
    if execution.stopped is not None:
        milliseconds = (execution.stopped - execution.started).total_seconds() * 1000
        metric_data.record(("AWS/States", "ExecutionTime"), [milliseconds], "Milliseconds", machine)


def names_of(execution: Execution) -> list[str]:
    """Return the metrics that a status counts in; those of redriven executions have their own besides."""
    name = METRICS[execution.status]
    if not execution.redrives:
        return [name]
    return ["ExecutionsRedriven"] if execution.status == "RUNNING" else [name, f"Redriven{name}"]
