"""permissions.yaml: each of its statements is needed, on each resource that it names.

That nothing is missing is shown by test_workflow.py and test_sam_cli.py, whose commands have these rights only. Here a
role has one policy less one action on one resource, and the request of a run that needs it must be refused; with the
whole policy it is not. The requests are those that tests/unit/training/requests records, and those of SAM CLI. What
CloudFormation does in the name of the person is shown statement by statement, with stacks that fail.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.support.clouds import cloud_to_test
from tests.integration.support.iam import policy_document, session_of_role
from tests.integration.support.people import deploy_permissions
from tests.integration.support.waiting import wait_for
from tests.unit.test_permissions import POLICIES, by_cloudformation
from tests.unit.training.requests import aws as recorded_aws
from tests.unit.training.requests.actions import actions_of
from tests.unit.training.requests.policies import statements
from tests.unit.training.requests.recording import record

NAME = recorded_aws.NAME  # of the stack, and of its endpoint
DENIED = ("AccessDenied", "AccessDeniedException", "403")
SAM_BUCKET = "aws-sam-cli-managed-default-samclisourcebucket-0"
TEMPLATE = Path(__file__).parent / "data" / "stacks" / "all_types.yaml"
PARAMETERS = {"Name": NAME, "SamBucket": SAM_BUCKET}

DEPLOYING = ("deployPolicy", "operationsPolicy")
CLOUDFORMATION = {
    (policy, action) for policy in DEPLOYING for action in by_cloudformation()
}  # shown below, with stacks

Call = tuple[str, str, dict[str, Any]]  # service, operation, parameters

# What SAM CLI asks for, and what no recorded run does.
CALLS: list[Call] = [
    *(
        ("cloudformation", operation, {"StackName": stack, **more})
        for stack in (NAME, "aws-sam-cli-managed-default")
        for operation, more in (
            ("CreateChangeSet", {"ChangeSetName": "c", "TemplateBody": "{}"}),
            ("DescribeChangeSet", {"ChangeSetName": "c"}),
            ("DescribeStacks", {}),
            ("ExecuteChangeSet", {"ChangeSetName": "c"}),
        )
    ),
    *(
        ("cloudformation", operation, {"StackName": NAME, **more})
        for operation, more in (
            ("DeleteStack", {}),
            ("DescribeStackEvents", {}),
            ("GetTemplate", {}),
            ("GetTemplateSummary", {}),
            ("ListStackResources", {}),
            ("UpdateStack", {"TemplateBody": "{}"}),
        )
    ),
    ("cloudformation", "DescribeStacks", {"StackName": f"{NAME}-0-CompanionStack"}),
    ("s3", "HeadObject", {"Bucket": SAM_BUCKET, "Key": "code"}),
    ("s3", "PutObject", {"Bucket": SAM_BUCKET, "Key": "code", "Body": b""}),
    ("s3", "DeleteObject", {"Bucket": SAM_BUCKET, "Key": "code"}),
    *(
        ("lambda", operation, {"FunctionName": f"{NAME}-classifyImage-0", **more})
        for operation, more in (
            ("GetFunction", {}),
            ("GetFunctionConfiguration", {}),
            ("GetFunctionUrlConfig", {}),
            ("Invoke", {}),
            ("UpdateFunctionCode", {"ZipFile": b""}),
        )
    ),
    ("logs", "FilterLogEvents", {"logGroupName": f"/aws/lambda/{NAME}-classifyImage"}),
    ("service-quotas", "ListAWSDefaultServiceQuotas", {"ServiceCode": "sagemaker"}),
    ("logs", "DescribeLogStreams", {"logGroupName": f"/aws/sagemaker/Endpoints/{NAME}"}),
    ("logs", "GetLogEvents", {"logGroupName": f"/aws/sagemaker/Endpoints/{NAME}", "logStreamName": "s"}),
]

# Statements that the local AWS cannot show, with the reason why AWS needs them.
NOT_SHOWN = {
    "TransformTheTemplate": "CloudFormation asks for it where a template names a transform",
    "CheckQuotas": "Service Quotas, which is not emulated",
    "Scale": "Application Auto Scaling, which is not emulated",
    "LetItBeScaled": "Application Auto Scaling, which is not emulated",
    "LetItBeWatched": "Application Auto Scaling, which is not emulated",
    "CreateTheRoleOfScaling": "Application Auto Scaling, which is not emulated",
    "EncryptVariablesAndLogs": "KMS, which is not emulated",
    "EncryptObjects": "KMS, which is not emulated",
}


@dataclass(frozen=True)
class Caller:
    """A role whose credentials make requests."""

    role: str
    clients: dict[str, Any]  # by service

    def allow(self, statements: list[dict[str, Any]]) -> None:
        """Give the role these statements and no others."""
        document = policy_document(*statements)
        boto3.client("iam").put_role_policy(RoleName=self.role, PolicyName="all", PolicyDocument=document)

    def is_denied(self, call: Call) -> bool:
        """Make a request; it mostly ends in another error when it is not denied, because there is no stack."""
        service, operation, parameters = call
        try:
            reply = getattr(self.clients[service], xform_name(operation))(**parameters)
        except ClientError as err:
            return err.response["Error"]["Code"] in DENIED
        return any(error["Code"] in DENIED for error in reply.get("Errors", []))  # of DeleteObjects


def create_caller(services: set[str]) -> Caller:
    session, once = session_of_role(), Config(retries={"total_max_attempts": 1})
    create_client: Any = session.client  # its overloads know the services' names as literals only
    role = session.client("sts").get_caller_identity()["Arn"].split("/")[1]
    return Caller(role, {service: create_client(service, config=once) for service in services})


@dataclass(frozen=True)
class Rights:
    """The policies that permissions.yaml makes, the requests of a run, and two roles."""

    statements: dict[str, list[dict[str, Any]]]  # by policy
    calls: list[Call]
    whole: Caller  # has all policies
    less: Caller


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A cloud of its own: the calls change SAM's stack, which all applications of a region share."""
    with cloud_to_test(tmp_path_factory.mktemp("cloud")) as variables:
        yield variables


