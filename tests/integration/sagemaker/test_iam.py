"""Authorization in SageMaker: users, assumed roles, tags, passed roles, and bad credentials."""

import json
from collections.abc import Iterator
from typing import Any, TypedDict

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.clouds import only_local
from tests.integration.support.endpoints import variant
from tests.integration.support.iam import client_of_role, create_role, policy_document
from tests.integration.support.names import NAME
from tests.integration.support.photos import png
from tests.integration.support.training_jobs import IMAGE, job_request

ledger = pytest.mark.aws
USER = f"{NAME}-user"


class Keys(TypedDict, total=False):
    """The arguments of a client that acts as one user."""

    aws_access_key_id: str
    aws_secret_access_key: str
    aws_session_token: str


@pytest.fixture(scope="module")
def keys(aws: dict[str, str]) -> Iterator[Keys]:
    """Yield the access key of a user; `allow` sets the user's permissions."""
    iam = boto3.client("iam")
    iam.create_user(UserName=USER)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    yield {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])


def allow(*statements: dict[str, Any]) -> None:
    """Give the user these permissions and no others."""
    boto3.client("iam").put_user_policy(UserName=USER, PolicyName="own", PolicyDocument=policy_document(*statements))


def statement(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def arn(resource: str) -> str:
    account = boto3.client("sts").get_caller_identity()["Account"]
    return f"arn:aws:sagemaker:us-east-1:{account}:{resource}"


def denied(action: str, resource: str) -> str:
    """Return a pattern that matches AWS's sentence."""
    return (
        rf"AccessDeniedException.*User: arn:aws:iam::\d+:user/{USER} is not authorized to perform: {action} "
        rf"on resource: {resource} because no identity-based policy allows the {action} action"
    )


@ledger("IAM", "sagemaker:InvokeEndpoint on the endpoint's ARN, AWS's sentence when refused (HTTP 403)", "exact")
def test_a_user_may_invoke_only_the_endpoint_that_a_policy_names(endpoint: str, keys: Keys) -> None:
    runtime = boto3.client("sagemaker-runtime", **keys)
    request: Any = {"EndpointName": endpoint, "ContentType": "image/png", "Body": png(1)}
    allow(statement("sagemaker:InvokeEndpoint", arn("endpoint/another")))
    with pytest.raises(ClientError, match=denied("sagemaker:InvokeEndpoint", arn(f"endpoint/{endpoint}"))) as caught:
        runtime.invoke_endpoint(**request)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    allow(statement("sagemaker:InvokeEndpoint", arn(f"endpoint/{endpoint}")))
    runtime.invoke_endpoint(**request)
    forbid = {**statement("sagemaker:*"), "Effect": "Deny"}
    allow(statement("sagemaker:InvokeEndpoint"), forbid)
    with pytest.raises(ClientError, match="with an explicit deny in an identity-based policy"):
        runtime.invoke_endpoint(**request)


@ledger("IAM", "every control-plane action of SageMaker on the ARNs of the Service Authorization Reference", "exact")
@pytest.mark.parametrize(
    ("call", "arguments", "resource"),
    [
        ("describe_training_job", {"TrainingJobName": "Some-Job"}, "training-job/some-job"),
        ("stop_training_job", {"TrainingJobName": "j"}, "training-job/j"),
        ("delete_training_job", {"TrainingJobName": "j"}, "training-job/j"),
        ("describe_model", {"ModelName": "m"}, "model/m"),
        ("delete_model", {"ModelName": "m"}, "model/m"),
        ("describe_endpoint_config", {"EndpointConfigName": "c"}, "endpoint-config/c"),
        ("delete_endpoint_config", {"EndpointConfigName": "c"}, "endpoint-config/c"),
        (
            "create_endpoint_config",
            {"EndpointConfigName": "c", "ProductionVariants": [variant("m")]},
            "endpoint-config/c",
        ),
        ("create_endpoint", {"EndpointName": "e", "EndpointConfigName": "c"}, "endpoint/e"),
        ("update_endpoint", {"EndpointName": "e", "EndpointConfigName": "c"}, "endpoint/e"),
        ("describe_endpoint", {"EndpointName": "e"}, "endpoint/e"),
        ("delete_endpoint", {"EndpointName": "e"}, "endpoint/e"),
        ("list_endpoints", {}, None),
        ("list_training_jobs", {}, None),
        ("list_tags", {"ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:model/m"}, "model/m"),
    ],
)
def test_every_action_needs_a_policy(
    aws: dict[str, str], keys: Keys, call: str, arguments: dict[str, Any], resource: str | None
) -> None:
    allow(statement("sagemaker:AddTags"))
    action = "sagemaker:" + "".join(word.capitalize() for word in call.split("_"))
    with pytest.raises(ClientError, match=denied(action, arn(resource) if resource else r"\*")) as caught:
        getattr(boto3.client("sagemaker", **keys), call)(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@ledger("IAM", "CreateEndpoint and UpdateEndpoint need the endpoint and its configuration", "exact")
@pytest.mark.parametrize("call", ["create_endpoint", "update_endpoint"])
def test_an_endpoint_needs_a_right_to_its_configuration(aws: dict[str, str], keys: Keys, call: str) -> None:
    action = "sagemaker:" + "".join(word.capitalize() for word in call.split("_"))
    allow(statement(action, arn("endpoint/e")))
    with pytest.raises(ClientError, match=denied(action, arn("endpoint-config/c"))):
        getattr(boto3.client("sagemaker", **keys), call)(EndpointName="e", EndpointConfigName="c")


@ledger("IAM", "tags at creation need sagemaker:AddTags", "exact")
def test_tags_at_creation_need_a_right_of_their_own(aws: dict[str, str], keys: Keys, role: str) -> None:
    allow(statement("sagemaker:CreateModel"), statement("iam:PassRole"))
    with pytest.raises(ClientError, match=denied("sagemaker:AddTags", arn("model/m"))):
        boto3.client("sagemaker", **keys).create_model(
            ModelName="m", PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=role, Tags=[{"Key": "k", "Value": "v"}]
        )


@ledger("IAM", "iam:PassRole on the execution role, with iam:PassedToService", "exact")
def test_an_execution_role_must_be_passed(aws: dict[str, str], keys: Keys, bucket: str, role: str) -> None:
    sagemaker = boto3.client("sagemaker", **keys)
    may = statement("sagemaker:*")
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    for missing in ([], [statement("iam:PassRole", role, Condition=to_lambda)]):
        allow(may, *missing)
        with pytest.raises(ClientError, match=denied("iam:PassRole", role)):
            sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=role)
        with pytest.raises(ClientError, match=denied("iam:PassRole", role)):
            sagemaker.create_training_job(**job_request("j", bucket, role))
    allow(may, statement("iam:PassRole", role, Condition=to_sagemaker))
    sagemaker.create_model(ModelName=f"{NAME}-passed", PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=role)


@ledger("IAM", "an execution role must exist, be of the same account and trust sagemaker.amazonaws.com", "exact")
def test_a_role_that_does_not_trust_sagemaker_is_refused(sagemaker: Any, bucket: str, aws: dict[str, str]) -> None:
    account = boto3.client("sts").get_caller_identity()["Account"]
    for role in (create_role(f"{NAME}-lambda", "lambda"), f"arn:aws:iam::{account}:role/nobody"):
        with pytest.raises(ClientError, match=rf"ValidationException.*Could not assume role {role}. Please ensure"):
            sagemaker.create_training_job(**job_request("x", bucket, role))
    with pytest.raises(ClientError, match=r"ValidationException.*RoleArn: Cross-account pass role is not allowed"):
        sagemaker.create_training_job(**job_request("x", bucket, "arn:aws:iam::999999999999:role/r"))


@ledger("IAM", "roles assumed through STS: the role's policies decide, the refusal names the role", "exact")
def test_the_policies_of_an_assumed_role_decide(endpoint: str) -> None:
    request = {"EndpointName": endpoint, "ContentType": "image/png", "Body": png(1)}
    with pytest.raises(ClientError, match=r"User: arn:aws:sts::\d+:assumed-role/it-\w+/test is not authorized"):
        client_of_role("sagemaker-runtime", statement("s3:*")).invoke_endpoint(**request)
    runtime = client_of_role("sagemaker-runtime", statement("sagemaker:InvokeEndpoint"))
    assert len(json.loads(runtime.invoke_endpoint(**request)["Body"].read())) == 2


@only_local  # an account would lock the caller out
@ledger("IAM", "signatures, keys and tokens are checked: AWS's codes and sentences", "exact")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIAUNKNOWNUNKNOWN00"}, "UnrecognizedClientException"),
        ({"aws_session_token": "not-a-token"}, "UnrecognizedClientException"),
    ],
)
def test_bad_credentials_are_refused(aws: dict[str, str], keys: Keys, changes: Keys, code: str) -> None:
    allow(statement("sagemaker:*"))
    bad: Keys = {**keys, **changes}
    with pytest.raises(ClientError, match=code) as control_plane:
        boto3.client("sagemaker", **bad).list_endpoints()
    with pytest.raises(ClientError, match=code) as runtime:
        boto3.client("sagemaker-runtime", **bad).invoke_endpoint(EndpointName="e", Body=b"")
    statuses = [caught.value.response["ResponseMetadata"]["HTTPStatusCode"] for caught in (control_plane, runtime)]
    assert statuses == [400, 403]


def test_a_key_that_was_made_inactive_is_refused(aws: dict[str, str], keys: Keys) -> None:
    iam = boto3.client("iam")
    key = {"UserName": USER, "AccessKeyId": keys["aws_access_key_id"]}
    iam.update_access_key(**key, Status="Inactive")
    try:
        with pytest.raises(ClientError, match=r"UnrecognizedClientException.*security token.*is invalid"):
            boto3.client("sagemaker", **keys).list_endpoints()
    finally:
        iam.update_access_key(**key, Status="Active")


@only_local
@ledger("IAM", "conditions on the tags of SageMaker's resources and requests", "absent", "never met: AccessDenied")
def test_a_condition_on_a_tag_is_never_met(keys: Keys, job: dict[str, Any]) -> None:
    tagged = {"StringEquals": {"aws:ResourceTag/team": "scones"}}
    allow(statement("sagemaker:DescribeTrainingJob", Condition=tagged))
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:DescribeTrainingJob"):
        boto3.client("sagemaker", **keys).describe_training_job(TrainingJobName=job["TrainingJobName"])
