"""Lambda reads queues: event source mappings, their batches, partial failures and dead letters."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud.corrections.function_concurrency import CONCURRENT_INVOCATIONS
from tests.integration.support.clouds import only_local
from tests.integration.support.functions import create_function
from tests.integration.support.iam import WRITE_LOGS, create_role, policy_document
from tests.integration.support.logs import log_of
from tests.integration.support.queues import create_queue, receive
from tests.integration.support.stacks import status_reason
from tests.integration.support.waiting import wait_for

NAME = f"it-{uuid.uuid4().hex[:8]}"
SERVICE = "Lambda"
READ = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
CODE = """
import json, time

def lambda_handler(event, context):
    started, bodies = time.time(), [record["body"] for record in event["Records"]]
    time.sleep(PAUSE)
    print(json.dumps({"version": context.function_version, "started": started, "ended": time.time(), "event": event}))
    if "raise" in bodies:
        raise RuntimeError("a batch that fails")
    return RESULT
"""
FAILED = '{"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"] if r["body"] == "bad"]}'

Map = Callable[..., str]


@pytest.fixture(scope="module")
def role(aws: dict[str, str]) -> str:
    return create_role(f"{NAME}-role", "lambda", WRITE_LOGS, {"Effect": "Allow", "Action": READ, "Resource": "*"})


@pytest.fixture
def queue(aws: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield URL and ARN of a queue whose messages come back after a second."""
    url, arn = create_queue(VisibilityTimeout="1")
    yield url, arn
    boto3.client("sqs").delete_queue(QueueUrl=url)


@pytest.fixture
def map_function(role: str, queue: tuple[str, str]) -> Iterator[Map]:
    """Yield a function that maps the queue to a new function, and returns the function's name."""
    client, mappings = boto3.client("lambda"), list[str]()

    def create(result: str = "None", pause: float = 0, qualifier: str = "", **mapping: Any) -> str:
        name = f"{NAME}-{uuid.uuid4().hex[:8]}"
        create_function(name, role, CODE.replace("RESULT", result).replace("PAUSE", str(pause)), Timeout=1)
        if qualifier:
            client.publish_version(FunctionName=name)
        named = f"{name}:{qualifier}" if qualifier else name
        created = client.create_event_source_mapping(FunctionName=named, EventSourceArn=queue[1], **mapping)
        mappings.append(created["UUID"])
        return name

    yield create
    for identifier in mappings:
        client.delete_event_source_mapping(UUID=identifier)


def send(url: str, *bodies: str) -> None:
    sqs = boto3.client("sqs")
    for start in range(0, len(bodies), 10):
        some = enumerate(bodies[start : start + 10])
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": body} for n, body in some])


def calls(function: str) -> list[Any]:
    """Return what the invocations of a function have logged."""
    return [json.loads(line) for line in log_of(f"/aws/lambda/{function}", "2") if line.startswith("{")]


def bodies(call: Any) -> list[str]:
    return [record["body"] for record in call["event"]["Records"]]


def is_empty(url: str) -> bool:
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return set(found.values()) == {"0"}


# Mappings that are refused -------------------------------------------------------------------------------------------

REFUSED = (
    "CreateEventSourceMapping of a queue: the role's permissions, the visibility timeout, the window, a second mapping"
)


def mapping_of(queue_arn: str, function: str, **members: Any) -> Any:
    return {"FunctionName": function, "EventSourceArn": queue_arn, **members}


@pytest.mark.correction(name="mapping-request")
@pytest.mark.aws(SERVICE, REFUSED, "exact")
@pytest.mark.parametrize("missing", READ)
def test_the_function_s_role_must_be_allowed_to_read_the_queue(queue: tuple[str, str], missing: str) -> None:
    name, action = f"{NAME}-{uuid.uuid4().hex[:8]}", missing.removeprefix("sqs:")
    allowed = {"Effect": "Allow", "Action": [one for one in READ if one != missing], "Resource": "*"}
    create_function(name, create_role(name, "lambda", allowed), CODE, Timeout=1)
    sentence = f"InvalidParameterValueException.*execution role does not have permissions to call {action} on SQS"
    with pytest.raises(ClientError, match=sentence):
        boto3.client("lambda").create_event_source_mapping(**mapping_of(queue[1], name))


