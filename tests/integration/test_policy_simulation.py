"""IAM's policy simulation decides as IAM does when the request is made."""

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.clouds import only_local
from tests.integration.support.iam import create_role, policy_document

NAME = f"it-{uuid.uuid4().hex[:8]}"
ALLOWED, OTHER = "arn:aws:s3:::a/k", "arn:aws:s3:::b/k"
POLICY = (
    {"Effect": "Allow", "Action": "s3:Get*", "Resource": ALLOWED},
    {"Effect": "Deny", "Action": "s3:GetObjectAcl", "Resource": "*"},
    {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    },
)

ledger = pytest.mark.aws(
    "IAM",
    "SimulatePrincipalPolicy decides on users and roles by their policies and permissions boundary",
    "approximate",
    "The decisions are IAM's; matched statements and the templates of ARNs are left out, and other parameters than "
    "ResourceArns and ContextEntries are refused.",
)


@pytest.fixture(scope="module")
def role(aws: dict[str, str]) -> str:
    return create_role(f"{NAME}-role", "sagemaker", *POLICY)


@pytest.fixture(scope="module")
def user(aws: dict[str, str]) -> Iterator[str]:
    """A user with a path, everything allowed, and a boundary that allows S3 only."""
    iam = boto3.client("iam")
    boundary = policy_document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    limit = iam.create_policy(PolicyName=NAME, PolicyDocument=boundary)["Policy"]["Arn"]
    arn = iam.create_user(UserName=NAME, Path="/team/", PermissionsBoundary=limit)["User"]["Arn"]
    everything = policy_document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    iam.put_user_policy(UserName=NAME, PolicyName="all", PolicyDocument=everything)
    yield arn
    iam.delete_user_policy(UserName=NAME, PolicyName="all")
    iam.delete_user(UserName=NAME)
    iam.delete_policy(PolicyArn=limit)


def simulate(arn: str, *actions: str, **request: Any) -> list[Any]:
    pages = boto3.client("iam").get_paginator("simulate_principal_policy")
    answers = pages.paginate(PolicySourceArn=arn, ActionNames=list(actions), **request)
    return [result for page in answers for result in page["EvaluationResults"]]


@pytest.mark.correction(name="policy-simulation")
@ledger
def test_each_action_is_decided_on_each_resource(role: str) -> None:
    read, denied = simulate(role, "s3:GetObject", "s3:GetObjectAcl", ResourceArns=[ALLOWED, OTHER])
    assert decisions(read) == {ALLOWED: "allowed", OTHER: "implicitDeny"}
    assert decisions(denied) == {ALLOWED: "explicitDeny", OTHER: "explicitDeny"}


def decisions(result: Any) -> dict[str, str]:
    return {one["EvalResourceName"]: one["EvalResourceDecision"] for one in result["ResourceSpecificResults"]}


@ledger
def test_without_resources_an_action_is_decided_on_all(role: str) -> None:
    (result,) = simulate(role, "s3:GetObject")
    assert (result["EvalDecision"], result.get("ResourceSpecificResults", [])) == ("implicitDeny", [])


@ledger
def test_a_condition_s_key_without_a_value_is_named(role: str) -> None:
    (result,) = simulate(role, "iam:PassRole", ResourceArns=[role])
    (specific,) = result["ResourceSpecificResults"]
    assert specific["EvalResourceDecision"] == "implicitDeny"
    assert specific["MissingContextValues"] == ["iam:PassedToService"]


@ledger
@pytest.mark.parametrize(
    ("service", "decision"), [("sagemaker.amazonaws.com", "allowed"), ("ec2.amazonaws.com", "implicitDeny")]
)
def test_a_condition_s_key_has_the_value_that_is_given(role: str, service: str, decision: str) -> None:
    entry = {"ContextKeyName": "iam:PassedToService", "ContextKeyValues": [service], "ContextKeyType": "string"}
    (result,) = simulate(role, "iam:PassRole", ResourceArns=[role], ContextEntries=[entry])
    (specific,) = result["ResourceSpecificResults"]
    assert specific["EvalResourceDecision"] == decision
    assert not specific.get("MissingContextValues")


@ledger
def test_a_permissions_boundary_limits_what_a_user_may_do(user: str) -> None:
    read, passed = simulate(user, "s3:GetObject", "iam:PassRole")
    assert (read["EvalDecision"], passed["EvalDecision"]) == ("allowed", "implicitDeny")


@ledger
@pytest.mark.parametrize(
    ("resource", "error"),
    [
        (
            "arn:aws:iam::{account}:root",
            r"InvalidInput.*Invalid Entity Arn: .*:root does not clearly define entity type",
        ),
        ("arn:aws:sts::{account}:assumed-role/r/s", r"InvalidInput.*does not clearly define entity type and name"),
        ("arn:aws:iam::{account}:role/none", r"NoSuchEntity.*The role with name none cannot be found"),
        ("arn:aws:iam::{account}:user/a/b", r"NoSuchEntity.*The user with name b cannot be found"),
    ],
)
def test_only_users_and_roles_that_exist_are_simulated(aws: dict[str, str], resource: str, error: str) -> None:
    account = boto3.client("sts").get_caller_identity()["Account"]
    with pytest.raises(ClientError, match=error):
        simulate(resource.format(account=account), "s3:GetObject")


@only_local
def test_a_parameter_that_is_not_emulated_is_named(role: str) -> None:
    with pytest.raises(ClientError, match=r"InvalidInput.*does not emulate CallerArn of this operation"):
        simulate(role, "s3:GetObject", CallerArn=role)


@pytest.mark.correction(name="policy-simulation-of-documents")
@pytest.mark.aws(
    "IAM",
    "SimulateCustomPolicy decides by the given policies and boundary",
    "approximate",
    "as for SimulatePrincipalPolicy",
)
def test_policies_are_simulated_before_anyone_has_them(aws: dict[str, str]) -> None:
    boundary = policy_document({"Effect": "Allow", "Action": "s3:*", "Resource": ALLOWED})
    found = boto3.client("iam").simulate_custom_policy(
        PolicyInputList=[policy_document({"Effect": "Allow", "Action": "*", "Resource": "*"})],
        PermissionsBoundaryPolicyInputList=[boundary],
        ActionNames=["s3:GetObject"],
        ResourceArns=[ALLOWED, OTHER],
    )
    assert decisions(found["EvaluationResults"][0]) == {ALLOWED: "allowed", OTHER: "implicitDeny"}


@pytest.mark.aws("IAM", "SimulatePrincipalPolicy with further policies (PolicyInputList)", "exact")
def test_a_principal_is_simulated_with_further_policies(role: str) -> None:
    further = policy_document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": OTHER})
    (result,) = simulate(role, "s3:GetObject", ResourceArns=[OTHER], PolicyInputList=[further])
    assert decisions(result) == {OTHER: "allowed"}
