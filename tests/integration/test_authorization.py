"""Policies judge what a request does: no other action, no other resource, and nothing passes unjudged."""

import json
import os
import uuid
from typing import Any

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from tests.integration.support.clouds import only_local
from tests.integration.support.functions import create_function
from tests.integration.support.iam import client_of_role, create_role, session_of_role
from tests.integration.support.names import NAME
from tests.integration.support.waiting import wait_for

FUNCTION = f"{NAME}-judged"
BUCKET = f"{NAME}-judged"
CODE = "def lambda_handler(event, context): return context.invoked_function_arn.split(':')[7:]"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JUDGED = pytest.mark.aws(
    "IAM",
    "a request is judged by the action that it does, whatever else it names",
    "approximate",
    "a request that contradicts the protocol of its service is InvalidAction",
)


def allow(action: str, resource: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def send(session: boto3.Session, service: str, path: str, **options: Any) -> requests.Response:
    """Send a signed request as no AWS client would; options: method, headers, body."""
    method, body = options.get("method", "POST"), options.get("body", "")
    request = AWSRequest(method, os.environ["AWS_ENDPOINT_URL"] + path, options.get("headers", {}), body)
    credentials = session.get_credentials()
    assert credentials is not None
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials.get_frozen_credentials(), service, "us-east-1").add_auth(request)
    with requests.Session() as client:
        return client.request(method, str(request.url), headers=dict(request.headers.items()), data=body)


@pytest.fixture(scope="module")
def function(aws: dict[str, str]) -> str:
    """The ARN of a function with the version 1 and the alias live of it."""
    arn = create_function(FUNCTION, create_role(FUNCTION, "lambda"), CODE)
    client = boto3.client("lambda")
    client.publish_version(FunctionName=FUNCTION)
    client.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1")
    return arn


@pytest.fixture(scope="module")
def bucket(aws: dict[str, str]) -> str:
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    return BUCKET


# The action that is done -----------------------------------------------------------------------------------------


@only_local
@JUDGED
@pytest.mark.parametrize("service", ["iam", "sts", "cloudformation", "monitoring"])
def test_an_action_in_a_body_of_another_type_is_refused(aws: dict[str, str], service: str) -> None:
    refused = send(session_of_role(), service, "/", headers={"Content-Type": "text/plain"}, body="Action=ListUsers")
    assert (refused.status_code, "InvalidAction" in refused.text) == (400, True)


@only_local
@pytest.mark.correction(name="judged-action")
@JUDGED
@pytest.mark.parametrize(
    "headers", [{}, FORM, {"x-amz-target": "a.GetObject"}], ids=["plain", "as a form", "with a target"]
)
def test_an_object_is_not_written_with_the_permission_to_read(bucket: str, headers: dict[str, str]) -> None:
    reader = session_of_role(allow("s3:GetObject"))
    refused = send(reader, "s3", f"/{bucket}/key", method="PUT", headers=headers, body="Action=GetObject")
    assert refused.status_code in (400, 403)
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=bucket)


@pytest.mark.correction(name="judged-parameters")
@JUDGED
def test_an_object_that_looks_like_a_form_is_an_object(bucket: str) -> None:
    tagger = session_of_role(allow("s3:PutObjectTagging"))
    refused = send(tagger, "s3", f"/{bucket}/key", method="PUT", headers=FORM, body="tagging=x")
    assert (refused.status_code, "s3:PutObject " in refused.text) == (403, True)
    writer = session_of_role(allow("s3:PutObject"))
    assert send(writer, "s3", f"/{bucket}/form", method="PUT", headers=FORM, body="tagging=x").status_code == 200


@JUDGED
@pytest.mark.parametrize(
    "path",
    [f"{FUNCTION}%252Finvocations", f"{FUNCTION}/invocations/", f"{FUNCTION}/invocations/url"],
    ids=["encoded twice", "slash at the end", "longer"],
)
def test_a_function_is_not_invoked_by_an_odd_path(function: str, path: str) -> None:
    nobody = session_of_role(allow("lambda:List*"))
    assert send(nobody, "lambda", f"/2015-03-31/functions/{path}", body="{}").status_code == 403


# The resource ----------------------------------------------------------------------------------------------------


@pytest.mark.aws("IAM", "lambda:InvokeFunction on a function does not cover its versions and aliases", "exact")
@pytest.mark.correction(name="judged-resource")
@pytest.mark.parametrize("qualifier", ["live", "1", "$LATEST"])
@pytest.mark.parametrize("in_name", [True, False], ids=["in the name", "in the query"])
def test_a_qualifier_is_judged(function: str, qualifier: str, in_name: bool) -> None:
    named: Any = {"FunctionName": f"{function}:{qualifier}"}
    queried: Any = {"FunctionName": FUNCTION, "Qualifier": qualifier}
    request = named if in_name else queried
    unqualified = client_of_role("lambda", allow("lambda:InvokeFunction", function))
    with pytest.raises(ClientError, match=r"AccessDeniedException.*lambda:InvokeFunction"):
        unqualified.invoke(**request)
    assert unqualified.invoke(FunctionName=FUNCTION)["StatusCode"] == 200
    qualified = client_of_role("lambda", allow("lambda:InvokeFunction", f"{function}:*"))
    assert json.load(qualified.invoke(**request)["Payload"]) == [qualifier]
    with pytest.raises(ClientError, match=r"AccessDeniedException.*lambda:InvokeFunction"):
        qualified.invoke(FunctionName=FUNCTION)