@pytest.mark.aws(SERVICE, REFUSED, "exact")
def test_a_mapping_that_does_not_fit_is_refused(role: str, queue: tuple[str, str]) -> None:
    client, name, slow = boto3.client("lambda"), f"{NAME}-refused", f"{NAME}-slow"
    create_function(name, role, CODE, Timeout=1)
    create_function(slow, role, CODE, Timeout=2)
    with pytest.raises(
        ClientError, match="Queue visibility timeout: 1 seconds is less than Function timeout: 2 seconds"
    ):
        client.create_event_source_mapping(**mapping_of(queue[1], slow))
    with pytest.raises(ClientError, match="NonExistentQueue"):
        client.create_event_source_mapping(**mapping_of(f"{queue[1]}-missing", name))
    with pytest.raises(ClientError, match="Maximum batch window in seconds must be greater than 0"):
        client.create_event_source_mapping(**mapping_of(queue[1], name, BatchSize=11))
    identifier = client.create_event_source_mapping(**mapping_of(queue[1], name))["UUID"]
    with pytest.raises(client.exceptions.ResourceConflictException, match=f"already exists.*{identifier}"):
        client.create_event_source_mapping(**mapping_of(queue[1], name))
    client.delete_event_source_mapping(UUID=identifier)


@pytest.mark.correction(name="mapping-update")
@pytest.mark.aws(SERVICE, "UpdateEventSourceMapping: a batch of more than 10 messages needs a window", "exact")
def test_a_changed_mapping_must_fit(map_function: Map) -> None:
    client, name = boto3.client("lambda"), map_function()
    (mapping,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    with pytest.raises(ClientError, match="Maximum batch window in seconds must be greater than 0"):
        client.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=11)
    changed = client.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=11, MaximumBatchingWindowInSeconds=1)
    assert (changed["BatchSize"], changed["MaximumBatchingWindowInSeconds"]) == (11, 1)


@only_local
@pytest.mark.aws(SERVICE, "pollers, metrics and keys of an event source mapping", "absent", "refused by name")
def test_what_is_not_emulated_is_refused_by_name(map_function: Map) -> None:
    with pytest.raises(ClientError, match="The local cloud does not emulate MetricsConfig of an event source mapping"):
        map_function(MetricsConfig={"Metrics": ["EventCount"]})


@pytest.mark.correction(name="mapping-of-stack")
@pytest.mark.aws("CloudFormation", "an event source mapping that Lambda refuses fails", "exact")
def test_a_stack_s_mapping_must_fit(role: str, queue: tuple[str, str]) -> None:
    name = f"{NAME}-stack"
    create_function(name, role, CODE, Timeout=2)
    properties = {"FunctionName": name, "EventSourceArn": queue[1]}
    reason = status_reason(boto3.client("cloudformation"), "AWS::Lambda::EventSourceMapping", properties)
    assert "Queue visibility timeout: 1 seconds is less than Function timeout: 2 seconds" in reason


# Batches -------------------------------------------------------------------------------------------------------------


