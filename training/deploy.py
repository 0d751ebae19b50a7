"""Step `deploy`: put the model behind the endpoint that the functions ask, and measure its accuracy there."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from botocore.exceptions import ClientError
from rich.progress import track
from rich.text import Text
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, Tag
from sagemaker.core.shapes import (
    CaptureContentTypeHeader,
    CaptureOption,
    ContainerDefinition,
    DataCaptureConfig,
    ProductionVariant,
)

from training.config import CAPTURE_PREFIX, DATASET_TAG, inference_id, local_path
from training.context import Context
from training.dataset.index import read_index
from training.errors import EndpointError
from training.options import DeployOptions
from training.provenance import CONFIG_SUFFIX, check_endpoint_name, check_model, other_dataset, tags
from training.refusals import is_missing, is_throttled
from training.results import Dataset, Deployment, TrainedModel

VARIANT = "AllTraffic"
WAIT_SECONDS = 1800
SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")  # statuses that last
POLL_SECONDS = 1.0
WORKERS = 8  # concurrent invocations when the test images are predicted
LOG_LINES = 20  # shown of the log of an endpoint that fails


def deploy(context: Context, dataset: Dataset, model: TrainedModel, options: DeployOptions) -> Deployment:
    """Create the endpoint, or update it in place, and predict every test image through it.

    Raises:
        EndpointError: The model is not one of the dataset, or the endpoint did not reach InService; its log is shown
            on the console.
    """
    check_endpoint_name(context)
    check_model(dataset, model)
    create_model(context, dataset, model)
    config_name = create_endpoint_config(context, dataset, model, options)
    bring_into_service(context, dataset, config_name)
    predictions = predict(context, dataset)
    show_prediction(context, predictions, dataset)
    return Deployment(
        endpoint_name=context.stack.endpoint_name,
        endpoint_config_name=config_name,
        test_accuracy=float((predictions["label"] == predictions["predicted"]).mean()),
        test_images=len(predictions),
        capture_percentage=options.capture_percentage,
    )


def create_model(context: Context, dataset: Dataset, model: TrainedModel) -> None:
    """Create a model with the training job's name, unless an earlier run did.

    Raises:
        EndpointError: There is one of another dataset.
    """
    sdk = sdk_arguments(context)
    try:
        found = Model.get(model.training_job_name, **sdk)
        assert found is not None
        if context.tags_of(str(found.model_arn)).get(DATASET_TAG) != dataset.fingerprint:
            raise other_dataset(f"The model {model.training_job_name}, which exists in SageMaker,", dataset)
    except ClientError as err:
        if not is_missing(err):
            raise
        Model.create(
            model_name=model.training_job_name,
            primary_container=ContainerDefinition(image=model.image_uri, model_data_url=model.model_data_url),
            execution_role_arn=context.stack.execution_role_arn,
            tags=tags(context, dataset),
            **sdk,
        )


def create_endpoint_config(context: Context, dataset: Dataset, model: TrainedModel, options: DeployOptions) -> str:
    """Create an endpoint configuration with data capture and return its name."""
    name = context.stack.endpoint_name + datetime.now(UTC).strftime(CONFIG_SUFFIX)
    variant = ProductionVariant(
        variant_name=VARIANT,
        model_name=model.training_job_name,
        instance_type=options.endpoint_instance_type,
        initial_instance_count=1,
    )
    capture = DataCaptureConfig(
        enable_capture=True,
        initial_sampling_percentage=options.capture_percentage,
        destination_s3_uri=f"s3://{context.stack.bucket}/{CAPTURE_PREFIX}",
        capture_options=[CaptureOption(capture_mode="Input"), CaptureOption(capture_mode="Output")],
        # Without it the probabilities are captured as base64.
        capture_content_type_header=CaptureContentTypeHeader(json_content_types=["application/json"]),
    )
    EndpointConfig.create(
        endpoint_config_name=name,
        production_variants=[variant],
        # The SDK's shapes leave out a 0, which SageMaker misses: nothing is captured without this configuration either.
        **({"data_capture_config": capture} if options.capture_percentage else {}),
        tags=tags(context, dataset),
        **sdk_arguments(context),
    )
    return name


def sdk_arguments(context: Context) -> dict[str, Any]:
    """Return the arguments that every call of sagemaker.core takes."""
    return {"session": context.clients.session, "region": context.stack.region}


# The endpoint ------------------------------------------------------------------------------------------------


def bring_into_service(context: Context, dataset: Dataset, config_name: str) -> None:
    """Update the endpoint to a configuration, or create it, and wait until it is in service.

    Raises:
        EndpointError: It did not reach InService with this configuration.
    """
    name, console = context.stack.endpoint_name, context.console
    endpoint = updatable_endpoint(context)
    with console.status(Text(f"Endpoint {name} is {'updated' if endpoint else 'created'}")):
        if endpoint:
            endpoint.endpoint_config_name = config_name
            endpoint.update()
            # An update changes no tags.
            Tag.add_tags(str(endpoint.endpoint_arn), tags(context, dataset), **sdk_arguments(context))
        else:
            endpoint = Endpoint.create(
                endpoint_name=name,
                endpoint_config_name=config_name,
                tags=tags(context, dataset),
                **sdk_arguments(context),
            )
            assert endpoint is not None
        wait_until_settled(endpoint)
    if endpoint.endpoint_status != "InService" or endpoint.endpoint_config_name != config_name:
        show_log(context)
        raise EndpointError(f"Endpoint {name} did not come into service: {endpoint.failure_reason}")
    console.print("Endpoint", Text(name, "bold"), "is in service")


def updatable_endpoint(context: Context) -> Endpoint | None:
    """Return the stack's endpoint if it is in service; an endpoint that failed is deleted.

    Raises:
        EndpointError: Another stack owns the endpoint.
    """
    try:
        endpoint = Endpoint.get(context.stack.endpoint_name, **sdk_arguments(context))
    except ClientError as err:
        if not is_missing(err):
            raise
        return None
    assert endpoint is not None
    check_owner(context, endpoint)
    wait_until_settled(endpoint)
    if endpoint.endpoint_status == "InService":
        return endpoint
    endpoint.delete()
    wait_until_settled(endpoint)
    return None


def check_owner(context: Context, endpoint: Endpoint) -> None:
    """Refuse an endpoint whose tag does not name this stack.

    Raises:
        EndpointError: Another stack, or somebody else, created the endpoint.
    """
    owner = context.owner_of(str(endpoint.endpoint_arn))
    if owner != context.stack.name:
        raise EndpointError(
            f"Endpoint {endpoint.endpoint_name} was not made by stack {context.stack.name} "
            f"(but by {owner or 'somebody else'}): deploy the stack with another EndpointName."
        )


def wait_until_settled(endpoint: Endpoint) -> None:
    """Wait until the endpoint is in service, has failed, or is gone.

    Raises:
        EndpointError: It still changes after `WAIT_SECONDS`.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if is_settled(endpoint):
            return
        time.sleep(POLL_SECONDS)
    raise EndpointError(
        f"Endpoint {endpoint.endpoint_name} is still {endpoint.endpoint_status} after {WAIT_SECONDS} s: "
        "run the deploy step again to continue waiting."
    )


