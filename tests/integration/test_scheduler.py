"""EventBridge Scheduler: a one-time schedule deletes an endpoint, as its role and nobody else."""

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.clouds import only_local
from tests.integration.support.endpoints import create_constant_endpoint
from tests.integration.support.iam import TRAIN_AND_SERVE, client_of_role, create_role
from tests.integration.support.schedules import (
    TARGET,
    allow_deletion,
    at,
    endpoint_exists,
    request,
    schedule_exists,
    target,
)
from tests.integration.support.waiting import wait_for

NAME = f"it-{uuid.uuid4().hex[:8]}"
HOUR = 3600.0  # seconds
SOON = 5.0  # seconds; a busy machine needs some until its request is there, and a time of the past is refused
SERVICE = "EventBridge Scheduler"


@pytest.fixture(scope="module")
def role(aws: dict[str, str]) -> str:
    """Return a role that the Scheduler may assume and that may delete the endpoint NAME only."""
    return create_role(f"{NAME}-expiry", "scheduler", allow_deletion(NAME))


@pytest.fixture(scope="module")
def endpoint(aws: dict[str, str]) -> str:
    """Return the name of an endpoint in service; the last test that uses it deletes it."""
    boto3.client("s3").create_bucket(Bucket=NAME)
    create_constant_endpoint(NAME, NAME, create_role(f"{NAME}-role", "sagemaker", TRAIN_AND_SERVE), [0.5, 0.5])
    return NAME


@pytest.fixture
def schedule(role: str) -> Iterator[str]:
    """Yield the name of a schedule that is due in an hour."""
    client, name = boto3.client("scheduler"), f"{NAME}-{uuid.uuid4().hex[:8]}"
    client.create_schedule(**request(name, NAME, role, HOUR))
    yield name
    if schedule_exists(name):
        client.delete_schedule(Name=name)


# Requests --------------------------------------------------------------------------------------------------------


@pytest.mark.aws(SERVICE, "CreateSchedule, UpdateSchedule, GetSchedule, DeleteSchedule of a one-time schedule", "exact")
def test_a_schedule_is_kept_moved_and_deleted(role: str, schedule: str) -> None:
    client = boto3.client("scheduler")
    moved = request(schedule, NAME, role, 2 * HOUR)
    client.update_schedule(**moved)
    found: Any = client.get_schedule(Name=schedule)
    assert {member: found[member] for member in moved} == moved
    with pytest.raises(client.exceptions.ConflictException):
        client.create_schedule(**moved)
    client.delete_schedule(Name=schedule)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.update_schedule(**moved)


@pytest.mark.correction(name="schedule-request")
@pytest.mark.aws(SERVICE, "a role that does not trust scheduler.amazonaws.com is refused", "exact")
def test_the_role_must_trust_the_scheduler(aws: dict[str, str]) -> None:
    stranger = create_role(f"{NAME}-stranger", "lambda", allow_deletion(NAME))
    with pytest.raises(ClientError, match="The execution role you provide must allow AWS EventBridge Scheduler"):
        boto3.client("scheduler").create_schedule(**request(NAME, NAME, stranger, HOUR))


@pytest.mark.aws(
    SERVICE,
    "an expression that is malformed or of the past is refused",
    "approximate",
    "AWS's sentence for a time in the past is not known here",
)
@pytest.mark.parametrize(
    "expression",
    [at(-60), "at(2030-02-30T00:00:00)", "at(2030-01-01T00:00:00Z)", "tomorrow"],
    ids=["past", "no such day", "zone", "no expression"],
)
def test_a_time_that_never_comes_is_refused(role: str, schedule: str, expression: str) -> None:
    client = boto3.client("scheduler")
    for change in (client.create_schedule, client.update_schedule):
        with pytest.raises(ClientError, match=r"ValidationException.*Invalid Schedule Expression"):
            change(**request(schedule, NAME, role, HOUR, ScheduleExpression=expression))


