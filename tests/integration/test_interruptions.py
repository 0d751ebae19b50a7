"""What is written, runs or is deployed when the local cloud ends: what was answered is kept, the rest is told."""

import json
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config

from localcloud import instances
from tests.integration.support.clouds import OwnCloud, only_local, own_cloud
from tests.integration.support.iam import TRAIN_AND_SERVE, create_role
from tests.integration.support.objects import contents
from tests.integration.support.waiting import wait_for

pytestmark = only_local

ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCloud]:
    with own_cloud(tmp_path_factory.mktemp("interruptions") / "cloud") as cloud:
        yield cloud


BUCKETS = {"crash-enabled": "Enabled", "crash-suspended": "Suspended", "crash-unversioned": None}


def test_what_was_answered_before_a_kill_is_there(cloud: OwnCloud) -> None:
    """Buckets of all three kinds of versioning are written to when the cloud is killed."""
    s3: Any = boto3.client("s3", config=ONCE)
    answered: dict[str, dict[str, bytes]] = {name: {} for name in BUCKETS}
    for name, status in BUCKETS.items():
        s3.create_bucket(Bucket=name)
        if status:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
    running = instances.running(cloud.state)
    assert running is not None

    def put(first: int) -> None:
        for number in range(first, 2000, 5):
            key, body = f"{number % 50}", os.urandom(1000 + number)  # each key is put several times, by one thread
            for name in BUCKETS:
                s3.put_object(Bucket=name, Key=key, Body=body, Metadata={"number": str(number)})
                answered[name][key] = body
            if number == 300:
                psutil.Process(running.pid).kill()

    with ThreadPoolExecutor(5) as pool:
        for first in range(5):
            pool.submit(put, first)  # which ends with an error when the cloud is dead
    cloud.run("up")
    for name in BUCKETS:
        found = {key: body for key, (_, body) in contents(s3, name).items()}
        assert len(answered[name]) == 50
        lost = {key for key, body in answered[name].items() if found.get(key) != body}
        unanswered = {key for key in lost if int(s3.head_object(Bucket=name, Key=key)["Metadata"]["number"]) > 300}
        assert lost <= unanswered  # the kill may have come between writing and answering


WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}


@pytest.mark.aws(
    "Local cloud",
    "an execution that runs when the cloud ends",
    "approximate",
    "it has failed with States.Runtime, whose cause says so, once the cloud is up again",
)
def test_an_interrupted_execution_says_so(cloud: OwnCloud) -> None:
    states, role = boto3.client("stepfunctions"), create_role("states", "states", TRAIN_AND_SERVE)
    machine = states.create_state_machine(name="m", roleArn=role, definition=json.dumps(WAIT))["stateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    saved = cloud.state / "ministack" / "stepfunctions.json"
    wait_for(lambda: saved.exists() and arn in saved.read_text(), 10)
    running = instances.running(cloud.state)
    assert running is not None
    psutil.Process(running.pid).kill()
    cloud.run("up")
    execution = states.describe_execution(executionArn=arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime")
    assert "The local cloud ended while this execution ran" in execution["cause"]
    last = states.get_execution_history(executionArn=arn)["events"][-1]
    assert (last["type"], last["executionFailedEventDetails"]["error"]) == ("ExecutionFailed", "States.Runtime")
    states.start_execution(stateMachineArn=machine)


def deploy(stack: str, kind: Any, *names: str) -> None:
    """Create a change set for log groups of these names, and execute it, as `sam deploy` does."""
    client = boto3.client("cloudformation")
    groups = {
        name: {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"{stack}-{name}"}} for name in names
    }
    change_set: Any = {"StackName": stack, "ChangeSetName": f"c-{uuid.uuid4().hex}"}
    client.create_change_set(**change_set, ChangeSetType=kind, TemplateBody=json.dumps({"Resources": groups}))
    client.get_waiter("change_set_create_complete").wait(**change_set, WaiterConfig={"Delay": 1})
    client.execute_change_set(**change_set)
    complete: Any = "stack_create_complete" if kind == "CREATE" else "stack_update_complete"
    client.get_waiter(complete).wait(StackName=stack, WaiterConfig={"Delay": 1})


@pytest.mark.aws(
    "Local cloud",
    "a stack that is deployed when the cloud ends",
    "approximate",
    "it is CREATE_FAILED or UPDATE_FAILED once the cloud is up again, and the same `sam deploy` finishes it",
)
@pytest.mark.correction(name="stack-interrupted")
def test_an_interrupted_deployment_is_repeated(cloud: OwnCloud) -> None:
    operations, logs = ("CREATE", "UPDATE"), boto3.client("logs")
    for operation in operations:
        deploy(operation, "CREATE", "a")
        logs.create_log_group(logGroupName=f"{operation}-b")  # as the interrupted operation has
    cloud.run("down")
    saved = cloud.state / "ministack" / "cloudformation.json"
    state = json.loads(saved.read_text())
    for stack in state["payload"]["stacks"]["data"].values():
        stack["StackStatus"] = f"{stack['StackName']}_IN_PROGRESS"
        if stack["StackName"] == "CREATE":  # MiniStack keeps both at the end
            stack.update(_resources={}, _template={})
    saved.write_text(json.dumps(state))
    cloud.run("up")
    for operation in operations:
        found = boto3.client("cloudformation").describe_stacks(StackName=operation)["Stacks"][0]
        assert found["StackStatus"] == f"{operation}_FAILED"
        assert found["StackStatusReason"].startswith("The local cloud ended while this ran")
        deploy(operation, "UPDATE", "a", "b", "c")
        groups = logs.describe_log_groups(logGroupNamePrefix=f"{operation}-")["logGroups"]
        assert [group["logGroupName"] for group in groups] == [f"{operation}-{name}" for name in "abc"]