def is_settled(endpoint: Endpoint) -> bool:
    """Tell whether the endpoint's status lasts; a throttled request leaves the old status, which says nothing."""
    try:
        endpoint.refresh()
    except ClientError as err:
        if is_throttled(err):
            return False
        if is_missing(err):
            return True
        raise
    return endpoint.endpoint_status in SETTLED


def show_log(context: Context) -> None:
    """Print the last lines that the endpoint's newest container has logged."""
    group, logs = f"/aws/sagemaker/Endpoints/{context.stack.endpoint_name}", context.clients.logs
    try:
        streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
        lines = [
            event["message"]
            for stream in streams[:1]
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], limit=LOG_LINES
            )["events"]
        ]
    except ClientError as err:  # what is raised next says why the endpoint failed; this must not take its place
        if not is_missing(err):
            context.console.print(f"{group} cannot be read: {err}", style="dim", markup=False, highlight=False)
        return
    context.console.print(f"Last lines of {group}:", *lines, sep="\n  ", style="dim", highlight=False)


# Predictions -------------------------------------------------------------------------------------------------


def predict(context: Context, dataset: Dataset) -> pd.DataFrame:
    """Return the test images of the index with the columns `predicted` (label) and `confidence` (in [0, 1]).

    Raises:
        EndpointError: The endpoint answers with another number of probabilities than the dataset has classes.
    """
    index = read_index(dataset.directory)
    images = index[index["split"] == "test"]
    runtime = context.clients.sagemaker_runtime

    def classify(s3_key: str) -> list[float]:
        answer = runtime.invoke_endpoint(
            EndpointName=context.stack.endpoint_name,
            ContentType="image/png",
            Accept="application/json",
            InferenceId=inference_id(s3_key),
            Body=local_path(dataset.directory, s3_key).read_bytes(),
        )
        probabilities: list[float] = json.loads(answer["Body"].read())
        return probabilities

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = pool.map(classify, images["s3_key"])
        rows = list(track(answers, "Test images", len(images), console=context.console, transient=True))
    if any(len(row) != len(dataset.classes) for row in rows):
        raise other_dataset(f"The model that endpoint {context.stack.endpoint_name} serves", dataset)
    return images.assign(predicted=[row.index(max(row)) for row in rows], confidence=[max(row) for row in rows])


def show_prediction(context: Context, predictions: pd.DataFrame, dataset: Dataset) -> None:
    """Print the endpoint's answer for the first test image."""
    first = predictions.iloc[0]
    context.console.print(
        f"{first['filename']}: {dataset.classes[first['predicted']]} ({first['confidence']:.1%}), "
        f"labelled {first['class_name']}"
    )
