"""What an execution logs: its events, as LoggingConfiguration chooses them.

https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
"""

import json
from typing import Any

from localcloud.step_functions.history import Event

FATAL = ("ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut")
ERROR_ENDINGS = ("Aborted", "Failed", "TimedOut")  # of all events that level ERROR has, but for one
FAIL_STATE = "FailStateEntered"
DATA = ("input", "output", "parameters")  # left out without includeExecutionData, with what is told of them
# What the role of a state machine that logs needs on all resources.
ACTIONS = tuple(
    f"logs:{name}"
    for name in (
        *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
        *("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
    )
)


def has(level: str, kind: str) -> bool:
    """Return whether a level logs events of a type."""
    if level == "ERROR":
        return kind.endswith(ERROR_ENDINGS) or kind == FAIL_STATE
    return level == "ALL" or (level == "FATAL" and kind in FATAL)


def group_of(logging: dict[str, Any]) -> str:
    """Return the name of the log group that a LoggingConfiguration names by its ARN, "" when it logs nothing."""
    destinations = logging.get("destinations") or []
    if logging.get("level", "OFF") == "OFF" or not destinations:
        return ""
    return str(destinations[0]["cloudWatchLogsLogGroup"]["logGroupArn"]).removesuffix(":*").partition(":log-group:")[2]


def line(execution_arn: str, number: int, event: Event, include_data: bool) -> str:
    """Return the log event of a history event."""
    timestamp, kind, previous, details = event
    shown = {name: value for name, value in details.items() if include_data or not name.startswith(DATA)}
    return json.dumps(
        {
            "id": str(number),
            "type": kind,
            "details": shown,
            "previous_event_id": str(previous),
            "event_timestamp": str(int(timestamp * 1000)),
            "execution_arn": execution_arn,
        }
    )
