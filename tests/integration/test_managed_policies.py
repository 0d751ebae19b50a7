"""AWS's managed policies: their real content, and the refusal of those that do not exist."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.clouds import only_local
from tests.integration.support.iam import create_person, create_role, policy_document
from tests.integration.support.stacks import status_reason

NAME = f"it-{uuid.uuid4().hex[:8]}"
AWS = "arn:aws:iam::aws:policy"
LOGS = f"{AWS}/service-role/AWSLambdaBasicExecutionRole"
READ_S3 = f"{AWS}/AmazonS3ReadOnlyAccess"
SAGEMAKER = f"{AWS}/AmazonSageMakerFullAccess"
MISSPELT = f"{AWS}/AmazonSagemakerFullAccess"  # SageMaker has a capital M
ABSENT = r"NoSuchEntity.*{} does not exist or is not attachable\."
CONTENT = (
    "GetPolicy, GetPolicyVersion, ListPolicies and judgement by AWS's managed policies",
    "approximate",
    "79 policies with the content of 2026-09-30, each in its default version and without its description; the others "
    "that AWS has are refused by name (`make policies` renews the content)",
)


@pytest.fixture(scope="module")
def role(aws: dict[str, str]) -> str:
    """Return the name of a role."""
    create_role(f"{NAME}-role", "lambda")
    return f"{NAME}-role"


# Content -----------------------------------------------------------------------------------------------------------


@pytest.mark.correction(name="managed-policies")
@pytest.mark.aws("IAM", *CONTENT)
def test_a_managed_policy_has_the_content_that_it_has_on_aws(aws: dict[str, str]) -> None:
    iam: Any = boto3.client("iam")
    policy = iam.get_policy(PolicyArn=SAGEMAKER)["Policy"]
    assert (policy["CreateDate"].year, policy["Path"], policy["IsAttachable"]) == (2017, "/", True)
    version = iam.get_policy_version(PolicyArn=SAGEMAKER, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    statements = {one.get("Sid"): one for one in version["Document"]["Statement"]}
    buckets = statements["AllowS3ObjectActions"]["Resource"]
    named_after = ("SageMaker", "Sagemaker", "sagemaker", "aws-glue")
    assert buckets == [f"arn:aws:s3:::*{name}*" for name in named_after]


@pytest.mark.aws("IAM", *CONTENT)
def test_aws_s_policies_are_listed_apart_from_the_account_s(role: str) -> None:
    iam = boto3.client("iam")
    own = iam.create_policy(PolicyName=NAME, PolicyDocument=policy_document(allow("s3:GetObject")))["Policy"]["Arn"]
    try:
        listed = {scope: arns_of(iam, scope) for scope in ("AWS", "Local")}
    finally:
        iam.delete_policy(PolicyArn=own)
    assert {LOGS, READ_S3, SAGEMAKER} <= listed["AWS"]
    assert own in listed["Local"] and own not in listed["AWS"] and LOGS not in listed["Local"]


def arns_of(client: Any, scope: str) -> set[str]:
    pages = client.get_paginator("list_policies").paginate(Scope=scope)
    return {policy["Arn"] for page in pages for policy in page["Policies"]}


@pytest.mark.aws("IAM", *CONTENT)
def test_an_attached_policy_is_listed_and_judges(role: str) -> None:
    """AmazonSageMakerFullAccess reaches the buckets that are named after SageMaker, and no others."""
    person = create_person(f"{NAME}-person", SAGEMAKER)
    iam = boto3.client("iam")
    (attached,) = iam.list_attached_role_policies(RoleName=f"{NAME}-person")["AttachedPolicies"]
    assert attached == {"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": SAGEMAKER}
    assert decisions(person, "s3:GetObject", "arn:aws:s3:::my-sagemaker-photos/k", "arn:aws:s3:::photos/k") == [
        "allowed",
        "implicitDeny",
    ]


def decisions(arn: str, action: str, *resources: str) -> list[str]:
    (result,) = boto3.client("iam").simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=[action], ResourceArns=list(resources)
    )["EvaluationResults"]
    return [one["EvalResourceDecision"] for one in result["ResourceSpecificResults"]]


@pytest.mark.aws("IAM", *CONTENT)
def test_a_request_is_judged_by_a_managed_policy(aws: dict[str, str]) -> None:
    role = create_person(f"{NAME}-reader", READ_S3)
    keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    s3 = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]).client("s3")
    assert "Buckets" in s3.list_buckets()
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.create_bucket(Bucket=NAME)


# Policies that cannot be attached ----------------------------------------------------------------------------------


def attach_to_role(iam: Any, arn: str) -> None:
    iam.attach_role_policy(RoleName=f"{NAME}-role", PolicyArn=arn)


def attach_to_user(iam: Any, arn: str) -> None:
    iam.create_user(UserName=NAME)
    try:
        iam.attach_user_policy(UserName=NAME, PolicyArn=arn)
    finally:
        iam.delete_user(UserName=NAME)


def attach_to_group(iam: Any, arn: str) -> None:
    iam.create_group(GroupName=NAME)
    try:
        iam.attach_group_policy(GroupName=NAME, PolicyArn=arn)
    finally:
        iam.delete_group(GroupName=NAME)


@pytest.mark.correction(name="managed-policies-exist")
@pytest.mark.aws("IAM", "a managed policy that does not exist is not attached", "exact")
@pytest.mark.parametrize("attach", [attach_to_role, attach_to_user, attach_to_group])
@pytest.mark.parametrize("arn", [MISSPELT, f"{AWS}/AWSLambdaBasicExecutionRole", "arn:aws:iam::000000000000:policy/no"])
def test_a_policy_that_does_not_exist_is_not_attached(role: str, attach: Callable[..., None], arn: str) -> None:
    with pytest.raises(ClientError, match=ABSENT.format(f"Policy {arn}")):
        attach(boto3.client("iam"), arn)


@pytest.mark.aws("IAM", "a permissions boundary that does not exist is refused", "exact")
def test_a_boundary_that_does_not_exist_is_refused(role: str) -> None:
    with pytest.raises(ClientError, match=ABSENT.format(f"Scope ARN: {MISSPELT}")):
        boto3.client("iam").put_role_permissions_boundary(RoleName=role, PermissionsBoundary=MISSPELT)


@pytest.mark.aws("IAM", "a policy of a service-linked role is not attached", "exact")
def test_a_policy_of_a_service_linked_role_is_not_attached(role: str) -> None:
    with pytest.raises(ClientError, match="PolicyNotAttachable"):
        attach_to_role(boto3.client("iam"), f"{AWS}/aws-service-role/AmazonSageMakerCoreServiceRolePolicy")


@pytest.mark.aws("IAM", "GetPolicy of a policy that does not exist", "exact")
def test_a_policy_that_does_not_exist_is_not_found(aws: dict[str, str]) -> None:
    with pytest.raises(ClientError, match=f"NoSuchEntity.*Policy {MISSPELT} was not found"):
        boto3.client("iam").get_policy(PolicyArn=MISSPELT)


@only_local
@pytest.mark.parametrize("name", ["AmazonChimeFullAccess", "service-role/AWSGlueServiceRole"])
def test_a_policy_that_only_aws_has_is_named(role: str, name: str) -> None:
    """It exists, so the refusal says whose it is."""
    sentence = f"The local cloud does not carry the content of {AWS}/{name}, which AWS has"
    for request in (attach_to_role, lambda iam, arn: iam.get_policy(PolicyArn=arn)):
        with pytest.raises(ClientError, match=sentence):
            request(boto3.client("iam"), f"{AWS}/{name}")


# Stacks ------------------------------------------------------------------------------------------------------------


def role_properties(**properties: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}, **properties}


@pytest.mark.correction(name="stack-creates-role")
@pytest.mark.aws("CloudFormation", "a role with a managed policy or boundary that does not exist fails", "exact")
@pytest.mark.parametrize(
    ("properties", "named"),
    [({"ManagedPolicyArns": [LOGS, MISSPELT]}, "Policy"), ({"PermissionsBoundary": MISSPELT}, "Scope ARN:")],
)
def test_a_stack_s_role_needs_policies_that_exist(aws: dict[str, str], properties: Any, named: str) -> None:
    reason = status_reason(boto3.client("cloudformation"), "AWS::IAM::Role", role_properties(**properties))
    assert f"{named} {MISSPELT} does not exist or is not attachable." in reason


@pytest.mark.correction(name="stack-updates-role")
@pytest.mark.aws("CloudFormation", "a role keeps to its PermissionsBoundary", "exact")
def test_a_stack_s_role_is_limited_by_its_boundary(aws: dict[str, str]) -> None:
    cloudformation, name = boto3.client("cloudformation"), f"{NAME}-limited"
    everything = {"PolicyName": "all", "PolicyDocument": json.loads(policy_document(allow("*")))}

    def template(boundary: str) -> str:
        properties = role_properties(RoleName=name, Policies=[everything], PermissionsBoundary=boundary)
        return json.dumps({"Resources": {"role": {"Type": "AWS::IAM::Role", "Properties": properties}}})

    named: Any = {"StackName": name, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    delay: Any = {"Delay": 1}
    cloudformation.create_stack(TemplateBody=template(READ_S3), **named)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=delay)
    role = boto3.client("iam").get_role(RoleName=name)["Role"]
    assert decisions(role["Arn"], "s3:GetObject", "arn:aws:s3:::a/k") == ["allowed"]
    cloudformation.update_stack(TemplateBody=template(LOGS), **named)
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=delay)
    assert decisions(role["Arn"], "s3:GetObject", "arn:aws:s3:::a/k") == ["implicitDeny"]
    cloudformation.delete_stack(StackName=name)


def allow(action: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*"}
