"""What AWS's refusals mean: which say that something does not exist, and which may be repeated."""

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.unit.training.fakes import client_error
from training.refusals import is_denied, is_missing, is_throttled, throttling_ignored


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", 'Could not find model "arn:aws:sagemaker:us-east-1:1:model/m".'),
        ("ValidationException", "Requested resource not found."),
        ("ResourceNotFound", "any"),
        ("ResourceNotFoundException", "The specified log group does not exist."),
        ("ExecutionDoesNotExist", "any"),
    ],
)
def test_the_not_found_answers_say_that_something_is_missing(code: str, message: str) -> None:
    assert is_missing(client_error(code, message))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ThrottlingException", "Rate exceeded"),
        ("AccessDeniedException", "Could not find a policy that allows it"),
        ("ValidationException", "Cannot update in-progress endpoint; could not find out why"),
        ("InternalFailure", ""),
    ],
)
def test_no_other_refusal_does(code: str, message: str) -> None:
    assert not is_missing(client_error(code, message))


@pytest.mark.parametrize("operation", ["describe_endpoint", "describe_model"])
def test_what_moto_answers_for_a_missing_resource_is_recognised(mocked_aws: None, operation: str) -> None:
    sagemaker = boto3.client("sagemaker", region_name="us-east-1")
    name = {"describe_endpoint": "EndpointName", "describe_model": "ModelName"}[operation]
    with pytest.raises(ClientError) as caught:
        getattr(sagemaker, operation)(**{name: "none"})
    assert is_missing(caught.value)


def test_denials_and_throttling_are_told_apart() -> None:
    denied, throttled = client_error("AccessDeniedException"), client_error("ThrottlingException")
    assert is_denied(denied) and not is_throttled(denied)
    assert is_throttled(throttled) and not is_denied(throttled)


def test_only_throttling_is_ignored() -> None:
    with throttling_ignored():
        raise client_error("ThrottlingException")
    with pytest.raises(ClientError, match="AccessDenied"), throttling_ignored():
        raise client_error("AccessDenied")
