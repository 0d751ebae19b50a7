"""EventBridge: which targets a rule takes, what they receive, and what happens when they are not reached."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.clouds import only_local
from tests.integration.support.functions import create_function
from tests.integration.support.iam import WRITE_LOGS, client_of_role, create_role
from tests.integration.support.logs import log_of
from tests.integration.support.queues import allow_events, body_of, create_queue, receive
from tests.integration.support.stacks import status_reason
from tests.integration.support.waiting import wait_for

NAME = f"it-{uuid.uuid4().hex[:8]}"
SERVICE = "EventBridge"
ACCOUNT, REGION = "000000000000", "us-east-1"
PASS = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAME}"
FIFO = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead.fifo"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}-missing"


@dataclass(frozen=True)
class Rule:
    """A rule for the events of one source."""

    name: str
    arn: str

    def put_target(self, **target: Any) -> None:
        boto3.client("events").put_targets(Rule=self.name, Targets=[{"Id": "one", **target}])

    def send(self, **detail: Any) -> None:
        """Put an event that the rule matches."""
        entry: Any = {
            "Source": self.name,
            "DetailType": "Photo",
            "Detail": json.dumps(detail),
            "Resources": ["arn:aws:s3:::photos"],
        }
        answer = boto3.client("events").put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0


@pytest.fixture
def rule(aws: dict[str, str]) -> Iterator[Rule]:
    events, name = boto3.client("events"), f"{NAME}-{uuid.uuid4().hex[:8]}"
    yield Rule(name, events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"])
    if events.list_targets_by_rule(Rule=name)["Targets"]:
        events.remove_targets(Rule=name, Ids=["one"])
    events.delete_rule(Name=name)


@pytest.fixture
def queue(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield URL and ARN of a queue to which the rule may send."""
    url, arn = create_queue()
    allow_events(url, arn, rule.arn)
    yield url, arn
    boto3.client("sqs").delete_queue(QueueUrl=url)


@pytest.fixture(scope="module")
def machine(aws: dict[str, str]) -> Iterator[str]:
    client, role = boto3.client("stepfunctions"), create_role(f"{NAME}-machine", "states")
    arn = client.create_state_machine(name=NAME, definition=PASS, roleArn=role)["stateMachineArn"]
    yield arn
    client.delete_state_machine(stateMachineArn=arn)


@pytest.fixture(scope="module")
def starter(machine: str) -> str:
    """A role with which EventBridge may start executions of the machine."""
    return create_role(f"{NAME}-starter", "events", allow("states:StartExecution", machine))


def allow(action: str, resource: str = "*", **members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **members}


# Targets that are refused ------------------------------------------------------------------------------------------


@pytest.mark.correction(name="rule-targets")
@pytest.mark.aws(SERVICE, "a target that is a state machine needs a role that trusts events.amazonaws.com", "exact")
def test_a_state_machine_needs_a_role_that_trusts_eventbridge(rule: Rule) -> None:
    with pytest.raises(ClientError, match=rf"ValidationException.*RoleArn is required for target {MACHINE}\."):
        rule.put_target(Arn=MACHINE)
    stranger = create_role(f"{rule.name}-stranger", "states", allow("states:StartExecution"))
    untrusted = f"Provided role '{stranger}' cannot be assumed by principal 'events.amazonaws.com'"
    with pytest.raises(ClientError, match=rf"ValidationException.*{untrusted}"):
        rule.put_target(Arn=MACHINE, RoleArn=stranger)


@pytest.mark.correction(name="rule-role")
@pytest.mark.aws(SERVICE, "a rule's own role must trust events.amazonaws.com, and may be passed", "exact")
def test_a_rule_s_role_must_trust_eventbridge(rule: Rule, starter: str) -> None:
    request: Any = {"Name": rule.name, "EventPattern": json.dumps({"source": [rule.name]})}
    stranger = create_role(f"{rule.name}-stranger", "states")
    with pytest.raises(ClientError, match=f"Provided role '{stranger}' cannot be assumed by principal"):
        boto3.client("events").put_rule(**request, RoleArn=stranger)
    with pytest.raises(ClientError, match=f"not authorized to perform: iam:PassRole .*{starter}"):
        client_of_role("events", allow("events:PutRule", rule.arn)).put_rule(**request, RoleArn=starter)