@pytest.fixture(scope="module")
def rights(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Rights:
    outputs = deploy_permissions(NAME)
    calls = recorded_calls(tmp_path_factory.mktemp("run"), account())
    services = {service for service, _, _ in calls}
    whole, less, found = create_caller(services), create_caller(services), {}
    for policy in POLICIES:
        arn = outputs[f"{policy[0].upper()}{policy[1:]}Arn"]
        boto3.client("iam").attach_role_policy(RoleName=whole.role, PolicyArn=arn)
        found[policy] = statements_of(arn)
    return Rights(found, calls, whole, less)


def account() -> str:
    return boto3.client("sts").get_caller_identity()["Account"]


@pytest.fixture
def buckets(aws: dict[str, str]) -> Iterator[None]:
    """Make the stack's bucket and SAM's: S3 says that a bucket is missing before it asks IAM."""
    names = [f"{NAME}-{account()}-us-east-1", SAM_BUCKET]
    for name in names:
        boto3.client("s3").create_bucket(Bucket=name)
    boto3.client("s3").put_object(Bucket=SAM_BUCKET, Key="code", Body=b"")
    yield
    for name in names:
        boto3.resource("s3").Bucket(name).objects.delete()
        boto3.client("s3").delete_bucket(Bucket=name)


def statements_of(policy_arn: str) -> list[dict[str, Any]]:
    iam = boto3.client("iam")
    version = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
    found: Any = iam.get_policy_version(PolicyArn=policy_arn, VersionId=version)["PolicyVersion"]["Document"]
    statements: list[dict[str, Any]] = found["Statement"]
    return statements


def recorded_calls(directory: Path, account: str) -> list[Call]:
    """Return the requests of a run, for this account, and those that no run makes; alike ones once."""
    calls: dict[str, Call] = {}
    for request in record("us-east-1", "own", directory).requests:
        parameters = {name: b"" if name == "Body" else value for name, value in request.parameters.items()}
        text = json.dumps({name: value for name, value in parameters.items() if name != "Body"}, default=str)
        parameters |= json.loads(text.replace(recorded_aws.ACCOUNT, account))
        calls["\n".join(request.lines())] = (request.service, request.operation, parameters)
    return [*calls.values(), *CALLS, *redrive(account)]


def redrive(account: str) -> Iterator[Call]:
    """Yield what moving dead letters back takes; SQS asks for the last three in the caller's name."""
    queue = {"SourceArn": f"arn:aws:sqs:us-east-1:{account}:{NAME}-uploads-dead-letters"}
    url = {"QueueUrl": f"http://127.0.0.1/{account}/{NAME}-uploads"}
    yield "sqs", "StartMessageMoveTask", queue
    yield "sqs", "ListMessageMoveTasks", queue
    yield "sqs", "SendMessage", {**url, "MessageBody": "b"}
    yield "sqs", "ReceiveMessage", url
    yield "sqs", "DeleteMessage", {**url, "ReceiptHandle": "r"}


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.usefixtures("buckets")
def test_no_request_of_a_run_is_denied(rights: Rights) -> None:
    assert [call for call in rights.calls if rights.whole.is_denied(call)] == []


@pytest.mark.usefixtures("buckets")
@pytest.mark.parametrize("policy", POLICIES)
def test_each_permission_is_needed(rights: Rights, policy: str) -> None:
    superfluous = []
    for statement in rights.statements[policy]:
        for action in as_list(statement["Action"]) if statement["Sid"] not in NOT_SHOWN else ():
            for resource in as_list(statement["Resource"]):
                rights.less.allow(without(rights.statements[policy], statement["Sid"], action, resource))
                calls = (call for call in rights.calls if action in actions_of(*call))
                needed = any(rights.less.is_denied(call) and not rights.whole.is_denied(call) for call in calls)
                if not needed and (policy, action) not in CLOUDFORMATION:
                    superfluous.append(f"{statement['Sid']}: {action} on {resource}")
    assert superfluous == []


def without(everything: list[dict[str, Any]], sid: str, action: str, resource: str) -> list[dict[str, Any]]:
    """Return the statements less one action on one resource of one of them."""
    left = []
    for one in everything:
        if one["Sid"] != sid:
            left.append(one)
            continue
        others = [each for each in as_list(one["Action"]) if each != action]
        resources = [each for each in as_list(one["Resource"]) if each != resource]
        left += [{**one, "Action": others}] if others else []
        left += [{**one, "Sid": f"{sid}2", "Action": action, "Resource": resources}] if resources else []
    return left


# What CloudFormation does in the name of the person ---------------------------------------------------------------


def of_stacks() -> Iterator[str]:
    """Yield the statements whose actions CloudFormation does."""
    for policy in DEPLOYING:
        for statement in statements(policy):
            if {(policy, action) for action in as_list(statement["Action"])} & CLOUDFORMATION:
                yield statement["Sid"]


@pytest.mark.parametrize("sid", sorted({*of_stacks()} - {*NOT_SHOWN, "UploadCodeAndTemplate"}))
def test_a_stack_cannot_be_deployed_without(rights: Rights, sid: str) -> None:
    """UploadCodeAndTemplate, of which CloudFormation reads the code, is shown above."""
    everything = [one for policy in DEPLOYING for one in rights.statements[policy]]
    (statement,) = (one for one in everything if one["Sid"] == sid)
    others = [one for one in everything if one["Sid"] != sid]
    rights.less.allow([*others, {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}])
    client = rights.less.clients["cloudformation"]
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()]
    capabilities = ["CAPABILITY_IAM"]
    client.create_stack(StackName=NAME, TemplateBody=TEMPLATE.read_text(), Parameters=given, Capabilities=capabilities)
    try:
        reason = first_failure()
        assert any(f"is not authorized to perform: {action} " in reason for action in as_list(statement["Action"]))
    finally:
        delete_stack()


def first_failure() -> str:
    """Return the reason of the first resource that failed, once the stack has been rolled back."""
    client = boto3.client("cloudformation")
    wait_for(lambda: client.describe_stacks(StackName=NAME)["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE")
    events = client.describe_stack_events(StackName=NAME)["StackEvents"]
    return [one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == "CREATE_FAILED"][-1]


def delete_stack() -> None:
    client = boto3.client("cloudformation")
    client.delete_stack(StackName=NAME)
    client.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