def test_permission_on_an_alias_is_none_on_what_has_no_alias(function: str) -> None:
    client = client_of_role("lambda", allow("lambda:*", f"{function}:live"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        client.put_function_concurrency(FunctionName=f"{FUNCTION}:live", ReservedConcurrentExecutions=0)


@pytest.mark.aws("IAM", "an object's whole key is judged, slashes included", "exact")
def test_a_key_is_judged_as_it_is(bucket: str) -> None:
    boto3.client("s3").put_object(Bucket=bucket, Key="/open/photo", Body=b"x")
    client = client_of_role("s3", allow("s3:*", f"arn:aws:s3:::{bucket}/open/*"))
    with pytest.raises(ClientError, match=r"403"):
        client.head_object(Bucket=bucket, Key="/open/photo")


# State machines --------------------------------------------------------------------------------------------------


def outcome(task: dict[str, Any], *statements: dict[str, Any]) -> Any:
    """Return the ended execution of a state machine with one task, whose role has these permissions."""
    client, name = boto3.client("stepfunctions"), f"{NAME}-{uuid.uuid4().hex[:8]}"
    states = {"Task": {"Type": "Task", "End": True, **task}}
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "Task", "States": states})
    role = create_role(name, "states", *statements)
    machine = client.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine)["executionArn"]

    def ended() -> Any:
        described = client.describe_execution(executionArn=execution)
        return described if described["status"] != "RUNNING" else None

    return wait_for(ended, pause=0.05)


INVOKE = "arn:aws:states:::lambda:invoke"


@pytest.mark.aws("Step Functions", "permission to invoke a function does not cover its versions and aliases", "exact")
@pytest.mark.parametrize(
    "arguments", [{"FunctionName": FUNCTION, "Qualifier": "live"}, {"FunctionName": f"{FUNCTION}:live"}]
)
def test_an_alias_needs_a_permission_of_its_own(function: str, arguments: dict[str, str]) -> None:
    task = {"Resource": INVOKE, "Arguments": {**arguments, "Payload": {}}, "Output": "{% $states.result.Payload %}"}
    refused = outcome(task, allow("lambda:InvokeFunction", function))
    assert refused["error"] == "Lambda.AWSLambdaException"
    assert f"on resource: {function}:live" in refused["cause"]
    allowed = outcome(task, allow("lambda:InvokeFunction", f"{function}:live"))
    assert json.loads(allowed["output"]) == ["live"]


@pytest.mark.aws(
    "Step Functions",
    "tasks that call other services than Lambda, or wait for a token",
    "absent",
    "the definition is refused with NOT_EMULATED, which names the resource",
)
@pytest.mark.parametrize(
    "name", ["aws-sdk:iam:listUsers", "states:startExecution", "aws-sdk:iam:listUsers.waitForTaskToken"]
)
def test_a_task_calls_no_other_service(aws: dict[str, str], name: str) -> None:
    resource = f"arn:aws:states:::{name}"
    with pytest.raises(ClientError, match=f"InvalidDefinition.*NOT_EMULATED: .* does not emulate {resource}"):
        outcome({"Resource": resource, "Arguments": {}, "TimeoutSeconds": 5})


@pytest.mark.correction(name="judged-action")
@JUDGED
def test_versions_are_deleted_with_their_own_permission(bucket: str) -> None:
    client = client_of_role("s3", allow("s3:DeleteObjectVersion", f"arn:aws:s3:::{bucket}/*"))
    version, latest = {"Key": "k", "VersionId": "null"}, {"Key": "k"}
    assert "Errors" not in client.delete_objects(Bucket=bucket, Delete={"Objects": [version]})
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_objects(Bucket=bucket, Delete={"Objects": [latest]})


@pytest.mark.correction(name="judged-resource")
@JUDGED
def test_a_simulation_is_judged_by_its_subject(aws: dict[str, str]) -> None:
    role = create_role(f"{NAME}-simulated", "lambda")
    client = client_of_role("iam", allow("iam:SimulatePrincipalPolicy", role))
    client.simulate_principal_policy(PolicySourceArn=role, ActionNames=["s3:GetObject"])
    with pytest.raises(ClientError, match="AccessDenied"):
        client.simulate_principal_policy(PolicySourceArn=f"{role}-2", ActionNames=["s3:GetObject"])


@pytest.mark.correction(name="judged-resource")
@JUDGED
def test_deleting_an_alarm_is_judged_by_its_name(aws: dict[str, str]) -> None:
    account = boto3.client("sts").get_caller_identity()["Account"]
    client = client_of_role("cloudwatch", allow("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:*:{account}:alarm:a-*"))
    client.delete_alarms(AlarmNames=["a-1"])
    for others in (["b-1"], ["a-1", "b-1"]):
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_alarms(AlarmNames=others)


@pytest.mark.correction(name="judged-resource")
@JUDGED
def test_events_of_a_log_are_judged_by_its_stream(aws: dict[str, str]) -> None:
    boto3.client("logs").create_log_group(logGroupName=NAME)
    for stream in ("a-1", "b-1"):
        boto3.client("logs").create_log_stream(logGroupName=NAME, logStreamName=stream)
    client = client_of_role("logs", allow("logs:GetLogEvents", f"arn:aws:logs:*:*:log-group:{NAME}:log-stream:a-*"))
    client.get_log_events(logGroupName=NAME, logStreamName="a-1")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.get_log_events(logGroupName=NAME, logStreamName="b-1")