@pytest.mark.aws("IAM", "events:PutTargets on the rule, and iam:PassRole on the target's role", "exact")
def test_a_caller_may_pass_only_roles_that_a_policy_names(rule: Rule, starter: str) -> None:
    target: Any = {"Id": "one", "Arn": MACHINE, "RoleArn": starter}
    put = allow("events:PutTargets", rule.arn)
    to_events = {"StringEquals": {"iam:PassedToService": "events.amazonaws.com"}}
    passing = allow("iam:PassRole", starter, Condition=to_events)
    with pytest.raises(ClientError, match="not authorized to perform: events:PutTargets"):
        client_of_role("events", passing).put_targets(Rule=rule.name, Targets=[target])
    with pytest.raises(ClientError, match=f"AccessDenied.*not authorized to perform: iam:PassRole .*{starter}"):
        client_of_role("events", put).put_targets(Rule=rule.name, Targets=[target])
    client_of_role("events", put, passing).put_targets(Rule=rule.name, Targets=[target])


@pytest.mark.aws(
    SERVICE,
    "malformed inputs, retries and dead-letter queues of a target are refused",
    "approximate",
    "AWS's sentences about dead-letter queues and about inputs that are no JSON are not known here",
)
@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (
            {"Input": "{}", "InputPath": "$.detail"},
            "Only one of Input, InputPath, or InputTransformer must be provided",
        ),
        ({"Input": "{"}, "JSON syntax error in input for target one"),
        ({"RetryPolicy": {"MaximumEventAgeInSeconds": 86401}}, "maximumEventAgeInSeconds.*less than or equal to 864"),
        ({"RetryPolicy": {"MaximumRetryAttempts": 186}}, "maximumRetryAttempts.*less than or equal to 185"),
        ({"DeadLetterConfig": {"Arn": FIFO}}, "dead.fifo is not valid"),
        ({"Arn": "queue"}, "Parameter queue is not valid. Reason: Provided Arn is not in correct format"),
    ],
)
def test_a_malformed_target_is_refused(rule: Rule, target: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClientError, match=f"ValidationException.*{sentence}"):
        rule.put_target(**{"Arn": QUEUE, **target})


@pytest.mark.aws(SERVICE, "a rule has five targets at most", "exact")
def test_a_rule_has_five_targets_at_most(rule: Rule) -> None:
    events, ids = boto3.client("events"), [str(number) for number in range(6)]
    events.put_targets(Rule=rule.name, Targets=[{"Id": one, "Arn": QUEUE} for one in ids[:5]])
    with pytest.raises(events.exceptions.LimitExceededException):
        events.put_targets(Rule=rule.name, Targets=[{"Id": "5", "Arn": QUEUE}])
    events.remove_targets(Rule=rule.name, Ids=ids)


@only_local
@pytest.mark.aws(
    SERVICE, "targets other than functions, state machines, queues and event buses", "absent", "refused by name"
)
@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"Arn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/one"}, "kinesis as the target of a rule"),
        ({"KinesisParameters": {"PartitionKeyPath": "$.id"}}, "KinesisParameters of a target"),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(rule: Rule, target: dict[str, Any], named: str) -> None:
    with pytest.raises(ClientError, match=f"The local cloud does not emulate {named}"):
        rule.put_target(**{"Arn": QUEUE, **target})


@pytest.mark.correction(name="rule-targets-of-stack")
@pytest.mark.aws("CloudFormation", "a rule's target that EventBridge refuses fails", "exact")
def test_a_stack_s_rule_needs_targets_that_are_not_refused(aws: dict[str, str]) -> None:
    properties = {"EventPattern": {"source": [NAME]}, "Targets": [{"Id": "one", "Arn": MACHINE}]}
    reason = status_reason(boto3.client("cloudformation"), "AWS::Events::Rule", properties)
    assert f"RoleArn is required for target {MACHINE}." in reason


