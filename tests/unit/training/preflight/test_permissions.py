"""What IAM's simulation says about the caller, and where it cannot say anything."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.training.fakes import ACCOUNT, ROLE, STACK, FakeClients, Iam, Sts, client_error, refuse
from training.preflight.check import NOT_CHECKED, PASSED, PROBLEM, Check
from training.preflight.permissions import candidate_rights, check_permissions, expiry_rights, rights_of

USER = f"arn:aws:iam::{ACCOUNT}:user/ann"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer/ann"
ALL = ("stage", "train", "deploy", "test", "monitor")


def check(iam: Iam, caller: str = USER, steps: tuple[str, ...] = ALL) -> Check:
    return check_permissions(FakeClients(iam=iam, sts=Sts(caller)), rights_of(steps, STACK))


def test_a_caller_who_may_do_everything_passes() -> None:
    found = check(Iam())
    assert (found.outcome, found.finding) == (PASSED, USER)


def test_all_actions_that_are_denied_are_named_once() -> None:
    found = check(Iam(denied=("sagemaker:CreateEndpoint", "iam:PassRole", "sagemaker:AddTags")))
    assert found.outcome == PROBLEM
    assert found.finding == f"{USER} may not do sagemaker:AddTags, iam:PassRole, sagemaker:CreateEndpoint"
    assert found.remedy == "have its policies allow it"


def test_each_action_is_simulated_on_its_own_resource() -> None:
    iam = Iam()
    check(iam)
    asked = {(action, *request["ResourceArns"]) for request in iam.requests for action in request["ActionNames"]}
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
    assert asked >= {
        ("sagemaker:CreateTrainingJob", f"{arn}:training-job/s-20260101-000000"),
        ("sagemaker:CreateEndpoint", f"{arn}:endpoint/s"),
        ("sagemaker:UpdateEndpoint", f"{arn}:endpoint-config/s-20260101-000000"),
        ("s3:PutObject", "arn:aws:s3:::photos/images/train/photo.png"),
        ("states:StartExecution", "arn:machine"),
        ("sagemaker:ListTrainingJobs", "*"),
        ("iam:PassRole", ROLE),
    }


def test_the_role_is_passed_to_sagemaker() -> None:
    iam = Iam()
    check(iam, steps=("train",))
    (entries,) = [request["ContextEntries"] for request in iam.requests if request["ResourceArns"] == [ROLE]]
    assert entries == [
        {
            "ContextKeyName": "iam:PassedToService",
            "ContextKeyValues": ["sagemaker.amazonaws.com"],
            "ContextKeyType": "string",
        }
    ]


@pytest.mark.parametrize(
    ("steps", "missing"),
    [(("train",), "sagemaker:CreateEndpoint"), (("deploy",), "sagemaker:CreateTrainingJob"), (("monitor",), "s3:")],
)
def test_a_single_step_needs_its_own_rights_only(steps: tuple[str, ...], missing: str) -> None:
    assert not any(action.startswith(missing) for right in rights_of(steps, STACK) for action in right.actions)


def test_arns_have_the_partition_of_the_stack() -> None:
    china = replace(STACK, region="cn-north-1", execution_role_arn=f"arn:aws-cn:iam::{ACCOUNT}:role/r")
    resources = [right.resource for right in rights_of(ALL, china) if right.resource.startswith("arn:aws")]
    assert resources and all(resource.startswith("arn:aws-cn:") for resource in resources)


def test_a_comparison_needs_rights_on_the_candidate() -> None:
    resources = [right.resource.rpartition(":")[2] for right in candidate_rights(STACK)]
    assert resources == ["endpoint/s-candidate", "endpoint-config/s-candidate"]


def test_an_expiry_needs_a_schedule_and_its_role() -> None:
    schedule, role = expiry_rights(STACK)
    assert schedule.resource == f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/s-expiry"
    assert role.resource == STACK.expiry_role_arn
    assert role.context == {"iam:PassedToService": "scheduler.amazonaws.com"}


def test_a_session_s_role_is_simulated_with_its_path() -> None:
    iam = Iam()
    assert check(iam, SESSION).outcome == PASSED
    assert {request["PolicySourceArn"] for request in iam.requests} == {f"arn:aws:iam::{ACCOUNT}:role/team/Developer"}


def test_a_role_that_cannot_be_read_is_taken_without_a_path() -> None:
    iam = Iam()
    refuse(iam, "get_role", client_error("AccessDenied"))
    check(iam, SESSION)
    assert iam.requests[0]["PolicySourceArn"] == f"arn:aws:iam::{ACCOUNT}:role/Developer"


@pytest.mark.parametrize("caller", [f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:sts::{ACCOUNT}:federated-user/ann"])
def test_callers_that_iam_does_not_simulate_are_not_checked(caller: str) -> None:
    found = check(Iam(denied=("iam:PassRole",)), caller)
    assert (found.outcome, found.finding) == (NOT_CHECKED, f"IAM simulates users and roles, not {caller}")


def test_a_decision_that_depends_on_a_condition_is_not_a_problem() -> None:
    found = check(Iam(undecided=("sagemaker:CreateModel",)))
    assert found.outcome == NOT_CHECKED
    assert found.finding == f"it depends on conditions whether {USER} may do sagemaker:CreateModel"


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity", "InvalidAction"])
def test_a_simulation_that_is_refused_is_not_checked(code: str) -> None:
    class Refusing(Iam):
        def get_paginator(self, _: str) -> Any:
            raise client_error(code, "no")

    found = check(Refusing())
    assert (found.outcome, found.finding) == (NOT_CHECKED, f"{code}: no")
