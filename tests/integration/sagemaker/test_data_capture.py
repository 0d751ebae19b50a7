"""Data capture through boto3 and S3: which records are written, under which key, and that none is lost."""

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from tests.integration.sagemaker.conftest import CreateEndpoint
from tests.integration.support.endpoints import (
    capture_config,
    captured,
    container_definition,
    settled_endpoint,
    variant,
)
from tests.integration.support.iam import TRAIN_AND_SERVE, create_role
from tests.integration.support.logs import log_of
from tests.integration.support.names import NAME
from tests.integration.support.photos import png
from tests.integration.support.waiting import wait_for

ledger = pytest.mark.aws
SERVICE = "SageMaker Runtime"


def invoke(runtime: Any, endpoint_name: str, image: bytes, number: int = 1) -> None:
    for count in range(number):
        runtime.invoke_endpoint(
            EndpointName=endpoint_name, ContentType="image/png", InferenceId=f"{endpoint_name}-{count}", Body=image
        )


@ledger(SERVICE, "data capture: one record per answered inference, InferenceId, several records a file", "exact")
@ledger(SERVICE, "data capture: files written after a second", "approximate", "AWS gathers records for minutes")
@ledger(
    SERVICE,
    "data capture of requests that the container refuses",
    "approximate",
    "not captured; AWS does not say what it does",
)
def test_every_inference_is_captured_once(runtime: Any, endpoint: str, bucket: str) -> None:
    image = png(0, 3)
    with pytest.raises(runtime.exceptions.ModelError):
        invoke(runtime, endpoint, b"no image")
    invoke(runtime, endpoint, image, 25)

    def all_of_ours() -> list[dict[str, Any]] | None:
        records = captured(bucket, endpoint)
        ours = [one for one in records if one["eventMetadata"].get("inferenceId", "").startswith(f"{endpoint}-")]
        return ours if len(ours) >= 25 else None

    records = wait_for(all_of_ours, 30)
    assert {one["eventMetadata"]["inferenceId"] for one in records} == {f"{endpoint}-{n}" for n in range(25)}
    assert len({one["eventMetadata"]["eventId"] for one in records}) == len(records) == 25
    request, answer = (records[0]["captureData"][part] for part in ("endpointInput", "endpointOutput"))
    assert (request["mode"], request["encoding"], request["observedContentType"]) == ("INPUT", "BASE64", "image/png")
    assert base64.b64decode(request["data"]) == image
    assert (answer["mode"], answer["encoding"]) == ("OUTPUT", "JSON")
    assert len(json.loads(answer["data"])) == 2


@ledger(SERVICE, "data capture: <prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/MM-SS-mmm-<uuid>.jsonl", "exact")
def test_records_are_in_the_folder_of_their_hour(runtime: Any, endpoint: str, bucket: str) -> None:
    invoke(runtime, endpoint, png(1))
    wait_for(lambda: captured(bucket, endpoint))
    objects = list(boto3.resource("s3").Bucket(bucket).objects.filter(Prefix=f"captured/{endpoint}/"))
    now = f"{datetime.now(UTC):%Y/%m/%d}"
    name = rf"captured/{endpoint}/AllTraffic/{now}/\d\d/\d\d-\d\d-\d\d\d-[0-9a-f]{{8}}-[0-9a-f-]{{27}}\.jsonl"
    assert [one.key for one in objects if not re.fullmatch(name, one.key)] == []
    assert len(objects) < len(captured(bucket, endpoint))


@ledger(SERVICE, "data capture: modes; base64 unless CaptureContentTypeHeader names the content type", "exact")
@ledger(SERVICE, "data capture: nothing is lost when the endpoint is updated or deleted", "exact")
def test_only_the_configured_modes_are_captured(
    sagemaker: Any, runtime: Any, model: str, bucket: str, create_endpoint: CreateEndpoint
) -> None:
    only_output = capture_config(bucket, CaptureOptions=[{"CaptureMode": "Output"}])
    del only_output["CaptureContentTypeHeader"]
    name = create_endpoint(f"{NAME}-output", variant(model), DataCaptureConfig=only_output)
    settled_endpoint(name)
    no_capture = capture_config(bucket, EnableCapture=False)
    sagemaker.create_endpoint_config(
        EndpointConfigName=f"{name}-off", ProductionVariants=[variant(model)], DataCaptureConfig=no_capture
    )
    invoke(runtime, name, png(1), 5)
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=f"{name}-off")
    assert settled_endpoint(name)["DataCaptureConfig"]["CaptureStatus"] == "Stopped"
    invoke(runtime, name, png(1), 2)
    records = wait_for(lambda: captured(bucket, name))
    assert len(records) == 5
    assert "endpointInput" not in records[0]["captureData"]
    answer = records[0]["captureData"]["endpointOutput"]
    assert answer["encoding"] == "BASE64"
    assert len(json.loads(base64.b64decode(answer["data"]))) == 2


@ledger(
    SERVICE,
    "data capture: answers are unaffected when the role may not write; the endpoint's log says why",
    "approximate",
    "wording may differ",
)
def test_a_denied_capture_is_logged(
    sagemaker: Any, runtime: Any, job: dict[str, Any], bucket: str, create_endpoint: CreateEndpoint
) -> None:
    name = f"{NAME}-no-capture"
    may = {**TRAIN_AND_SERVE, "Action": ["s3:GetObject", "logs:*", "ecr:*"]}
    definition = container_definition(job["ModelArtifacts"]["S3ModelArtifacts"])
    sagemaker.create_model(
        ModelName=name, PrimaryContainer=definition, ExecutionRoleArn=create_role(name, "sagemaker", may)
    )
    create_endpoint(name, variant(name), DataCaptureConfig=capture_config(bucket))
    assert settled_endpoint(name)["EndpointStatus"] == "InService"
    invoke(runtime, name, png(1))
    log = wait_for(
        lambda: [line for line in log_of(f"/aws/sagemaker/Endpoints/{name}", "AllTraffic/") if "Data capture" in line]
    )
    assert "AccessDenied" in log[0]
    invoke(runtime, name, png(1))
