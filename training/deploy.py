"""Step `deploy`: put the model behind the endpoint that the functions know, and measure it there."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import track
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import (
    CaptureContentTypeHeader,
    CaptureOption,
    ContainerDefinition,
    DataCaptureConfig,
    ProductionVariant,
)

from training.config import CAPTURE_PREFIX, STACK_TAG, Stack, inference_id, local_path
from training.dataset.index import read_index
from training.errors import EndpointError
from training.results import Dataset, Deployment, TrainedModel

if TYPE_CHECKING:
    from boto3 import Session
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

VARIANT = "AllTraffic"
WAIT_SECONDS = 1800
POLL_SECONDS = 1.0
WORKERS = 8  # concurrent invocations when the test images are predicted
LOG_LINES = 20  # shown of an endpoint that fails


def deploy(
    stack: Stack, dataset: Dataset, model: TrainedModel, instance_type: str, capture_percentage: int,
    session: "Session", runtime: "SageMakerRuntimeClient", logs: "CloudWatchLogsClient", console: Console,
) -> Deployment:  # fmt: skip
    """Create the endpoint, or update it in place, and predict every test image through it.

    Args:
        capture_percentage: Share of the requests whose input and output are captured, in percent.

    Raises:
        EndpointError: The endpoint did not come into service; its log is shown on the console.
    """
    model_name = create_model(stack, model, session)
    config_name = create_endpoint_config(stack, model_name, instance_type, capture_percentage, session)
    bring_into_service(stack, config_name, session, logs, console)
    predictions = predict(stack.endpoint_name, dataset, runtime, console)
    show_prediction(predictions, dataset, console)
    return Deployment(
        endpoint_name=stack.endpoint_name,
        endpoint_config_name=config_name,
        model_name=model_name,
        test_accuracy=float((predictions["label"] == predictions["predicted"]).mean()),
        test_images=len(predictions),
        capture_percentage=capture_percentage,
    )


def create_model(stack: Stack, model: TrainedModel, session: "Session") -> str:
    """Create a model with the training job's name, unless an earlier run did."""
    name = model.training_job_name
    try:
        Model.get(name, session=session, region=stack.region)
    except ClientError:
        Model.create(
            model_name=name,
            primary_container=ContainerDefinition(image=model.image_uri, model_data_url=model.model_data_url),
            execution_role_arn=stack.execution_role_arn,
            tags=[{"key": STACK_TAG, "value": stack.name}],
            session=session,
            region=stack.region,
        )
    return name


def create_endpoint_config(
    stack: Stack, model_name: str, instance_type: str, capture_percentage: int, session: "Session"
) -> str:
    name = f"{stack.endpoint_name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    variant = ProductionVariant(
        variant_name=VARIANT, model_name=model_name, instance_type=instance_type, initial_instance_count=1
    )
    capture = DataCaptureConfig(
        enable_capture=True,
        initial_sampling_percentage=capture_percentage,
        destination_s3_uri=f"s3://{stack.bucket}/{CAPTURE_PREFIX}",
        capture_options=[CaptureOption(capture_mode="Input"), CaptureOption(capture_mode="Output")],
        # Without it the probabilities are captured as base64.
        capture_content_type_header=CaptureContentTypeHeader(json_content_types=["application/json"]),
    )
    EndpointConfig.create(
        endpoint_config_name=name,
        production_variants=[variant],
        data_capture_config=capture,
        tags=[{"key": STACK_TAG, "value": stack.name}],
        session=session,
        region=stack.region,
    )
    return name


