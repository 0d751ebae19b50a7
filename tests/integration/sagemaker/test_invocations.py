"""InvokeEndpoint through boto3: requests, answers and errors."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker.conftest import CreateEndpoint
from tests.integration.support.endpoints import settled_endpoint, variant
from tests.integration.support.names import NAME
from tests.integration.support.photos import png

ledger = pytest.mark.aws
LIMIT = 6 * 1024 * 1024


@ledger("SageMaker Runtime", "InvokeEndpoint: ContentType, Accept, the container's answer", "exact")
@ledger("SageMaker Runtime", "InvokedProductionVariant", "exact")
def test_the_endpoint_answers_with_probabilities(runtime: Any, endpoint: str) -> None:
    reply = runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="image/png", Accept="application/json", Body=png(1, 7)
    )
    probabilities = json.loads(reply["Body"].read())
    assert len(probabilities) == 2
    assert sum(probabilities) == pytest.approx(1, abs=1e-4)
    assert reply["ContentType"] == "application/json"
    assert reply["InvokedProductionVariant"] == "AllTraffic"


@ledger(
    "SageMaker Runtime",
    "4xx of the container: ModelError with OriginalStatusCode, OriginalMessage, LogStreamArn",
    "exact",
)
def test_what_is_not_an_image_is_a_model_error(runtime: Any, endpoint: str) -> None:
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", Body=b"not an image")
    response: Any = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 400
    sentence = f'Received client error (400) from primary with message "{response["OriginalMessage"]}". See https://'
    assert response["Error"]["Message"].startswith(sentence)
    assert f"/aws/sagemaker/Endpoints/{endpoint} in account" in response["Error"]["Message"]
    assert f":log-group:/aws/sagemaker/Endpoints/{endpoint}:log-stream:AllTraffic/" in response["LogStreamArn"]


def test_a_content_type_that_the_container_refuses_is_a_model_error(runtime: Any, endpoint: str) -> None:
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=png(1))
    response: Any = caught.value.response
    assert response["OriginalStatusCode"] == 415


@ledger(
    "SageMaker Runtime",
    "CustomAttributes: passed to the container; only the container sets those of the answer",
    "exact",
)
def test_custom_attributes_are_the_container_s_to_answer(runtime: Any, endpoint: str) -> None:
    reply = runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="image/png", CustomAttributes="trace=1", Body=png(1)
    )
    assert "CustomAttributes" not in reply


@ledger("SageMaker Runtime", "a missing endpoint: ValidationError", "exact")
def test_an_unknown_endpoint_is_not_found(runtime: Any) -> None:
    with pytest.raises(ClientError, match=r"ValidationError.*Endpoint nowhere of account \d+ not found"):
        runtime.invoke_endpoint(EndpointName="nowhere", Body=b"")


@ledger(
    "SageMaker Runtime",
    "an endpoint that is not InService: ValidationError",
    "approximate",
    "code as on AWS, wording may differ",
)
def test_an_endpoint_that_is_created_cannot_answer(runtime: Any, model: str, create_endpoint: CreateEndpoint) -> None:
    name = create_endpoint(f"{NAME}-early", variant(model))
    with pytest.raises(ClientError, match=rf"ValidationError.*Endpoint {name} of account \d+ is not InService"):
        runtime.invoke_endpoint(EndpointName=name, ContentType="image/png", Body=png(1))


@ledger("SageMaker Runtime", "several variants by weight; TargetVariant chooses one", "exact")
def test_variants_are_chosen_by_weight_or_by_name(
    sagemaker: Any, runtime: Any, model: str, create_endpoint: CreateEndpoint
) -> None:
    variants = [variant(model, "All", InitialVariantWeight=1), variant(model, "None", InitialVariantWeight=0)]
    name = create_endpoint(f"{NAME}-two", *variants)
    assert settled_endpoint(name)["EndpointStatus"] == "InService"

    def answers_as(**target: str) -> str:
        reply = runtime.invoke_endpoint(EndpointName=name, ContentType="image/png", Body=png(1), **target)
        return str(reply["InvokedProductionVariant"])

    assert {answers_as() for _ in range(10)} == {"All"}
    assert answers_as(TargetVariant="None") == "None"
    with pytest.raises(ClientError, match=r"ValidationError.*Variant Other not found"):
        answers_as(TargetVariant="Other")


@ledger(
    "SageMaker Runtime",
    "a body over 6 MB: HTTP 413",
    "approximate",
    "AWS's sentence as of its 5 MB limit; newer limits of AWS are higher",
)
@pytest.mark.parametrize(("size", "code"), [(LIMIT, "ModelError"), (LIMIT + 1, "413")])
def test_a_body_over_the_limit_is_refused(runtime: Any, endpoint: str, size: int, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", Body=b"0" * size)
    assert caught.value.response["Error"]["Code"] == code
    if code == "413":
        assert caught.value.response["Error"]["Message"] == f"HTTP content length exceeded {LIMIT} bytes."


@ledger("SageMaker Runtime", "headers are checked against botocore's model (lengths, patterns)", "exact")
def test_a_header_against_the_model_is_refused(runtime: Any, endpoint: str) -> None:
    with pytest.raises(ClientError, match=r"ValidationError.*'inferenceId'.*length less than or equal to 64"):
        runtime.invoke_endpoint(EndpointName=endpoint, InferenceId="i" * 65, Body=b"")


@ledger(
    "SageMaker Runtime",
    "multi-model endpoints, inference components, explanations, sessions",
    "absent",
    "ValidationError that names the parameter",
)
@pytest.mark.parametrize("parameter", ["TargetModel", "InferenceComponentName", "EnableExplanations", "SessionId"])
def test_unsupported_parameters_are_refused(runtime: Any, endpoint: str, parameter: str) -> None:
    with pytest.raises(ClientError, match=rf"ValidationError.*does not emulate {parameter} of InvokeEndpoint"):
        runtime.invoke_endpoint(EndpointName=endpoint, Body=b"", **{parameter: "x"})


@ledger(
    "SageMaker Runtime", "InvokeEndpointAsync, InvokeEndpointWithResponseStream", "absent", "UnknownOperationException"
)
def test_streaming_is_not_emulated(runtime: Any, endpoint: str) -> None:
    with pytest.raises(ClientError, match=r"UnknownOperationException.*does not emulate"):
        runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=b"")
    with pytest.raises(ClientError, match=r"UnknownOperationException.*does not emulate"):
        runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation="s3://b/k")
