"""Least privilege: each permission of the template's roles is removed in turn, and the call that needs it must fail.

The policies must equal the table below, so no permission is superfluous. Every call works with all of them, so none is
missing. NOT_SHOWN lists the policies that the local cloud cannot check, with the reason why AWS needs them; WITH_A_KEY
and WITH_AN_IMAGE list what the parameters KmsKeyArn and ImageRepository add.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.support.endpoints import (
    capture_config,
    captured,
    container_definition,
    settled_endpoint,
    variant,
)
from tests.integration.support.iam import policy_document
from tests.integration.support.logs import log_of
from tests.integration.support.own_code import code_job_request, stage_code
from tests.integration.support.photos import png, stage_photos
from tests.integration.support.schedules import endpoint_exists, request, schedule_exists
from tests.integration.support.stacks import deploy_application, stack_outputs
from tests.integration.support.training_jobs import ended_job, hyperparameters, job_request
from tests.integration.support.waiting import wait_for

STACK = "least-privilege"
CANDIDATE = f"{STACK}-candidate"
BATCH = f"{STACK}-batchClassification"
JOB_LOGS = "/aws/sagemaker/TrainingJobs"
NOT_SHOWN = {
    "AWSLambdaBasicExecutionRole": "logs of the functions; SAM gives it to every function",
    "AWSXrayWriteOnlyAccess": "traces, which the local cloud does not emulate; SAM gives it because of Tracing",
}

KEY = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class System:
    """The deployed stack, with an endpoint in service."""

    bucket: str
    sagemaker_role: str
    expiry_role: str
    state_machine: str
    batch_machine: str
    functions: dict[str, str]  # names by logical id
    roles: dict[str, str]  # names by logical id


Probe = Callable[[System], str]  # uses the system and returns the problem, "" for none


# Uses of the system --------------------------------------------------------------------------------------------


def train(system: System) -> str:
    """Run a short training job."""
    return run_job(system, f"{STACK}-{uuid4().hex[:8]}", hyperparameters(num_training_samples="10", epochs="1"))


def run_job(system: System, name: str, parameters: dict[str, str]) -> str:
    return run(job_request(name, system.bucket, system.sagemaker_role, HyperParameters=parameters))


def run(request: dict[str, Any]) -> str:
    sagemaker = boto3.client("sagemaker")
    try:
        sagemaker.create_training_job(**request)
    except ClientError as err:
        return str(err)
    return str(ended_job(sagemaker, request["TrainingJobName"]).get("FailureReason", ""))


def run_code(system: System) -> str:
    """Run a job whose code comes from the bucket, on AWS's PyTorch image."""
    return run(code_job_request(f"{STACK}-{uuid4().hex[:8]}", system.bucket, system.sagemaker_role))


def log_a_job(system: System) -> str:
    """Run a job that logs one line, into a group that does not exist yet."""
    with suppress(ClientError):
        boto3.client("logs").delete_log_group(logGroupName=JOB_LOGS)
    name = f"{STACK}-{uuid4().hex[:8]}"
    run_job(system, name, {"unknown": "1"})
    return "" if log_of(JOB_LOGS, f"{name}/") else "no log"


def measure_a_job(system: System) -> str:
    name = f"{STACK}-{uuid4().hex[:8]}"
    run_job(system, name, hyperparameters(num_training_samples="10", epochs="1"))
    dimensions: Any = [{"Name": "TrainingJobName", "Value": name}]
    return "" if boto3.client("cloudwatch").list_metrics(Dimensions=dimensions)["Metrics"] else "no metric"


def create_model(system: System, name: str = "") -> str:
    """Create a model from the first job's archive."""
    definition = container_definition(f"s3://{system.bucket}/models/{STACK}/output/model.tar.gz")
    try:
        boto3.client("sagemaker").create_model(
            ModelName=name or f"{STACK}-{uuid4().hex[:8]}",
            PrimaryContainer=definition,
            ExecutionRoleArn=system.sagemaker_role,
        )
    except ClientError as err:
        return str(err)
    return ""