@only_local
@pytest.mark.correction(name="stack-pipes")
@pytest.mark.aws("CloudFormation", "EventBridge Pipes", "absent", "refused by name")
def test_a_stack_s_pipe_is_refused_by_name(aws: dict[str, str]) -> None:
    properties = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/pipe", "Source": QUEUE, "Target": MACHINE}
    reason = status_reason(boto3.client("cloudformation"), "AWS::Pipes::Pipe", properties)
    assert "The local cloud does not emulate AWS::Pipes::Pipe." in reason


# What targets receive ------------------------------------------------------------------------------------------------

INPUTS = "targets: Input, InputPath, InputTransformer with AWS's own variables"


@pytest.mark.correction(name="rule-delivery")
@pytest.mark.aws(SERVICE, INPUTS, "approximate", "a path without a match gives null, and an empty text in a template")
@pytest.mark.parametrize(
    ("member", "value", "received"),
    [
        ("Input", json.dumps({"fixed": True}), {"fixed": True}),
        ("InputPath", "$.detail.photo", {"key": "a b.png", "size": 3}),
        ("InputPath", "$.resources[0]", "arn:aws:s3:::photos"),
        (
            "InputTransformer",
            {
                "InputPathsMap": {"photo": "$.detail.photo", "key": "$.detail.photo.key", "first": "$.resources[0]"},
                "InputTemplate": '{"photo": <photo>, "text": "<key> of <first>", "rule": <aws.events.rule-name>}',
            },
            {"photo": {"key": "a b.png", "size": 3}, "text": "a b.png of arn:aws:s3:::photos", "rule": "..."},
        ),
    ],
)
def test_a_target_receives_what_its_input_says(
    rule: Rule, queue: tuple[str, str], member: str, value: Any, received: Any
) -> None:
    url, arn = queue
    rule.put_target(Arn=arn, **{member: value})
    rule.send(photo={"key": "a b.png", "size": 3})
    found = body_of(url)
    assert found == ({**received, "rule": rule.name} if "rule" in received else received)


@pytest.mark.aws(SERVICE, "an event goes to a queue whose policy allows the rule", "exact")
def test_a_queue_receives_the_event(rule: Rule, queue: tuple[str, str]) -> None:
    url, arn = queue
    rule.put_target(Arn=arn)
    rule.send(key="k")
    event = body_of(url)
    assert {name: event[name] for name in event if name not in ("id", "time")} == {
        "version": "0",
        "detail-type": "Photo",
        "source": rule.name,
        "account": ACCOUNT,
        "region": REGION,
        "resources": ["arn:aws:s3:::photos"],
        "detail": {"key": "k"},
    }


@pytest.mark.aws(SERVICE, "an event starts an execution as the target's role", "exact")
def test_a_state_machine_is_started_as_the_role(rule: Rule, machine: str, starter: str) -> None:
    rule.put_target(Arn=machine, RoleArn=starter, InputPath="$.detail")
    rule.send(key=rule.name)
    client = boto3.client("stepfunctions")

    def ended() -> Any:
        found = client.list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"]
        return [client.describe_execution(executionArn=one["executionArn"]) for one in found]

    (execution,) = wait_for(ended, seconds=20)
    assert json.loads(execution["input"]) == {"key": rule.name}


@pytest.mark.aws(SERVICE, "an event invokes a function that AddPermission allows it to", "exact")
def test_a_function_is_invoked_where_its_policy_allows_it(rule: Rule) -> None:
    function = f"{rule.name}-function"
    role = create_role(function, "lambda", WRITE_LOGS)
    arn = create_function(function, role, "def lambda_handler(event, context): print(event['detail'])")
    dead_letters = dead_letter_queue(rule)
    rule.put_target(Arn=arn, DeadLetterConfig={"Arn": dead_letters[1]})
    rule.send(key="refused")
    assert codes(dead_letters[0]) == {"ERROR_CODE": "NO_PERMISSIONS", "RETRY_ATTEMPTS": "0"}
    boto3.client("lambda").add_permission(
        FunctionName=function,
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule.arn,
    )
    rule.send(key="allowed")
    lines = wait_for(lambda: [one for one in log_of(f"/aws/lambda/{function}", "2") if "'key'" in one], seconds=30)
    assert lines == ["{'key': 'allowed'}"]


