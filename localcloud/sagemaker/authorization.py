"""What a request to SageMaker needs to be allowed, judged by the same evaluator as MiniStack's own services."""

from collections.abc import Iterator
from typing import Any

from localcloud import identity
from localcloud.identity import Denial, Permission
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.roles import PRINCIPAL
from localcloud.sagemaker.store import ENDPOINT, ENDPOINT_CONFIG, MODEL, PROCESSING_JOB, TRAINING_JOB, Kind, arn_of

RESOURCES: dict[str, Kind] = {  # the member that names an action's resource
    "TrainingJobName": TRAINING_JOB,
    "ProcessingJobName": PROCESSING_JOB,
    "ModelName": MODEL,
    "EndpointName": ENDPOINT,
    "EndpointConfigName": ENDPOINT_CONFIG,
}
ROLE_MEMBERS = {  # of the role that is passed
    "CreateTrainingJob": "RoleArn",
    "CreateProcessingJob": "RoleArn",
    "CreateModel": "ExecutionRoleArn",
}


def permissions(action: str, params: dict[str, Any]) -> Iterator[Permission]:
    """Yield what a request needs, as in the Service Authorization Reference (list_amazonsagemaker).

    CreateEndpoint and UpdateEndpoint need permission on the endpoint and on its configuration; tags given to a new
    resource need AddTags on it; a role passed to SageMaker needs iam:PassRole.
    """
    arns = [arn_of(kind, str(params[member])) for member, kind in RESOURCES.items() if member in params]
    if "ResourceArn" in params:
        arns = [str(params["ResourceArn"])]
    for arn in arns or ["*"]:  # the List actions have no resource
        yield Permission(f"sagemaker:{action}", arn)
    if action.startswith("Create") and params.get("Tags") and arns:
        yield Permission("sagemaker:AddTags", arns[0])
    if role_arn := params.get(ROLE_MEMBERS.get(action, "")):
        yield identity.pass_role(str(role_arn), PRINCIPAL)


def authorize(headers: dict[str, str], action: str, params: dict[str, Any]) -> None:
    """Check the signature and the caller's policies.

    Raises:
        ServiceError: With AWS's code and sentence.
    """
    access_key = identity.access_key_of(headers)
    for permission in permissions(action, params):
        denied = identity.denial(access_key, permission, headers)
        if denied is not None:
            raise refusal(denied, headers)


def refusal(denied: Denial, headers: dict[str, str]) -> ServiceError:
    """Return AWS's error; a missing permission is HTTP 400 from the control plane (JSON 1.1), 403 from the runtime."""
    is_control_plane = "x-amz-target" in headers
    return ServiceError(denied.code, denied.message, denied.status or (400 if is_control_plane else 403))
