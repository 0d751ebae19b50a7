"""The logs of state machines in CloudWatch Logs."""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud.step_functions.logs import ACTIONS
from tests.integration.support.iam import create_role
from tests.integration.support.logs import log_of
from tests.integration.support.waiting import wait_for

DELIVER: dict[str, Any] = {"Effect": "Allow", "Action": list(ACTIONS), "Resource": "*"}
FAILS = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Broken", "Cause": "on purpose"}}}


@pytest.fixture
def name(aws: dict[str, str]) -> str:
    """Return a name that has a log group."""
    name = f"it-{uuid.uuid4().hex[:8]}"
    boto3.client("logs").create_log_group(logGroupName=f"/aws/vendedlogs/states/{name}")
    return name


def create(name: str, role: str, level: str, kind: Any = "STANDARD") -> str:
    group = boto3.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/vendedlogs/states/{name}")
    arn = group["logGroups"][0]["arn"]
    logging: Any = {
        "level": level,
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}],
    }
    states = boto3.client("stepfunctions")
    created = states.create_state_machine(
        name=name, roleArn=role, definition=json.dumps(FAILS), type=kind, loggingConfiguration=logging
    )
    return created["stateMachineArn"]


@pytest.mark.aws(
    "Step Functions",
    "loggingConfiguration: events of executions in CloudWatch Logs, by level, with or without data",
    "approximate",
    "one log stream for each state machine and start of the cloud; X-Ray is not emulated",
)
@pytest.mark.parametrize(
    ("kind", "level", "types"),
    [
        ("EXPRESS", "ALL", ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]),
        ("STANDARD", "FATAL", ["ExecutionFailed"]),
    ],
)
def test_executions_log_their_events(name: str, kind: str, level: str, types: list[str]) -> None:
    machine = create(name, create_role(name, "states", DELIVER), level, kind)
    boto3.client("stepfunctions").start_execution(stateMachineArn=machine)
    found = wait_for(
        lambda: (
            lines if len(lines := log_of(f"/aws/vendedlogs/states/{name}", f"states/{name}/")) >= len(types) else None
        ),
        20,
    )
    events = [json.loads(line) for line in found]
    assert [event["type"] for event in events] == types
    last = events[-1]
    assert (last["details"], last["previous_event_id"]) == ({"error": "Broken", "cause": "on purpose"}, "2")
    assert f":{name}:" in last["execution_arn"]


@pytest.mark.aws("Step Functions", "a role that may not deliver logs is refused", "exact")
def test_a_role_that_may_not_deliver_logs_is_refused(name: str) -> None:
    role = create_role(name, "states", {**DELIVER, "Action": list(ACTIONS[1:])})
    with pytest.raises(ClientError, match=r"AccessDeniedException.*not authorized to access the Log Destination"):
        create(name, role, "ALL")
    assert create(name, role, "OFF")