# Dead letters --------------------------------------------------------------------------------------------------------

DEAD_LETTERS = (
    "RetryPolicy and DeadLetterConfig of a target; a dead letter is the event, with attributes that say why",
    "approximate",
    "a missing permission or resource is not tried again, as on AWS; for other errors the pauses grow from half a "
    "second to a minute; a restart forgets the events that wait",
)


def dead_letter_queue(rule: Rule) -> tuple[str, str]:
    """Return URL and ARN of a queue to which the rule may send."""
    url, arn = create_queue()
    allow_events(url, arn, rule.arn)
    return url, arn


def codes(url: str) -> dict[str, str]:
    """Return code and retries of a dead letter, and the condition that has ended the retries if there is one."""
    named = ("ERROR_CODE", "RETRY_ATTEMPTS", "EXHAUSTED_RETRY_CONDITION")
    found = receive(url)["MessageAttributes"]
    return {name: found[name]["StringValue"] for name in named if name in found}


@pytest.mark.aws(SERVICE, *DEAD_LETTERS)
def test_an_event_that_a_queue_refuses_becomes_a_dead_letter(rule: Rule) -> None:
    (url, arn), (_, closed) = dead_letter_queue(rule), create_queue()
    rule.put_target(Arn=closed, InputPath="$.detail", DeadLetterConfig={"Arn": arn})
    rule.send(key="k")
    letter = receive(url)
    assert json.loads(letter["Body"])["detail"] == {"key": "k"}
    values = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert "sqs:SendMessage" in values.pop("ERROR_MESSAGE")
    assert values == {
        "RULE_ARN": rule.arn,
        "TARGET_ARN": closed,
        "ERROR_CODE": "NO_PERMISSIONS",
        "RETRY_ATTEMPTS": "0",
    }


@pytest.mark.aws(SERVICE, *DEAD_LETTERS)
@pytest.mark.parametrize("resource", ["queue", "function", "machine"])
def test_an_event_for_nothing_becomes_a_dead_letter(rule: Rule, resource: str) -> None:
    all_machines = create_role(f"{rule.name}-all", "events", allow("states:*"))
    missing: dict[str, Any] = {
        "queue": {"Arn": QUEUE},
        "function": {"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}-missing"},
        "machine": {
            "Arn": f"{MACHINE}-missing",
            "RoleArn": all_machines,
        },
    }
    url, arn = dead_letter_queue(rule)
    rule.put_target(**missing[resource], DeadLetterConfig={"Arn": arn})
    rule.send(key="k")
    assert codes(url) == {"ERROR_CODE": "NO_RESOURCE", "RETRY_ATTEMPTS": "0"}


@pytest.mark.aws("IAM", "a rule starts executions with its target's role's permissions only", "exact")
def test_a_role_without_the_right_starts_nothing(rule: Rule, machine: str) -> None:
    url, arn = dead_letter_queue(rule)
    other = create_role(f"{rule.name}-other", "events", allow("states:StartExecution", f"{machine}-other"))
    rule.put_target(Arn=machine, RoleArn=other, DeadLetterConfig={"Arn": arn})
    rule.send(key="k")
    letter = receive(url)["MessageAttributes"]
    assert letter["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert f"{rule.name}-other/" in letter["ERROR_MESSAGE"]["StringValue"]


@pytest.mark.aws(SERVICE, "metrics AWS/Events: Invocations, FailedInvocations, InvocationsSentToDlq", "exact")
def test_failed_invocations_are_counted(rule: Rule) -> None:
    url, arn = dead_letter_queue(rule)
    rule.put_target(Arn=QUEUE, DeadLetterConfig={"Arn": arn})
    rule.send()
    receive(url)
    cloudwatch = boto3.client("cloudwatch")

    def counted() -> set[str]:
        dimensions: Any = [{"Name": "RuleName", "Value": rule.name}]
        found = cloudwatch.list_metrics(Namespace="AWS/Events", Dimensions=dimensions)["Metrics"]
        return {one["MetricName"] for one in found}

    wait_for(lambda: counted() == {"FailedInvocations", "InvocationsSentToDlq"})