def capture(system: System) -> str:
    """Invoke the endpoint and wait for its captured record, or for the log line that it could not be written."""
    inference_id = uuid4().hex
    boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=STACK, ContentType="image/png", InferenceId=inference_id, Body=png(1)
    )

    def outcome() -> str | None:
        if any(one["eventMetadata"].get("inferenceId") == inference_id for one in captured(system.bucket, STACK)):
            return "captured"
        lines = log_of(f"/aws/sagemaker/Endpoints/{STACK}", "AllTraffic/")
        return next((line for line in lines if "Data capture could not write" in line), None)

    found = str(wait_for(outcome))
    return "" if found == "captured" else found


def execute(system: System, key: str = "images/train/0.png") -> str:
    """Run the state machine to its end."""
    return run_machine(system.state_machine, {"s3_bucket": system.bucket, "s3_key": key})


def run_machine(state_machine: str, event: dict[str, Any]) -> str:
    client = boto3.client("stepfunctions")
    arn = client.start_execution(stateMachineArn=state_machine, input=json.dumps(event))["executionArn"]
    ended = wait_for(lambda: (found := client.describe_execution(executionArn=arn))["status"] != "RUNNING" and found)
    return "" if ended["status"] == "SUCCEEDED" else f"{ended['error']} {ended['cause']}"


def execute_without_a_photo(system: System) -> str:
    """Run the state machine for a missing photo; only ImageNotFoundError is right."""
    problem = execute(system, "images/none.png")
    return "" if problem.startswith("ImageNotFoundError ") else problem


def classify_batch(system: System, **source: str) -> str:
    """Run a batch of one photo to its end."""
    photos = source or {"prefix": "images/train/0.png"}
    return run_machine(system.batch_machine, {**photos, "max_failed_share": 0.5, "max_refused_share": 1})


def classify_manifest(system: System) -> str:
    boto3.client("s3").put_object(Bucket=system.bucket, Key="manifests/a.csv", Body=b"s3_key\nimages/train/0.png\n")
    return classify_batch(system, manifest="manifests/a.csv")


def classify(system: System, **changes: str) -> str:
    """Invoke classifyImage for a photo that travels by reference."""
    event = {"s3_bucket": system.bucket, "s3_key": "images/train/0.png", "image_data": "", **changes}
    answer = boto3.client("lambda").invoke(FunctionName=system.functions["classifyImage"], Payload=json.dumps(event))
    return answer["Payload"].read().decode() if "FunctionError" in answer else ""


def classify_a_version(system: System) -> str:
    versions = boto3.client("s3").list_object_versions(Bucket=system.bucket, Prefix="images/train/0.png")["Versions"]
    return classify(system, s3_version_id=versions[0]["VersionId"])


def expire(system: System, endpoint_name: str = STACK) -> str:
    """Let a schedule delete the endpoint and create it again; without the permission it stays."""
    boto3.client("scheduler").create_schedule(**request(STACK, endpoint_name, system.expiry_role, 0))
    wait_for(lambda: not schedule_exists(STACK))
    try:
        status = boto3.client("sagemaker").describe_endpoint(EndpointName=endpoint_name)["EndpointStatus"]
    except ClientError:
        status = "Deleting"
    if status != "Deleting":
        return f"the endpoint is {status}"
    wait_for(lambda: not endpoint_exists(endpoint_name))
    bring_into_service(endpoint_name)
    return ""


def expire_candidate(system: System) -> str:
    if not endpoint_exists(CANDIDATE):
        bring_into_service(CANDIDATE)
    return expire(system, CANDIDATE)


def watch_alarms(system: System) -> str:
    """Name an alarm that does not exist in an update, which is refused for that when alarms may be read."""
    routing: Any = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    alarms: Any = {"Alarms": [{"AlarmName": "no-such-alarm"}]}
    policy: Any = {"TrafficRoutingConfiguration": routing}
    with pytest.raises(ClientError) as refused:
        boto3.client("sagemaker").update_endpoint(
            EndpointName=STACK,
            EndpointConfigName=STACK,
            DeploymentConfig={"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": alarms},
        )
    return "" if "does not exist" in str(refused.value) else str(refused.value)


