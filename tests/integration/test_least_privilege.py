"""Least privilege: each permission of the template's roles is removed in turn, and the call that needs it must fail.

The policies must equal the tables below, so no permission is superfluous. Every call works with all of them, so none is
missing. NOT_SHOWN lists the policies that the local cloud cannot check, with the reason why AWS needs them; WITH_A_KEY
and WITH_AN_IMAGE list what the parameters KmsKeyArn and ImageRepository add.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from tests.integration.support import role_uses as uses
from tests.integration.support import role_uses_of_uploads as upload_uses
from tests.integration.support.endpoints import capture_config, create_constant_endpoint
from tests.integration.support.own_code import stage_code
from tests.integration.support.photos import stage_photos
from tests.integration.support.role_policies import Permission, System, describe_system, permissions, without
from tests.integration.support.stacks import deploy_application

STACK = "least-privilege"
CANDIDATE = f"{STACK}-candidate"
BATCH = f"{STACK}-batchClassification"
UPLOAD = f"{STACK}-uploadClassification"
ALERTS = f"{STACK}-alerts"
OF_PHOTOS = ("serializeImageData", "classifyImage", "filterInferences")  # the functions that classify a photo
PULL_AN_IMAGE = ("BatchGetImage", "BatchCheckLayerAvailability", "GetDownloadUrlForLayer")
ALL_PARTS = {"ClassifyUploads": "true", "Alerts": "true"}
NOT_SHOWN = {
    "AWSLambdaBasicExecutionRole": "logs of the functions; SAM gives it to every function",
    "AWSXrayWriteOnlyAccess": "traces, which the local cloud does not emulate; SAM gives it because of Tracing",
}
KEY = "00000000-0000-0000-0000-000000000000"
KEY_ARN = f"arn:aws:kms:us-east-1:000000000000:key/{KEY}"

Probe = Callable[[System], str]  # uses the system and returns the problem, "" for none

# By role: an action, its resource, the use that needs it, and the problem without it.
USES: dict[str, list[tuple[str, str, Probe, str]]] = {
    "sageMakerRole": [
        ("s3:ListBucket", "bucket", uses.train, "No S3 objects found under S3 URL"),
        ("s3:GetObject", "bucket/images/*", uses.train, "AccessDenied"),
        ("s3:GetObject", "bucket/lists/*", uses.train, "AccessDenied"),
        ("s3:GetObject", "bucket/code/*", uses.run_code, "AccessDenied"),
        ("s3:GetObject", "bucket/models/*", uses.create_model, "Could not access model data"),
        ("s3:PutObject", "bucket/models/*", uses.run_code, "AccessDenied"),
        ("s3:PutObject", "bucket/captured/*", uses.capture, "AccessDenied"),
        ("logs:CreateLogGroup", "/aws/sagemaker/*", uses.log_a_job, "no log"),
        ("logs:CreateLogStream", "/aws/sagemaker/*", uses.log_a_job, "no log"),
        ("logs:DescribeLogStreams", "/aws/sagemaker/*", uses.log_a_job, "no log"),
        ("logs:PutLogEvents", "/aws/sagemaker/*", uses.log_a_job, "no log"),
        ("cloudwatch:PutMetricData", "*", uses.measure_a_job, "no metric"),
        ("cloudwatch:DescribeAlarms", "*", uses.watch_alarms, "AccessDenied"),
        ("ecr:GetAuthorizationToken", "*", uses.train, "GetAuthorizationToken"),
        *(
            (f"ecr:{action}", f"repository/{repository}", probe, action)
            for repository, probe in (("image-classification", uses.train), ("pytorch", uses.run_code))
            for action in PULL_AN_IMAGE
        ),
    ],
    "expiryRole": [
        ("sagemaker:DeleteEndpoint", f"endpoint/{STACK}", uses.expire, "the endpoint is InService"),
        ("sagemaker:DeleteEndpoint", f"endpoint/{CANDIDATE}", uses.expire_candidate, "the endpoint is InService"),
    ],
    "serializeImageDataRole": [
        ("s3:GetObject", "bucket/images/*", uses.execute, "AccessDenied"),
        ("s3:ListBucket", "bucket", uses.execute_without_a_photo, "AccessDenied"),
        ("s3:GetObject", "bucket/incoming/*", upload_uses.classify_upload, "AccessDenied"),
    ],
    "classifyImageRole": [
        ("sagemaker:InvokeEndpoint", f"endpoint/{STACK}", uses.execute, "AccessDenied"),
        ("s3:GetObject", "bucket/images/*", uses.classify, "AccessDenied"),
        ("s3:GetObjectVersion", "bucket/images/*", uses.classify_a_version, "AccessDenied"),
        ("s3:GetObject", "bucket/incoming/*", upload_uses.classify_a_large_upload, "AccessDenied"),
        ("s3:GetObjectVersion", "bucket/incoming/*", upload_uses.classify_a_version_of_an_upload, "AccessDenied"),
        ("s3:ListBucket", "bucket", uses.classify_without_a_photo, "AccessDenied"),
    ],
    "imageClassificationRole": [
        *(("lambda:InvokeFunction", f"{name}*", uses.execute, "AccessDenied") for name in OF_PHOTOS),
    ],
    "batchClassificationRole": [
        *(("lambda:InvokeFunction", f"{name}*", uses.classify_batch, "TooManyFailedError") for name in OF_PHOTOS),
        ("lambda:InvokeFunction", "tallyVerdicts*", uses.classify_batch, "AccessDenied"),
        ("states:StartExecution", BATCH, uses.classify_batch, "States.Permissions"),
        ("s3:ListBucket", "bucket", uses.classify_batch, "States.ItemReaderFailed"),
        ("s3:GetObject", "bucket/manifests/*", uses.classify_manifest, "States.ItemReaderFailed"),
        ("s3:PutObject", "bucket/verdicts/*", uses.classify_batch, "States.ResultWriterFailed"),
    ],
    "tallyVerdictsRole": [
        ("s3:GetObject", "bucket/verdicts/*", uses.classify_batch, "AccessDenied"),
    ],
    "uploadClassificationRole": [
        *(("lambda:InvokeFunction", f"{name}*", upload_uses.classify_upload, "AccessDenied") for name in OF_PHOTOS),
    ],
    "classifyUploadsRole": [
        ("states:StartSyncExecution", UPLOAD, upload_uses.conclude, "comes again"),
        ("s3:GetObjectTagging", "bucket/incoming/*", upload_uses.conclude_without_a_version, "comes again"),
        ("s3:PutObjectTagging", "bucket/incoming/*", upload_uses.conclude_without_a_version, "comes again"),
        ("s3:GetObjectVersionTagging", "bucket/incoming/*", upload_uses.conclude, "comes again"),
        ("s3:PutObjectVersionTagging", "bucket/incoming/*", upload_uses.conclude, "comes again"),
        ("s3:PutObject", "bucket/verdicts/uploads/*", upload_uses.conclude, "comes again"),
        ("s3:GetObject", "bucket/verdicts/uploads/*", upload_uses.conclude_again, "comes again"),
        ("events:PutEvents", "event-bus/default", upload_uses.conclude, "comes again"),
    ],
    "tellFailureRole": [
        ("sns:Publish", ALERTS, upload_uses.tell_failure, "AuthorizationError"),
    ],
}
PERMISSIONS = {
    Permission(role, action, resource): (probe, problem)
    for role, rows in USES.items()
    for action, resource, probe, problem in rows
}


# The local cloud has no Application Auto Scaling, asks no role about children that it stops, and writes files at once.
# test_queue_mappings.py shows what a mapping does in a function's name. Without ChangeMessageVisibility a message comes
# again later, and without classifyUploads' ListBucket AWS forbids the tags of a photo that was deleted.
# test_alerts.py shows that a scheduled run of monitor has what it needs; each try without would take another run.
NOT_TRIED = {
    Permission(role, action, resource)
    for role, rows in {
        "sageMakerRole": [
            *(("s3:GetObject", f"bucket/{prefix}/*") for prefix in ("captured", "watch", "reports")),
            *(("s3:PutObject", f"bucket/{key}") for key in ("watch/state.json", "reports/*")),
            ("sns:Publish", ALERTS),
        ],
        "watchRole": [
            ("sagemaker:AddTags", f"processing-job/{STACK}-monitor-*"),
            ("sagemaker:CreateProcessingJob", f"processing-job/{STACK}-monitor-*"),
            ("iam:PassRole", "role/sageMakerRole"),
        ],
        "expiryRole": [("application-autoscaling:DeregisterScalableTarget", "scalable-target/*")],
        "batchClassificationRole": [
            ("states:DescribeExecution", f"{BATCH}/*"),
            ("states:StopExecution", f"{BATCH}/*"),
            ("s3:GetObject", "bucket/verdicts/*"),
            ("s3:ListMultipartUploadParts", "bucket/verdicts/*"),
            ("s3:AbortMultipartUpload", "bucket/verdicts/*"),
        ],
        "classifyUploadsRole": [
            ("s3:ListBucket", "bucket"),
            *(
                (f"sqs:{action}", f"{STACK}-uploads")
                for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")
            ),
        ],
    }.items()
    for action, resource in rows
}


# Nothing can be pulled from an own repository here, so these are not tried.
WITH_AN_IMAGE = {Permission("sageMakerRole", f"ecr:{action}", "repository/scones") for action in PULL_AN_IMAGE}
# S3 asks KMS for its caller. The local cloud has no KMS, so these are not tried.
READERS = ("serializeImageDataRole", "classifyImageRole", "tallyVerdictsRole")
WRITERS = ("sageMakerRole", "batchClassificationRole", "classifyUploadsRole")
WITH_A_KEY = {
    *(Permission(role, "kms:Decrypt", f"key/{KEY}") for role in (*READERS, *WRITERS)),
    *(Permission(role, "kms:GenerateDataKey", f"key/{KEY}") for role in WRITERS),
}


@pytest.fixture(scope="module")
def system(aws: dict[str, str], build: Path) -> System:
    """Deploy the stack with all of its parts, and create an endpoint that captures everything."""
    deploy_application(STACK, build, aws, EndpointName=STACK, ConfidenceThreshold="0", **ALL_PARTS)
    deployed = describe_system(STACK)
    stage_photos(deployed.bucket, train=10, validation=10)
    stage_code(deployed.bucket)
    config = {"DataCaptureConfig": capture_config(deployed.bucket)}
    create_constant_endpoint(STACK, deployed.bucket, deployed.outputs["SageMakerRoleArn"], [0.9, 0.1], **config)
    uses.stop_retrying(deployed)
    upload_uses.stop_listening(deployed)
    return deployed


@pytest.mark.aws("IAM", "jobs, endpoints, functions and state machines act with their roles' permissions only", "exact")
def test_the_table_has_every_permission_of_the_template(system: System) -> None:
    assert permissions(system) == set(PERMISSIONS) | NOT_TRIED


@pytest.mark.aws(
    "CloudFormation and SAM CLI",
    "a KMS key, a bucket for access logs, reserved concurrency and a repository as parameters of the stack",
    "approximate",
    "roles and reserved concurrency are as on AWS; there is no KMS, so nothing is encrypted with the key, the bucket "
    "writes no access logs, and no image is pulled",
)
def test_parameters_add_what_they_say(system: System, aws: dict[str, str], build: Path) -> None:
    """The stack is not invoked: AWS would need the key, and its policy."""
    stack = f"{STACK}-options"
    parameters = {
        "EndpointName": stack,
        "KmsKeyArn": KEY_ARN,
        "AccessLogBucket": system.bucket,
        "ReservedConcurrency": "3",
    }
    parameters["ImageRepository"] = "scones"
    deploy_application(stack, build, aws, **parameters, **ALL_PARTS)
    made = describe_system(stack)
    added = {with_names_of_the_other(one, stack) for one in permissions(made)} - permissions(system)
    assert added == WITH_A_KEY | WITH_AN_IMAGE
    of_photos = [made.functions[name] for name in OF_PHOTOS]
    reserved = [boto3.client("lambda").get_function_concurrency(FunctionName=one) for one in of_photos]
    assert [one["ReservedConcurrentExecutions"] for one in reserved] == [3, 3, 3]
    other = boto3.client("lambda").get_function_concurrency(FunctionName=made.functions["tallyVerdicts"])
    assert "ReservedConcurrentExecutions" not in other


def with_names_of_the_other(permission: Permission, stack: str) -> Permission:
    return replace(permission, resource=permission.resource.replace(stack, STACK))


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
