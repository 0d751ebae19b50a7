"""The events of EventBridge that tell how an execution's status changes.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from typing import Any

from localcloud.step_functions.execution import Execution

SOURCE = "aws.states"
DETAIL_TYPE = "Step Functions Execution Status Change"
DATA_LIMIT = 248 * 1024  # bytes of JSON; longer inputs and outputs are left out


def detail_of(execution: Execution) -> dict[str, Any]:
    """Return the detail of the event that tells an execution's present status."""
    told = execution.status != "ABORTED"
    return {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "stateMachineVersionArn": execution.machine_version_arn,
        "stateMachineAliasArn": execution.machine_alias_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": milliseconds(execution.started.timestamp()),
        "stopDate": milliseconds(execution.stopped.timestamp()) if execution.stopped else None,
        **data_of("input", execution.input),
        **data_of("output", execution.output),
        "error": execution.error if told else None,
        "cause": execution.cause if told else None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": None,
    }


def milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def data_of(name: str, text: str | None) -> dict[str, Any]:
    included = text is not None and len(text.encode(errors="surrogatepass")) <= DATA_LIMIT
    return {name: text if included else None, f"{name}Details": None if text is None else {"included": included}}