# Permissions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Permission:
    """One action on one resource that a role's policies allow."""

    role: str  # logical id
    action: str
    resource: str  # the last part of its ARN, with logical names


PERMISSIONS: dict[Permission, tuple[Probe, str]] = {  # its use, and the problem without the permission
    Permission("sageMakerRole", "s3:ListBucket", "bucket"): (train, "No S3 objects found under S3 URL"),
    Permission("sageMakerRole", "s3:GetObject", "bucket/images/*"): (train, "AccessDenied"),
    Permission("sageMakerRole", "s3:GetObject", "bucket/lists/*"): (train, "AccessDenied"),
    Permission("sageMakerRole", "s3:GetObject", "bucket/code/*"): (run_code, "AccessDenied"),
    Permission("sageMakerRole", "s3:GetObject", "bucket/models/*"): (create_model, "Could not access model data"),
    Permission("sageMakerRole", "s3:PutObject", "bucket/models/*"): (train, "AccessDenied"),
    Permission("sageMakerRole", "s3:PutObject", "bucket/captured/*"): (capture, "AccessDenied"),
    Permission("sageMakerRole", "logs:CreateLogGroup", "/aws/sagemaker/*"): (log_a_job, "no log"),
    Permission("sageMakerRole", "logs:CreateLogStream", "/aws/sagemaker/*"): (log_a_job, "no log"),
    Permission("sageMakerRole", "logs:DescribeLogStreams", "/aws/sagemaker/*"): (log_a_job, "no log"),
    Permission("sageMakerRole", "logs:PutLogEvents", "/aws/sagemaker/*"): (log_a_job, "no log"),
    Permission("sageMakerRole", "cloudwatch:PutMetricData", "*"): (measure_a_job, "no metric"),
    Permission("sageMakerRole", "cloudwatch:DescribeAlarms", "*"): (watch_alarms, "AccessDenied"),
    Permission("sageMakerRole", "ecr:GetAuthorizationToken", "*"): (train, "GetAuthorizationToken"),
    **{
        Permission("sageMakerRole", f"ecr:{action}", f"repository/{repository}"): (probe, action)
        for repository, probe in (("image-classification", train), ("pytorch", run_code))
        for action in ("BatchGetImage", "BatchCheckLayerAvailability", "GetDownloadUrlForLayer")
    },
    Permission("expiryRole", "sagemaker:DeleteEndpoint", f"endpoint/{STACK}"): (expire, "the endpoint is InService"),
    Permission("expiryRole", "sagemaker:DeleteEndpoint", f"endpoint/{CANDIDATE}"): (
        expire_candidate,
        "the endpoint is InService",
    ),
    Permission("serializeImageDataRole", "s3:GetObject", "bucket/images/*"): (execute, "AccessDenied"),
    Permission("serializeImageDataRole", "s3:ListBucket", "bucket"): (execute_without_a_photo, "AccessDenied"),
    Permission("classifyImageRole", "sagemaker:InvokeEndpoint", f"endpoint/{STACK}"): (execute, "AccessDenied"),
    Permission("classifyImageRole", "s3:GetObject", "bucket/images/*"): (classify, "AccessDenied"),
    Permission("classifyImageRole", "s3:GetObjectVersion", "bucket/images/*"): (classify_a_version, "AccessDenied"),
    Permission("imageClassificationRole", "lambda:InvokeFunction", "serializeImageData*"): (execute, "AccessDenied"),
    Permission("imageClassificationRole", "lambda:InvokeFunction", "classifyImage*"): (execute, "AccessDenied"),
    Permission("imageClassificationRole", "lambda:InvokeFunction", "filterInferences*"): (execute, "AccessDenied"),
    **{
        Permission("batchClassificationRole", "lambda:InvokeFunction", f"{name}*"): (
            classify_batch,
            "TooManyFailedError",
        )
        for name in ("serializeImageData", "classifyImage", "filterInferences")
    },
    Permission("batchClassificationRole", "lambda:InvokeFunction", "tallyVerdicts*"): (classify_batch, "AccessDenied"),
    Permission("batchClassificationRole", "states:StartExecution", BATCH): (classify_batch, "States.Permissions"),
    Permission("batchClassificationRole", "s3:ListBucket", "bucket"): (classify_batch, "States.ItemReaderFailed"),
    Permission("batchClassificationRole", "s3:GetObject", "bucket/manifests/*"): (
        classify_manifest,
        "States.ItemReaderFailed",
    ),
    Permission("batchClassificationRole", "s3:PutObject", "bucket/verdicts/*"): (
        classify_batch,
        "States.ResultWriterFailed",
    ),
    Permission("tallyVerdictsRole", "s3:GetObject", "bucket/verdicts/*"): (classify_batch, "AccessDenied"),
}


