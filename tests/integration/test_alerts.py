"""It tells: each kind of failure and each alarm reaches a subscriber of the topic."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.integration.support.people import person
from tests.integration.support.queues import create_queue, receive
from tests.integration.support.stacks import deploy_application, stack_outputs
from tests.integration.support.waiting import wait_for

STACK = "alerts-test"
ALARMS = (
    "failures",
    "timeouts",
    "throttles",
    "endpoint-5xx",
    "endpoint-p99",
    "refusals",
    "dead-letters",
    "backlog",
)


@dataclass(frozen=True)
class Stack:
    """The deployed stack, and a queue that gets the messages of its topic."""

    outputs: dict[str, str]
    messages: str  # URL
    topic: str  # ARN


@pytest.fixture(scope="module")
def stack(aws: dict[str, str], build: Path) -> Iterator[Stack]:
    """Deploy the stack, without an endpoint, as a person with the rights of permissions.yaml."""
    parameters = {"EndpointName": STACK, "ClassifyUploads": "true", "Alerts": "true", "AlertEmail": "me@photos.example"}
    deploy_application(STACK, build, person(STACK, aws), **parameters)
    account = boto3.client("sts").get_caller_identity()["Account"]
    topic = f"arn:aws:sns:us-east-1:{account}:{STACK}-alerts"
    yield Stack(stack_outputs(STACK), subscribe(topic), topic)


def subscribe(topic: str) -> str:
    url, arn = create_queue()
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    condition = {"ArnEquals": {"aws:SourceArn": topic}}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn, "Condition": condition}]}
    boto3.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def next_message(stack: Stack) -> dict[str, str]:
    envelope: dict[str, str] = json.loads(receive(stack.messages)["Body"])
    return envelope


def start(machine: str, **event: Any) -> str:
    client: Any = boto3.client("stepfunctions")
    return str(client.start_execution(stateMachineArn=machine, input=json.dumps(event))["executionArn"])


@pytest.mark.aws("SNS", "topics, policies, publishing, and subscriptions of queues", "exact")
def test_a_failed_execution_is_told_with_its_photo(stack: Stack) -> None:
    key = "images/none.png"
    arn = start(stack.outputs["StateMachineArn"], s3_bucket=stack.outputs["BucketName"], s3_key=key)
    message = next_message(stack)
    assert message["Subject"] == f"{STACK}-imageClassification: FAILED, ImageNotFoundError"
    assert f"s3_key {key}" in message["Message"] and arn in message["Message"]
    assert "does not exist" in message["Message"]


def test_a_failed_batch_is_told(stack: Stack) -> None:
    start(stack.outputs["BatchStateMachineArn"], prefix="images/none/")
    message = next_message(stack)
    assert message["Subject"].startswith(f"{STACK}-batchClassification: FAILED, ")
    assert "Photo: prefix images/none/" in message["Message"]


def test_a_refusal_is_not_told_but_counted(stack: Stack) -> None:
    """The rule's own pattern is tried with the event of a refusal, and then the alarm is judged by its metric."""
    events, states = boto3.client("events"), ("FAILED", "TIMED_OUT", "ABORTED")
    pattern = events.describe_rule(Name=f"{STACK}-failures")["EventPattern"]
    told = [(status, error) for status in states for error in (None, "ThresholdConfidenceNotMetError", "OtherError")]
    found = [
        one for one in told if events.test_event_pattern(EventPattern=pattern, Event=event_of(stack, *one))["Result"]
    ]
    assert [one for one in found if one[0] == "FAILED"] == [("FAILED", "OtherError")]
    assert {status for status, _ in found} == set(states)


def event_of(stack: Stack, status: str, error: str | None) -> str:
    detail = {
        "status": status,
        "stateMachineArn": stack.outputs["StateMachineArn"],
        **({"error": error} if error else {}),
    }
    event = {"id": "1", "source": "aws.states", "detail-type": "Step Functions Execution Status Change"}
    more = {"account": "0", "time": "2026-11-21T00:00:00Z", "region": "us-east-1", "resources": []}
    return json.dumps({**event, **more, "detail": detail})


def test_too_many_refusals_raise_their_alarm(stack: Stack) -> None:
    """The functions' own metric is judged here; the states of all other alarms are set."""
    functions = boto3.client("lambda").list_functions()["Functions"]
    (name,) = (one["FunctionName"] for one in functions if f"{STACK}-filterInferences" in one["FunctionName"])
    for _ in range(3):
        boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"inferences": [0.5, 0.5]}).encode())
    wait_for(lambda: state_of("refusals") == "ALARM", seconds=30)
    assert json.loads(next_message(stack)["Message"])["AlarmName"] == f"{STACK}-refusals"


def state_of(alarm: str) -> str:
    (found,) = boto3.client("cloudwatch").describe_alarms(AlarmNames=[f"{STACK}-{alarm}"])["MetricAlarms"]
    return str(found["StateValue"])


@pytest.mark.aws(
    "CloudWatch",
    "AWS::CloudWatch::Alarm with SNS actions, and dashboards",
    "approximate",
    "dashboards are kept, not drawn; SQS has no metrics here",
)
def test_each_alarm_sends_its_message(stack: Stack) -> None:
    cloudwatch = boto3.client("cloudwatch")
    wanted = {f"{STACK}-{name}": "ALARM" for name in ALARMS if name != "refusals"}
    wanted[f"{STACK}-silence"] = "INSUFFICIENT_DATA"
    for name, state in wanted.items():
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="test")
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")  # type: ignore[arg-type]
    told = [json.loads(next_message(stack)["Message"]) for _ in wanted]
    assert {one["AlarmName"]: one["NewStateValue"] for one in told} == wanted
    (letters,) = (one for one in told if one["AlarmName"].endswith("-dead-letters"))
    assert f"{STACK}-uploads-dead-letters" in letters["AlarmDescription"]


@pytest.mark.aws("SNS", "subscriptions of email addresses", "approximate", "they are kept; no mail is sent")
def test_the_address_is_subscribed_and_the_dashboard_there(stack: Stack) -> None:
    found = boto3.client("sns").list_subscriptions_by_topic(TopicArn=stack.topic)["Subscriptions"]
    assert ("email", "me@photos.example") in [(one["Protocol"], one["Endpoint"]) for one in found]
    body = boto3.client("cloudwatch").get_dashboard(DashboardName=STACK)["DashboardBody"]
    assert json.loads(body)["widgets"]