def bring_into_service(
    stack: Stack, config_name: str, session: "Session", logs: "CloudWatchLogsClient", console: Console
) -> None:
    """Lead the endpoint to a configuration; one that never came into service is made anew."""
    endpoint = existing_endpoint(stack, session)
    with console.status(f"Endpoint {stack.endpoint_name} is {'updated' if endpoint else 'created'}"):
        if endpoint:
            endpoint.endpoint_config_name = config_name
            endpoint.update()
        else:
            endpoint = Endpoint.create(
                endpoint_name=stack.endpoint_name,
                endpoint_config_name=config_name,
                tags=[{"key": STACK_TAG, "value": stack.name}],
                session=session,
                region=stack.region,
            )
            assert endpoint is not None
        wait_until_settled(endpoint)
    if endpoint.endpoint_status != "InService" or endpoint.endpoint_config_name != config_name:
        show_log(stack.endpoint_name, logs, console)
        raise EndpointError(f"Endpoint {stack.endpoint_name} did not come into service: {endpoint.failure_reason}")
    console.print(f"Endpoint [bold]{stack.endpoint_name}[/] is in service")


def existing_endpoint(stack: Stack, session: "Session") -> Endpoint | None:
    """Return the endpoint when it can be updated; a failed one is deleted, a changing one waited for."""
    try:
        endpoint = Endpoint.get(stack.endpoint_name, session=session, region=stack.region)
    except ClientError:
        return None
    assert endpoint is not None
    owner = {tag["Key"]: tag["Value"] for tag in tags_of(endpoint, session)}.get(STACK_TAG)
    if owner != stack.name:
        raise EndpointError(
            f"Endpoint {stack.endpoint_name} was not made by stack {stack.name} (but by {owner or 'somebody else'}): "
            "deploy the stack with another EndpointName."
        )
    wait_until_settled(endpoint)
    if endpoint.endpoint_status == "InService":
        return endpoint
    endpoint.delete()
    wait_until_settled(endpoint)
    return None


def tags_of(endpoint: Endpoint, session: "Session") -> list[Any]:
    return session.client("sagemaker").list_tags(ResourceArn=str(endpoint.endpoint_arn))["Tags"]


def wait_until_settled(endpoint: Endpoint) -> None:
    """Wait until the endpoint is in service, has failed, or is gone."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            endpoint.refresh()
        except ClientError:
            return
        if endpoint.endpoint_status in ("InService", "Failed", "OutOfService", "UpdateRollbackFailed"):
            return
        time.sleep(POLL_SECONDS)
    raise EndpointError(
        f"Endpoint {endpoint.endpoint_name} is still {endpoint.endpoint_status} after {WAIT_SECONDS} s."
    )


def show_log(endpoint_name: str, logs: "CloudWatchLogsClient", console: Console) -> None:
    """Print the last lines that the endpoint's newest container has logged."""
    group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
    try:
        streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
        events = [
            event["message"]
            for stream in streams[:1]
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], limit=LOG_LINES
            )["events"]
        ]
    except ClientError:
        return
    console.print(f"Last lines of {group}:", *events, sep="\n  ", style="dim", markup=False, highlight=False)


def predict(endpoint_name: str, dataset: Dataset, runtime: "SageMakerRuntimeClient", console: Console) -> pd.DataFrame:
    """Return the test images of the index with the columns `predicted` (label) and `confidence` (in [0, 1])."""
    index = read_index(dataset.directory)
    images = index[index["split"] == "test"]

    def ask(s3_key: str) -> list[float]:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint_name, ContentType="image/png", Accept="application/json",
            InferenceId=inference_id(s3_key),
            Body=local_path(dataset.directory, s3_key).read_bytes(),
        )  # fmt: skip
        probabilities: list[float] = json.loads(answer["Body"].read())
        return probabilities

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = pool.map(ask, images["s3_key"])
        rows = list(track(answers, "Test images", len(images), console=console, transient=True))
    return images.assign(predicted=[row.index(max(row)) for row in rows], confidence=[max(row) for row in rows])


def show_prediction(predictions: pd.DataFrame, dataset: Dataset, console: Console) -> None:
    """Print what the endpoint says of the first test image."""
    first = predictions.iloc[0]
    console.print(
        f"{first['filename']}: {dataset.classes[first['predicted']]} ({first['confidence']:.1%}), "
        f"labelled {first['class_name']}"
    )
