"""permissions.yaml gives exactly the actions that deploying the stack needs.

That it gives what the steps need is shown by tests/unit/training/requests/test_requests.py; that each statement is
needed on the resources that it names, by tests/integration/test_permissions.py; that none is missing, by
tests/integration/test_workflow.py and test_sam_cli.py, whose commands have these rights only.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from samcli.lib.bootstrap.bootstrap import _get_stack_template
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from localcloud.corrections import stack_rights
from localcloud.identity import Permission
from tests.unit.training.requests.policies import STEPS_POLICIES, actions, statements

ROOT = Path(__file__).parents[2]
POLICIES = ("deployPolicy", *STEPS_POLICIES, "operationsPolicy")
MANAGED_POLICY_LIMIT = 6144  # characters that are no white space, IAM's limit
LONGEST = {"StackName": "s" * 26, "EndpointName": "e" * 47, "BucketName": "b" * 63}
PSEUDO = {
    "AWS::Partition": "aws-us-gov",
    "AWS::URLSuffix": "amazonaws.com.cn",
    "AWS::Region": "ap-southeast-1",
    "AWS::AccountId": "1" * 12,
}
# What SAM CLI 1.167 asks for itself, as recorded; everything else CloudFormation does in its name.
SAM = {
    "sam deploy": {
        "cloudformation:CreateChangeSet",
        "cloudformation:DescribeChangeSet",
        "cloudformation:DescribeStackEvents",
        "cloudformation:DescribeStacks",
        "cloudformation:ExecuteChangeSet",
        "cloudformation:GetTemplateSummary",
        "s3:GetObject",
        "s3:PutObject",
    },
    "sam sync": {
        "cloudformation:GetTemplate",
        "cloudformation:ListStackResources",
        "cloudformation:UpdateStack",
        "lambda:GetFunction",
        "lambda:UpdateFunctionCode",
    },
    "sam remote invoke": {
        "lambda:GetFunctionConfiguration",
        "lambda:GetFunctionUrlConfig",
        "lambda:InvokeFunction",
        "states:DescribeExecution",
        "states:StartExecution",
    },
    "sam logs": {"logs:FilterLogEvents"},
    "sam delete": {"cloudformation:DeleteStack", "s3:DeleteObject"},
}


# `aws sqs start-message-move-task` and list-message-move-tasks; SQS asks for the first three besides.
REDRIVE = {
    "sqs:DeleteMessage",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "sqs:ListMessageMoveTasks",
    "sqs:StartMessageMoveTask",
}


def test_deploying_needs_every_action_of_the_deploy_policy_and_no_other() -> None:
    assert actions("deployPolicy") == by_cloudformation(with_operations=False).union(*SAM.values())


def test_deploying_with_uploads_needs_both_policies_and_no_other_action() -> None:
    both = actions("deployPolicy") | actions("operationsPolicy")
    assert both == by_cloudformation().union(REDRIVE, *SAM.values())
    mapping = "lambda:TagResource"  # on another resource
    assert actions("deployPolicy") & actions("operationsPolicy") == {mapping}


def by_cloudformation(with_operations: bool = True) -> set[str]:
    """Return what CloudFormation does in the name of who deploys the stack, and the stack of SAM's own bucket."""
    stack = yaml_parse((ROOT / "template.yaml").read_text())
    if not with_operations:
        stack["Resources"] = {name: one for name, one in stack["Resources"].items() if not is_of_operations(one)}
        del stack["Resources"]["bucket"]["Properties"]["NotificationConfiguration"]
    stacks = [processed(stack), json.loads(_get_stack_template())]
    return {permission.action for stack in stacks for permission in of_cloudformation(stack)}


def is_of_operations(resource: dict[str, Any]) -> bool:
    return resource.get("Condition") in ("StartsOnUpload", "HasAlerts", "HasUploadAlerts", "MailsAlerts")


def processed(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template after SAM's transformation, with its code and its definition in a bucket."""
    for resource in template["Resources"].values():
        for name in {"CodeUri", "DefinitionUri"} & set(resource.get("Properties", {})):
            resource["Properties"][name] = "s3://bucket/key"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        transformed: dict[str, Any] = Translator({}, Parser()).translate(template, {})
    return transformed


def of_cloudformation(stack: dict[str, Any]) -> Iterator[Permission]:
    """Yield what CloudFormation does in the deployer's name: create, change in every property, and delete."""
    for resource in stack["Resources"].values():
        kind, props = resource["Type"], resource.get("Properties", {})
        rights = stack_rights.RIGHTS[kind]
        named = {**props, rights.name: "name"}
        yield from stack_rights.to_create(kind, named, "name")
        yield from stack_rights.to_update(kind, {rights.name: "name"}, named, "name")
        yield from stack_rights.to_update(kind, named, {rights.name: "name"}, "name")
        yield from stack_rights.to_delete(kind, named, "name")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_short_enough_for_iam_with_the_longest_names(policy: str) -> None:
    text = json.dumps([filled(one) for one in statements(policy)])
    assert len(re.sub(r"\s", "", text)) < MANAGED_POLICY_LIMIT - 100


def filled(value: Any) -> Any:
    """Return a part of a policy with the values of its parameters."""
    if isinstance(value, list):
        return [filled(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Sub" in value:
        text, variables = value["Fn::Sub"] if isinstance(value["Fn::Sub"], list) else (value["Fn::Sub"], {})
        names = LONGEST | PSEUDO | {name: LONGEST["BucketName"] for name in variables}
        return re.sub(r"\$\{([^}]+)\}", lambda found: names[found[1]], text)
    return {name: filled(item) for name, item in value.items()}


@pytest.mark.parametrize("policy", POLICIES)
def test_no_statement_names_all_actions_or_is_there_twice(policy: str) -> None:
    found = list(statements(policy))
    assert not [action for action in actions(policy) if "*" in action]
    assert len({one["Sid"] for one in found}) == len(found)
