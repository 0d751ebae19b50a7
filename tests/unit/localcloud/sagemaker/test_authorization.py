from typing import Any

import pytest
from ministack.core.iam_evaluator import AuthError, EvalResult

from localcloud.identity import Permission, denial_of
from localcloud.sagemaker.authorization import permissions, refusal

ARN = "arn:aws:sagemaker:us-east-1:000000000000"
ROLE = "arn:aws:iam::000000000000:role/r"
CONTROL_PLANE = {"x-amz-target": "SageMaker.DescribeModel"}
RUNTIME: dict[str, str] = {}


@pytest.mark.parametrize(
    ("action", "params", "needed"),
    [
        ("ListModels", {}, [Permission("sagemaker:ListModels", "*")]),
        ("DescribeModel", {"ModelName": "M"}, [Permission("sagemaker:DescribeModel", f"{ARN}:model/m")]),
        ("ListTags", {"ResourceArn": f"{ARN}:model/m"}, [Permission("sagemaker:ListTags", f"{ARN}:model/m")]),
        (
            "UpdateEndpoint",
            {"EndpointName": "e", "EndpointConfigName": "c"},
            [
                Permission("sagemaker:UpdateEndpoint", f"{ARN}:endpoint/e"),
                Permission("sagemaker:UpdateEndpoint", f"{ARN}:endpoint-config/c"),
            ],
        ),
        (
            "CreateModel",
            {"ModelName": "m", "ExecutionRoleArn": ROLE, "Tags": [{"Key": "k", "Value": "v"}]},
            [
                Permission("sagemaker:CreateModel", f"{ARN}:model/m"),
                Permission("sagemaker:AddTags", f"{ARN}:model/m"),
                Permission("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"}),
            ],
        ),
        (
            "CreateTrainingJob",
            {"TrainingJobName": "j", "RoleArn": ROLE},
            [
                Permission("sagemaker:CreateTrainingJob", f"{ARN}:training-job/j"),
                Permission("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"}),
            ],
        ),
    ],
)
def test_a_request_needs_permissions(action: str, params: dict[str, Any], needed: list[Permission]) -> None:
    assert list(permissions(action, params)) == needed


@pytest.mark.parametrize(
    ("code", "headers", "told"),
    [
        ("ExpiredTokenException", CONTROL_PLANE, ("ExpiredTokenException", 400)),
        ("ExpiredTokenException", RUNTIME, ("ExpiredTokenException", 403)),
        ("SignatureDoesNotMatch", RUNTIME, ("InvalidSignatureException", 403)),
        ("UnrecognizedClientException", CONTROL_PLANE, ("UnrecognizedClientException", 400)),
        ("MissingAuthenticationToken", RUNTIME, ("MissingAuthenticationTokenException", 403)),
    ],
)
def test_credentials_are_refused_with_aws_s_codes(code: str, headers: dict[str, str], told: tuple[str, int]) -> None:
    denied = denial_of(AuthError(code, "The sentence."), Permission("sagemaker:DescribeModel"), headers)
    err = refusal(denied, headers)
    assert (err.code, err.status) == told


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        ("ImplicitDeny", "because no identity-based policy allows the sagemaker:DescribeModel action"),
        ("Deny", "with an explicit deny in an identity-based policy"),
    ],
)
def test_policies_refuse_in_aws_s_words(decision: str, reason: str) -> None:
    user = "arn:aws:iam::000000000000:user/u"
    permission = Permission("sagemaker:DescribeModel", f"{ARN}:model/m")
    err = refusal(denial_of(EvalResult(decision, user), permission, CONTROL_PLANE), CONTROL_PLANE)
    assert (err.code, err.status) == ("AccessDeniedException", 400)
    assert str(err) == (
        f"User: {user} is not authorized to perform: sagemaker:DescribeModel on resource: {ARN}:model/m {reason}"
    )
