"""Step `deploy`: put the model behind the endpoint that the functions ask, and measure its accuracy there."""

from datetime import UTC, datetime

from botocore.exceptions import ClientError
from sagemaker.core.resources import EndpointConfig, Model
from sagemaker.core.shapes import (
    CaptureContentTypeHeader,
    CaptureOption,
    ContainerDefinition,
    DataCaptureConfig,
    ProductionVariant,
)

from training import expiry, guardrails, scaling
from training.comparison import check_not_worse
from training.config import CAPTURE_PREFIX, DATASET_TAG, VARIANT
from training.context import Context, sdk_arguments
from training.endpoint import bring_into_service, current_endpoint
from training.options import DeployOptions
from training.predictions import is_right, keep, predict, show_prediction
from training.programs.choice import serving_environment
from training.provenance import CONFIG_SUFFIX, check_endpoint_name, check_model, model_tags, other_dataset, tags
from training.refusals import is_missing
from training.results import Dataset, Deployment, TrainedModel


def deploy(context: Context, dataset: Dataset, model: TrainedModel, options: DeployOptions) -> Deployment:
    """Create the endpoint, or update it in place unless the model is worse, and predict every test image through it.

    Raises:
        StackError: The stack cannot end its endpoint, and it is to end.
        WorseModelError: The model is worse than the one in service, and `accept_worse` is not set.
        EndpointError: The model is not one of the dataset, or the endpoint did not reach InService; its log is shown
            on the console.
    """
    check_endpoint_name(context)
    check_model(dataset, model)
    expiry.check_stack(context.stack, options.expires_in)
    create_model(context, dataset, model)
    comparison = check_not_worse(context, dataset, model, options)
    endpoint = current_endpoint(context)
    instances = scaling.instances_now(endpoint, options.instances)
    config_name = create_endpoint_config(context, dataset, model, options, instances)
    expiry.renew(context, options.expires_in)  # first: no endpoint outlives a run that is killed here
    with scaling.scaled(context, endpoint, options.instances):
        bring_into_service(context, dataset, config_name, guardrails.prepare(context, instances))
    expiry.renew(context, options.expires_in)  # again: the time counts from now, and may have run out meanwhile
    predictions = predict(context, dataset, context.stack.endpoint_name)
    keep(context.directory, predictions, dataset, model.training_job_name)
    right = is_right(predictions)
    show_prediction(context, predictions, dataset)
    return Deployment(
        endpoint_name=context.stack.endpoint_name,
        endpoint_config_name=config_name,
        test_accuracy=sum(right) / len(right),
        test_images=len(right),
        capture_percentage=options.capture_percentage,
        comparison=comparison,
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
            primary_container=container(model),
            execution_role_arn=context.stack.execution_role_arn,
            tags=model_tags(context, dataset),
            **sdk,
        )


def container(model: TrainedModel) -> ContainerDefinition:
    """Return the model's container, started as its program is."""
    environment = dict(serving_environment(model.program))
    return ContainerDefinition(
        image=model.image_uri,
        model_data_url=model.model_data_url,
        **({"environment": environment} if environment else {}),
    )


def create_endpoint_config(
    context: Context, dataset: Dataset, model: TrainedModel, options: DeployOptions, instances: int
) -> str:
    """Create an endpoint configuration with data capture and return its name."""
    name = context.stack.endpoint_name + datetime.now(UTC).strftime(CONFIG_SUFFIX)
    variant = ProductionVariant(
        variant_name=VARIANT,
        model_name=model.training_job_name,
        instance_type=options.endpoint_instance_type,
        initial_instance_count=instances,
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