@pytest.mark.aws(SERVICE, "a queue's messages invoke the version that the mapping names, and are deleted", "exact")
def test_a_message_invokes_the_function(map_function: Map, queue: tuple[str, str]) -> None:
    function, (url, arn) = map_function(qualifier="1"), queue
    attribute: Any = {"kind": {"DataType": "String", "StringValue": "photo"}}
    sent = boto3.client("sqs").send_message(QueueUrl=url, MessageBody="one", MessageAttributes=attribute)
    (call,) = wait_for(lambda: calls(function), seconds=30)
    (record,) = call["event"]["Records"]
    assert call["version"] == "1"
    assert set(record.pop("attributes")) >= {"ApproximateReceiveCount", "SentTimestamp", "SenderId"}
    assert record.pop("receiptHandle")
    assert record == {
        "messageId": sent["MessageId"],
        "body": "one",
        "messageAttributes": {
            "kind": {"stringValue": "photo", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }
    wait_for(lambda: is_empty(url))


@pytest.mark.correction(name="mapping-batches")
@pytest.mark.aws(SERVICE, "BatchSize and MaximumBatchingWindowInSeconds of a queue", "exact")
def test_a_window_fills_a_batch(map_function: Map, queue: tuple[str, str]) -> None:
    function = map_function(BatchSize=12, MaximumBatchingWindowInSeconds=20)
    numbers = [str(number) for number in range(12)]
    started = time.monotonic()
    send(queue[0], *numbers)
    (call,) = wait_for(lambda: calls(function), seconds=30)
    assert sorted(bodies(call), key=int) == numbers
    assert time.monotonic() - started < 15  # a full batch does not wait for its window


@pytest.mark.aws(
    SERVICE,
    "ScalingConfig.MaximumConcurrency of a queue's mapping",
    "approximate",
    "without it five batches at once, on AWS up to 1,250; four invocations run at once, all others wait",
)
def test_batches_at_once_are_limited(map_function: Map, queue: tuple[str, str]) -> None:
    function = map_function(pause=0.3, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    send(queue[0], *(str(number) for number in range(6)))
    found = wait_for(lambda: done if len(done := calls(function)) == 6 else None, seconds=30)
    moments = sorted([(call["started"], 1) for call in found] + [(call["ended"], -1) for call in found])
    running = [sum(change for _, change in moments[: end + 1]) for end in range(len(moments))]
    assert max(running) == 2


def test_batches_that_wait_leave_their_places_to_others(map_function: Map, queue: tuple[str, str]) -> None:
    """Functions of a queue that wait for other functions would keep all of this machine's places for invocations."""
    function = map_function(pause=0.8, BatchSize=1, ScalingConfig={"MaximumConcurrency": CONCURRENT_INVOCATIONS + 2})
    send(queue[0], *(str(number) for number in range(CONCURRENT_INVOCATIONS + 2)))
    found = wait_for(lambda: done if len(done := calls(function)) > CONCURRENT_INVOCATIONS + 1 else None, seconds=30)
    moments = sorted([(call["started"], 1) for call in found] + [(call["ended"], -1) for call in found])
    assert max(sum(change for _, change in moments[: end + 1]) for end in range(len(moments))) > CONCURRENT_INVOCATIONS


@pytest.mark.aws("IAM", "a queue is read with the permissions of the function's role", "exact")
def test_a_role_that_loses_its_permission_reads_nothing(queue: tuple[str, str]) -> None:
    iam, name = boto3.client("iam"), f"{NAME}-{uuid.uuid4().hex[:8]}"
    create_function(
        name, create_role(name, "lambda", WRITE_LOGS, reading(*READ)), CODE.replace("PAUSE", "0"), Timeout=1
    )
    client = boto3.client("lambda")
    identifier = client.create_event_source_mapping(**mapping_of(queue[1], name))["UUID"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy_document(WRITE_LOGS, reading(*READ[1:])))
    send(queue[0], "one")
    problem = wait_for(lambda: result_of(identifier))
    assert "not authorized to perform: sqs:receivemessage" in problem.lower()
    assert calls(name) == []
    client.delete_event_source_mapping(UUID=identifier)


def reading(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


def result_of(identifier: str) -> str:
    """Return a mapping's last problem, "" when there is none."""
    found = boto3.client("lambda").get_event_source_mapping(UUID=identifier)["LastProcessingResult"]
    return found if found.startswith("PROBLEM") else ""


# Failures ------------------------------------------------------------------------------------------------------------

PARTIAL = "ReportBatchItemFailures: the messages that are reported come again, then go to the dead-letter queue"


@pytest.fixture
def dead_letters(queue: tuple[str, str]) -> str:
    """Return the URL of the queue's dead-letter queue, which gets what has failed twice."""
    url, arn = create_queue()
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    boto3.client("sqs").set_queue_attributes(QueueUrl=queue[0], Attributes={"RedrivePolicy": policy})
    return url


@pytest.mark.aws(SERVICE, PARTIAL, "exact")
def test_a_message_that_fails_comes_again_alone(map_function: Map, queue: tuple[str, str], dead_letters: str) -> None:
    function = map_function(result=FAILED, FunctionResponseTypes=["ReportBatchItemFailures"])
    send(queue[0], "good", "bad")
    letter = receive(dead_letters, MessageSystemAttributeNames=["All"])
    assert (letter["Body"], letter["Attributes"]["DeadLetterQueueSourceArn"]) == ("bad", queue[1])
    batches = [sorted(bodies(call)) for call in calls(function)]
    assert batches == [["bad", "good"], ["bad"]]
    assert is_empty(queue[0])


@pytest.mark.aws(SERVICE, "a batch whose function fails, or whose report is malformed, comes again", "exact")
@pytest.mark.parametrize(
    ("body", "result"),
    [("raise", "None"), ("one", '{"batchItemFailures": [{"itemIdentifier": "unknown"}]}')],
)
def test_a_batch_that_fails_comes_again(
    map_function: Map, queue: tuple[str, str], dead_letters: str, body: str, result: str
) -> None:
    function = map_function(result=result, FunctionResponseTypes=["ReportBatchItemFailures"])
    send(queue[0], body)
    assert receive(dead_letters)["Body"] == body
    assert [bodies(call) for call in calls(function)] == [[body], [body]]


@pytest.mark.aws(SERVICE, "a report without failures, or none at all, deletes the batch", "exact")
def test_a_batch_without_failures_is_deleted(map_function: Map, queue: tuple[str, str]) -> None:
    function = map_function(result='{"batchItemFailures": []}', FunctionResponseTypes=["ReportBatchItemFailures"])
    send(queue[0], "one")
    wait_for(lambda: calls(function), seconds=30)
    wait_for(lambda: is_empty(queue[0]))
