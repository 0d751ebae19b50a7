"""Quotas of instances: too small ones are problems with a remedy, unreadable ones are said to be not checked."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.unit.training.fakes import Quotas, client_error
from training.preflight.check import NOT_CHECKED, PASSED, PROBLEM, Check
from training.preflight.quotas import ENDPOINT, TRAINING, Need, check_quotas

TRAIN = Need(TRAINING, "ml.m5.large", 1, "--instance-type")
SERVE = Need(ENDPOINT, "ml.m5.large", 1, "--endpoint-instance-type")
UPDATE = Need(ENDPOINT, "ml.m5.large", 2, "--endpoint-instance-type", "an update starts the new ones first")


def check(quotas: Any, *needs: Need) -> list[Check]:
    return check_quotas(quotas, "eu-west-1", list(needs))


def test_quotas_that_are_enough_pass() -> None:
    quotas = Quotas(
        {"x": 1, "ml.m5.large for training job usage": 15, "y": 2, "ml.m5.large for endpoint usage": 2, "z": 0}
    )
    trained, served = check(quotas, TRAIN, UPDATE)
    assert (trained.outcome, served.outcome) == (PASSED, PASSED)
    assert trained.subject == "quota of the training job"
    assert served.finding == "2 ml.m5.large for endpoint usage, 2 needed"
    assert quotas.asked == ["list_service_quotas"]


def test_a_quota_of_zero_names_the_types_that_may_be_started_and_how_to_ask_for_more() -> None:
    quotas = Quotas(
        {
            "ml.m5.large for endpoint usage": 0,
            "ml.m5.large for spot training job usage": 9,
            "ml.m6g.large for endpoint usage": 2,  # another processor than the image's
            "ml.m5.xlarge for training job usage": 3,
            "ml.t2.medium for endpoint usage": 2,
        }
    )
    (found,) = check(quotas, SERVE)
    assert (found.outcome, found.finding) == (PROBLEM, "0 ml.m5.large for endpoint usage, but 1 needed")
    assert found.remedy == (
        "take one that this account may start (--endpoint-instance-type ml.t2.medium), or request more with "
        "`aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code L-00000000 "
        "--desired-value 1 --region eu-west-1` and wait for AWS's approval"
    )


def test_without_another_type_the_remedy_is_a_request() -> None:
    (found,) = check(Quotas({"ml.m5.large for training job usage": 0}), TRAIN)
    assert found.remedy.startswith("request more with `aws service-quotas")


def test_an_update_needs_the_new_instances_beside_the_old_ones() -> None:
    (found,) = check(Quotas({"ml.m5.large for endpoint usage": 1}), UPDATE)
    assert found.outcome == PROBLEM
    assert found.finding == "1 ml.m5.large for endpoint usage, but 2 needed (an update starts the new ones first)"


def test_a_quota_that_the_account_does_not_have_is_aws_s_default() -> None:
    quotas = Quotas({}, {"ml.m5.large for training job usage": 0})
    (found,) = check(quotas, TRAIN)
    assert found.outcome == PROBLEM
    assert quotas.asked == ["list_service_quotas", "list_aws_default_service_quotas"]


def test_a_quota_that_is_listed_nowhere_is_not_checked() -> None:
    (found,) = check(Quotas({}), TRAIN)
    assert found.outcome == NOT_CHECKED
    assert (
        "none is called ml.m5.large for training job usage: AWS may not offer that instance type there" in found.finding
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (client_error("AccessDeniedException", "User: x\n is not authorized"), "AccessDeniedException: User: x is not"),
        (client_error("UnknownOperationException", "not emulated"), "UnknownOperationException: not emulated"),
        (EndpointConnectionError(endpoint_url="https://servicequotas"), "Could not connect to the endpoint URL"),
    ],
)
def test_quotas_that_cannot_be_read_are_not_checked(error: Exception, reason: str) -> None:
    class Refusing:
        def get_paginator(self, _: str) -> Any:
            raise error

    (found,) = check(Refusing(), TRAIN, SERVE)
    assert (found.subject, found.outcome) == ("quotas of instances", NOT_CHECKED)
    assert found.finding.startswith(reason)