@only_local
@pytest.mark.aws(
    SERVICE,
    "cron schedules, other targets, groups, tags, dead-letter queues and flexible windows",
    "absent",
    "refused by name",
)
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ScheduleExpression": "cron(0 8 * * ? *)"}, r"cron\(0 8"),
        ({"ScheduleExpressionTimezone": "Europe/Berlin"}, "ScheduleExpressionTimezone 'Europe/Berlin'"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}}, "FlexibleTimeWindow"),
        ({"GroupName": "mine"}, "GroupName 'mine'"),
        ({"KmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k"}, "KmsKeyArn"),
        ({"Arn": TARGET.replace("deleteEndpoint", "createEndpoint")}, "sagemaker:createEndpoint"),
        ({"Arn": TARGET.replace("sagemaker:deleteEndpoint", "ec2:stopInstances")}, "ec2:stopInstances"),
        ({"Arn": "arn:aws:lambda:us-east-1:000000000000:function:f"}, "function:f"),
        ({"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:000000000000:queue"}}, r"Target\.DeadLetterConfig"),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(role: str, changes: dict[str, Any], named: str) -> None:
    if {"Arn", "DeadLetterConfig"} & set(changes):
        changes = {"Target": target(NAME, role, **changes)}
    with pytest.raises(ClientError, match=f"The local cloud does not emulate.*{named}"):
        boto3.client("scheduler").create_schedule(**request(NAME, NAME, role, HOUR, **changes))
    assert not schedule_exists(NAME)


@only_local
def test_there_are_no_groups_and_tags(aws: dict[str, str]) -> None:
    client = boto3.client("scheduler")
    with pytest.raises(ClientError, match="scheduler has no path '/schedule-groups/mine' in the local cloud"):
        client.create_schedule_group(Name="mine")


@pytest.mark.aws("IAM", "scheduler:CreateSchedule, and iam:PassRole on the schedule's role", "exact")
def test_a_caller_needs_the_action_and_may_pass_only_roles_that_a_policy_names(role: str) -> None:
    wanted = request(f"{NAME}-passed", NAME, role, HOUR)
    create = {
        "Effect": "Allow",
        "Action": "scheduler:CreateSchedule",
        "Resource": f"arn:aws:scheduler:*:*:schedule/default/{NAME}-passed",
    }
    to_scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role}
    with pytest.raises(ClientError, match="not authorized to perform: scheduler:CreateSchedule"):
        client_of_role("scheduler", passing).create_schedule(**wanted)
    for statements in ([create], [create, {**passing, "Condition": to_sagemaker}]):
        with pytest.raises(ClientError, match=f"AccessDenied.*not authorized to perform: iam:PassRole .*{role}"):
            client_of_role("scheduler", *statements).create_schedule(**wanted)
    client_of_role("scheduler", create, {**passing, "Condition": to_scheduler}).create_schedule(**wanted)
    boto3.client("scheduler").delete_schedule(Name=wanted["Name"])


# Calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.aws("IAM", "a schedule calls its target with its role's permissions only", "exact")
def test_a_role_without_the_right_deletes_nothing(endpoint: str) -> None:
    """The server's log says so, which tests/integration/test_state.py shows."""
    other = create_role(f"{NAME}-other", "scheduler", allow_deletion(f"{NAME}-another"))
    name = f"{NAME}-refused"
    boto3.client("scheduler").create_schedule(**request(name, endpoint, other, SOON))
    wait_for(lambda: not schedule_exists(name))
    assert boto3.client("sagemaker").describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"


@pytest.mark.correction(name="schedule-target")
@pytest.mark.aws(
    SERVICE,
    "the universal target sagemaker:deleteEndpoint, ActionAfterCompletion DELETE",
    "approximate",
    "called within two seconds of its time, on AWS within a minute; an attempt is repeated, as RetryPolicy says, where "
    "the endpoint is being changed, and given up where the role lacks the right or there is no endpoint",
)
def test_a_schedule_deletes_its_endpoint_and_itself(endpoint: str, role: str) -> None:
    name = f"{NAME}-deleting"
    boto3.client("scheduler").create_schedule(**request(name, endpoint, role, SOON))
    assert endpoint_exists(endpoint)
    wait_for(lambda: not endpoint_exists(endpoint), seconds=SOON + 20)
    wait_for(lambda: not schedule_exists(name), seconds=20)
