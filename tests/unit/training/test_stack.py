from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber

from training import stack
from training.errors import StackError

OUTPUTS = {
    "BucketName": "photos",
    "SageMakerRoleArn": "arn:aws:iam::1:role/r",
    "Endpoint": "scones",
    "StateMachineArn": "arn:aws:states:::m",
    "Threshold": "0.93",
}


@pytest.fixture
def cloudformation() -> Any:
    return boto3.client("cloudformation", region_name="eu-west-1", aws_access_key_id="k", aws_secret_access_key="s")


def described(outputs: dict[str, str]) -> dict[str, Any]:
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    one = {"StackName": "s", "StackStatus": "CREATE_COMPLETE", "CreationTime": "2026-01-01", "Outputs": listed}
    return {"Stacks": [one]}


def test_the_outputs_become_a_stack(cloudformation: Any) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_response("describe_stacks", described(OUTPUTS), {"StackName": "s"})
        found = stack.describe(cloudformation, "s")
    assert (found.bucket, found.endpoint_name, found.region) == ("photos", "scones", "eu-west-1")
    assert found.confidence_threshold == 0.93
    assert found.expiry_role_arn == ""  # of a template before there was an expiry


def test_the_role_of_the_expiry_is_read(cloudformation: Any) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_response("describe_stacks", described({**OUTPUTS, "ExpiryRoleArn": "arn:aws:iam::1:role/e"}))
        assert stack.describe(cloudformation, "s").expiry_role_arn == "arn:aws:iam::1:role/e"


def test_a_missing_stack_says_what_to_run(cloudformation: Any) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id s does not exist")
        with pytest.raises(StackError, match="no stack s in eu-west-1: run `sam build && sam deploy --guided`"):
            stack.describe(cloudformation, "s")


def test_another_refusal_is_passed_on(cloudformation: Any) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_client_error("describe_stacks", "AccessDenied", "not you")
        with pytest.raises(StackError, match="not you"):
            stack.describe(cloudformation, "s")


def test_missing_credentials_say_what_to_run() -> None:
    class Without:
        def describe_stacks(self, **_: Any) -> None:
            raise NoCredentialsError

    with pytest.raises(StackError, match="No AWS credentials were found: configure them"):
        stack.describe(Without(), "s")  # type: ignore[arg-type]


def test_a_stack_of_another_template_is_refused(cloudformation: Any) -> None:
    with Stubber(cloudformation) as stubber:
        stubber.add_response("describe_stacks", described({"BucketName": "photos"}), {"StackName": "s"})
        with pytest.raises(StackError, match="has no output 'SageMakerRoleArn'"):
            stack.describe(cloudformation, "s")
