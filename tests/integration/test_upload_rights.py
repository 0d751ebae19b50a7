"""Each permission of the function for uploads is needed: without it, what it is for fails.

The function is invoked with an event of its own, so nothing here depends on the queue's timing; the mapping's own three
permissions are shown by test_queue_mappings.py.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from tests.integration.support.iam import policy_document
from tests.integration.support.stacks import deploy_application, stack_outputs
from tests.integration.test_least_privilege import as_list

STACK = "upload-rights"
SHOWN_ELSEWHERE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
NOT_SHOWN = {
    "s3:ListBucket": "without it S3 answers AccessDenied for the tags of a photo that was deleted; here it does not",
    "sqs:ChangeMessageVisibility": "without it a message comes again later, after the queue's visibility timeout",
}


@pytest.fixture(scope="module")
def stack(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Deploy the stack and return its outputs, with the physical names of its resources."""
    parameters = {"EndpointName": STACK, "ClassifyUploads": "true"}
    deploy_application(STACK, tmp_path_factory.mktemp("build"), aws, **parameters)
    found = boto3.client("cloudformation").list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    boto3.client("lambda").update_event_source_mapping(
        UUID=next(one["PhysicalResourceId"] for one in found if one["LogicalResourceId"] == "uploadBatches"),
        Enabled=False,
    )
    return stack_outputs(STACK) | {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def statements(stack: dict[str, str]) -> tuple[str, list[dict[str, Any]]]:
    """Return the name of the role's own policy, and one statement for each of its actions."""
    iam, role = boto3.client("iam"), stack["classifyUploadsRole"]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document: Any = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    return policy, [{**one, "Action": action} for one in document["Statement"] for action in as_list(one["Action"])]


@contextmanager
def without(stack: dict[str, str], action: str) -> Iterator[None]:
    iam, role = boto3.client("iam"), stack["classifyUploadsRole"]
    policy, everything = statements(stack)
    others = [{key: value for key, value in one.items() if key != "Sid"} for one in everything]
    less = [one for one in others if one["Action"] != action]
    assert len(less) == len(others) - 1
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=policy_document(*less))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=policy_document(*others))


def classify(stack: dict[str, str], versioned: bool = True, has_verdict: bool = False) -> bool:
    """Upload a file that is no photo and hand it to the function; tell whether all was done.

    Args:
        versioned: The event names the version.
        has_verdict: An earlier invocation ended after it had written the verdict.
    """
    bucket = stack["BucketName"]
    s3: Any = boto3.client("s3")
    key = f"incoming/{stack['count']}"
    stack["count"] += "x"
    version = s3.put_object(Bucket=bucket, Key=key, Body=b"")["VersionId"]
    if has_verdict:
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        verdict = json.dumps({"s3_key": key, "version": version, "error": "InvalidImageError", "cause": "empty"})
        s3.put_object(Bucket=bucket, Key=f"verdicts/uploads/date=2026-11-21/{digest}-{version}.jsonl", Body=verdict)
    photo = {"key": key, "etag": "e", "sequencer": "0", **({"version-id": version} if versioned else {})}
    body = json.dumps({"time": "2026-11-21T00:00:00Z", "detail": {"bucket": {"name": bucket}, "object": photo}})
    record = {"messageId": "m", "receiptHandle": "r", "attributes": {"ApproximateReceiveCount": "1"}, "body": body}
    answer = boto3.client("lambda").invoke(
        FunctionName=stack["classifyUploads"], Payload=json.dumps({"Records": [record]}).encode()
    )
    return bool(json.load(answer["Payload"]) == {"batchItemFailures": []})


# How a photo is handed over so that the permission is needed.
NEEDED: dict[str, dict[str, Any]] = {
    "states:StartSyncExecution": {},
    "s3:GetObjectTagging": {"versioned": False},
    "s3:PutObjectTagging": {"versioned": False},
    "s3:GetObjectVersionTagging": {},
    "s3:PutObjectVersionTagging": {},
    "s3:PutObject": {},
    "s3:GetObject": {"has_verdict": True},
    "events:PutEvents": {},
}


def test_the_table_has_every_permission_but_those_of_the_mapping(stack: dict[str, str]) -> None:
    _, found = statements(stack)
    assert {one["Action"] for one in found} == {*NEEDED, *SHOWN_ELSEWHERE, *NOT_SHOWN}


@pytest.mark.parametrize("action", NEEDED)
def test_no_permission_is_superfluous(stack: dict[str, str], action: str) -> None:
    stack.setdefault("count", action.replace(":", ""))
    assert classify(stack, **NEEDED[action])
    with without(stack, action):
        assert not classify(stack, **NEEDED[action])