# The local cloud has no Application Auto Scaling, asks no role about children that it stops, and writes files at once.
NOT_TRIED = {
    Permission("expiryRole", "application-autoscaling:DeregisterScalableTarget", "scalable-target/*"),
    Permission("batchClassificationRole", "states:DescribeExecution", f"{BATCH}/*"),
    Permission("batchClassificationRole", "states:StopExecution", f"{BATCH}/*"),
    Permission("batchClassificationRole", "s3:GetObject", "bucket/verdicts/*"),
    Permission("batchClassificationRole", "s3:ListMultipartUploadParts", "bucket/verdicts/*"),
    Permission("batchClassificationRole", "s3:AbortMultipartUpload", "bucket/verdicts/*"),
}


# Nothing can be pulled from an own repository here, so these are not tried.
WITH_AN_IMAGE = {
    Permission("sageMakerRole", f"ecr:{action}", "repository/scones")
    for action in ("BatchGetImage", "BatchCheckLayerAvailability", "GetDownloadUrlForLayer")
}
# S3 asks KMS for its caller. The local cloud has no KMS, so these are not tried.
WITH_A_KEY = {
    Permission("sageMakerRole", "kms:Decrypt", "key"),
    Permission("sageMakerRole", "kms:GenerateDataKey", "key"),
    Permission("serializeImageDataRole", "kms:Decrypt", "key"),
    Permission("classifyImageRole", "kms:Decrypt", "key"),
    Permission("tallyVerdictsRole", "kms:Decrypt", "key"),
    Permission("batchClassificationRole", "kms:Decrypt", "key"),
    Permission("batchClassificationRole", "kms:GenerateDataKey", "key"),
}


@pytest.fixture(scope="module")
def system(aws: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> System:
    """Deploy the stack with the SAM CLI, stage photos and create an endpoint that captures everything."""
    deploy_application(STACK, tmp_path_factory.mktemp("build"), aws, EndpointName=STACK, ConfidenceThreshold="0")
    deployed = describe_system(STACK)
    stage_photos(deployed.bucket, train=10, validation=10)
    stage_code(deployed.bucket)
    assert run_job(deployed, STACK, hyperparameters(num_training_samples="10", epochs="1")) == ""
    assert create_model(deployed, STACK) == ""
    serve(deployed.bucket)
    return deployed


def describe_system(stack: str) -> System:
    cloudformation = boto3.client("cloudformation")
    outputs = stack_outputs(stack)
    resources = cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]

    def names(kind: str) -> dict[str, str]:
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources if r["ResourceType"] == kind}

    return System(
        outputs["BucketName"],
        outputs["SageMakerRoleArn"],
        outputs["ExpiryRoleArn"],
        outputs["StateMachineArn"],
        outputs["BatchStateMachineArn"],
        names("AWS::Lambda::Function"),
        names("AWS::IAM::Role"),
    )


def serve(bucket: str) -> None:
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_endpoint_config(
        EndpointConfigName=STACK, ProductionVariants=[variant(STACK)], DataCaptureConfig=capture_config(bucket)
    )
    bring_into_service()


def bring_into_service(endpoint_name: str = STACK) -> None:
    boto3.client("sagemaker").create_endpoint(EndpointName=endpoint_name, EndpointConfigName=STACK)
    assert settled_endpoint(endpoint_name)["EndpointStatus"] == "InService"


