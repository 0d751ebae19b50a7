"""The end of an endpoint: the schedule that deletes it, and whose it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import EXPIRY_ROLE, OURS, STACK, THEIRS, Scheduler, client_error, printed, refuse
from tests.unit.training.serving import serve
from training import expiry
from training.context import Context
from training.errors import EndpointError

MOMENT = datetime(2026, 11, 22, 6, 30, 5, tzinfo=UTC)
DENIED = client_error("AccessDeniedException", "User: u is not authorized to perform: scheduler:UpdateSchedule")
HOUR = timedelta(hours=1)


def test_the_request_is_one_that_aws_knows() -> None:
    client: Any = boto3.client("scheduler", "us-east-1")
    request = expiry.request(STACK, MOMENT)
    for operation in ("CreateSchedule", "UpdateSchedule"):
        shape = client.meta.service_model.operation_model(operation).input_shape
        assert ParamValidator().validate(request, shape).generate_report() == ""
    assert request["ScheduleExpression"] == "at(2026-11-22T06:30:05)"
    assert request["ActionAfterCompletion"] == "DELETE"
    assert request["Target"]["RoleArn"] == EXPIRY_ROLE
    assert request["Target"]["Input"] == '{"EndpointName": "s"}'


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_target_is_of_the_role_s_partition(partition: str) -> None:
    stack = replace(STACK, expiry_role_arn=f"arn:{partition}:iam::123456789012:role/e")
    arn = expiry.request(stack, MOMENT)["Target"]["Arn"]
    assert arn == f"arn:{partition}:scheduler:::aws-sdk:sagemaker:deleteEndpoint"


def test_the_longest_endpoint_s_schedule_has_a_name_that_aws_takes() -> None:
    assert len(expiry.schedule_name("e" * 47)) <= 64


def test_the_expiry_is_found_again(context: Context) -> None:
    assert expiry.find(context) is None
    before = datetime.now(UTC).replace(microsecond=0)
    expiry.renew(context, HOUR)
    found = expiry.find(context)
    assert found is not None and before + HOUR <= found <= datetime.now(UTC) + HOUR


@pytest.mark.parametrize(
    "change", [{"Description": "mine"}, {"State": "DISABLED"}, {"ScheduleExpression": "rate(1 day)"}]
)
def test_a_schedule_that_does_not_end_this_stack_s_endpoint_is_none(
    context: Context, scheduler: Scheduler, change: dict[str, str]
) -> None:
    expiry.renew(context, HOUR)
    scheduler.schedules["s-expiry"].update(change)
    assert expiry.find(context) is None


def test_another_stack_s_endpoint_gets_no_expiry(context: Context, sagemaker: SageMaker, scheduler: Scheduler) -> None:
    serve(sagemaker, tags=THEIRS)
    expiry.renew(context, HOUR)
    assert scheduler.calls == []
    sagemaker.tags = {arn: OURS for arn in sagemaker.tags}
    expiry.renew(context, HOUR)
    assert scheduler.calls == ["create"]


def test_a_caller_who_may_not_schedule_is_told_what_to_do(context: Context, scheduler: Scheduler) -> None:
    refuse(scheduler, "update_schedule", DENIED)
    refuse(scheduler, "delete_schedule", DENIED)
    with pytest.raises(EndpointError, match=r"cannot be scheduled \(.*UpdateSchedule.*--expires-in never"):
        expiry.renew(context, HOUR)
    expiry.renew(context, None)
    assert "stays in force, if there is one" in printed(context)


def test_an_expiry_is_deleted_twice(context: Context, scheduler: Scheduler) -> None:
    expiry.renew(context, HOUR)
    expiry.delete(context)
    expiry.delete(context)
    assert scheduler.schedules == {}
