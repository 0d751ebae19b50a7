"""Who may do what: signature and policies are judged by MiniStack's own evaluator, as for its own services."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ministack.app import _request_account_scope
from ministack.core import iam_evaluator
from ministack.core.iam_actions import access_denied_response, identity_denial_message
from ministack.core.responses import get_region, set_request_account_id, set_request_region
from ministack.core.router import extract_access_key_id, extract_region

from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.roles import PRINCIPAL
from localcloud.sagemaker.store import ENDPOINT, ENDPOINT_CONFIG, MODEL, TRAINING_JOB, Kind, arn_of

RESOURCES: dict[str, Kind] = {  # the member that names an action's resource
    "TrainingJobName": TRAINING_JOB,
    "ModelName": MODEL,
    "EndpointName": ENDPOINT,
    "EndpointConfigName": ENDPOINT_CONFIG,
}
ROLE_MEMBERS = {"CreateTrainingJob": "RoleArn", "CreateModel": "ExecutionRoleArn"}  # of a role that is passed on


@dataclass(frozen=True)
class Permission:
    """One thing that a caller must be allowed to do for a request."""

    action: str
    resource_arn: str
    context: dict[str, str] = field(default_factory=dict)  # condition keys


def permissions(action: str, params: dict[str, Any]) -> Iterator[Permission]:
    """Yield what a request needs, as in the Service Authorization Reference (list_amazonsagemaker).

    CreateEndpoint and UpdateEndpoint are judged by the endpoint and by its configuration; tags that are given when a
    resource is created need AddTags on it; a role that is passed to SageMaker needs iam:PassRole.
    """
    arns = [arn_of(kind, str(params[member])) for member, kind in RESOURCES.items() if member in params]
    if "ResourceArn" in params:
        arns = [str(params["ResourceArn"])]
    for arn in arns or ["*"]:  # the List actions know no resource
        yield Permission(f"sagemaker:{action}", arn)
    if action.startswith("Create") and params.get("Tags") and arns:
        yield Permission("sagemaker:AddTags", arns[0])
    if role_arn := params.get(ROLE_MEMBERS.get(action, "")):
        yield Permission("iam:PassRole", str(role_arn), {"iam:PassedToService": PRINCIPAL})


def pin_request(scope: dict[str, Any], headers: dict[str, str], body: bytes) -> None:
    """Set the account, region and signature that MiniStack's evaluator will judge this request by."""
    access_key = extract_access_key_id(headers)
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    if access_key:
        set_request_account_id(_request_account_scope(access_key))
    set_request_region(extract_region(headers))
    raw_path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    iam_evaluator.pin_signed_request(scope["method"], raw_path, {}, scope["headers"])
    iam_evaluator.pin_request_caller(headers, {})
    iam_evaluator.pin_signed_body(body)


def authorize(headers: dict[str, str], action: str, params: dict[str, Any]) -> None:
    """Check the signature and the caller's policies.

    Raises:
        ServiceError: With AWS's code and sentence.
    """
    for needed in permissions(action, params):
        denied = iam_evaluator.enforce(
            extract_access_key_id(headers), needed.action, "sagemaker", get_region(),
            resource_arn=needed.resource_arn, service_context=needed.context,
        )  # fmt: skip
        if denied is not None:
            raise refusal(denied, needed, headers)


def refusal(
    denied: iam_evaluator.AuthError | iam_evaluator.EvalResult, needed: Permission, headers: dict[str, str]
) -> ServiceError:
    """Return AWS's error: HTTP 400 from the control plane (JSON 1.1), 403 from the runtime (REST)."""
    if isinstance(denied, iam_evaluator.AuthError):
        status, _, body = access_denied_response(
            "sagemaker", needed.action, "", "", error_code=denied.code, message=denied.message, headers=headers
        )
        answer = json.loads(body)
        return ServiceError(answer["__type"], answer["message"], status)
    sentence = identity_denial_message(
        needed.action, denied.principal_arn, needed.resource_arn, denied.decision == "Deny"
    )
    return ServiceError("AccessDeniedException", sentence, 400 if "x-amz-target" in headers else 403)