def allowed(system: System, role: str) -> Iterator[tuple[str, Permission, dict[str, Any]]]:
    """Yield each permission of a role, with its policy's name and a statement for this permission only."""
    iam = boto3.client("iam")
    for policy in iam.list_role_policies(RoleName=system.roles[role])["PolicyNames"]:
        found: Any = iam.get_role_policy(RoleName=system.roles[role], PolicyName=policy)["PolicyDocument"]
        for statement in found["Statement"]:
            for action in as_list(statement["Action"]):
                for resource in as_list(statement["Resource"]):
                    permission = Permission(role, action, shorten(system, resource))
                    yield policy, permission, {**statement, "Action": action, "Resource": resource}


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def shorten(system: System, arn: str) -> str:
    if arn == KEY:
        return "key"
    name = arn.rsplit(":", 1)[-1].replace(system.bucket, "bucket")
    for logical_id, function in system.functions.items():
        name = name.replace(function, logical_id)
    return name


@contextmanager
def without(system: System, permission: Permission) -> Iterator[None]:
    """Remove a permission from its role, and restore it at the end."""
    iam, role = boto3.client("iam"), system.roles[permission.role]
    everything = list(allowed(system, permission.role))
    (policy,) = {name for name, one, _ in everything if one == permission}
    before = [statement for name, _, statement in everything if name == policy]
    after = [statement for name, one, statement in everything if name == policy and one != permission]
    if after:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=policy_document(*after))
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=policy_document(*before))


@pytest.mark.aws("IAM", "jobs, endpoints, functions and state machines act with their roles' permissions only", "exact")
def test_the_table_has_every_permission_of_the_template(system: System) -> None:
    found = {permission for role in system.roles for _, permission, _ in allowed(system, role)}
    assert found == set(PERMISSIONS) | NOT_TRIED


@pytest.mark.aws(
    "CloudFormation and SAM CLI",
    "a KMS key, a bucket for access logs, reserved concurrency and a repository as parameters of the stack",
    "approximate",
    "roles and reserved concurrency are as on AWS; there is no KMS, so nothing is encrypted with the key, the bucket "
    "writes no access logs, and no image is pulled",
)
def test_parameters_add_what_they_say(system: System, aws: dict[str, str], tmp_path: Path) -> None:
    """The stack is not invoked: AWS would need the key, and its policy."""
    stack = f"{STACK}-options"
    parameters = {"EndpointName": stack, "KmsKeyArn": KEY, "AccessLogBucket": system.bucket, "ReservedConcurrency": "3"}
    parameters["ImageRepository"] = "scones"
    deploy_application(stack, tmp_path, aws, **parameters)
    made = describe_system(stack)
    added = {one for role in made.roles for _, one, _ in allowed(made, role)} - {
        one for role in system.roles for _, one, _ in allowed(system, role)
    }
    assert {one for one in added if one.action.startswith(("kms:", "ecr:"))} == WITH_A_KEY | WITH_AN_IMAGE
    of_photos = [name for logical_id, name in made.functions.items() if logical_id != "tallyVerdicts"]
    reserved = [boto3.client("lambda").get_function_concurrency(FunctionName=one) for one in of_photos]
    assert [one["ReservedConcurrentExecutions"] for one in reserved] == [3, 3, 3]
    other = boto3.client("lambda").get_function_concurrency(FunctionName=made.functions["tallyVerdicts"])
    assert "ReservedConcurrentExecutions" not in other


def test_only_known_managed_policies_are_attached(system: System) -> None:
    iam = boto3.client("iam")
    attached = {
        policy["PolicyName"]
        for role in system.roles.values()
        for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    }
    assert attached == set(NOT_SHOWN)


@pytest.mark.parametrize("probe", dict.fromkeys(probe for probe, _ in PERMISSIONS.values()))
def test_no_permission_is_missing(system: System, probe: Probe) -> None:
    assert probe(system) == ""


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda one: f"{one.role}-{one.action}-{one.resource}")
def test_no_permission_is_superfluous(system: System, permission: Permission) -> None:
    probe, problem = PERMISSIONS[permission]
    with without(system, permission):
        assert problem in probe(system)
