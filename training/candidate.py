"""The candidate: an endpoint that serves a new model alone while it is compared with the one in service.

An endpoint of its own, not a second variant of the stack's: that one is left alone until the new model has passed, and
a deployment with guardrails, as an update with several instances is, must not change the names of the variants
(https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html). It captures nothing.

The run that creates it removes it. Its configuration is created first and deleted last: without one nothing is left of
it. A schedule ends the candidate of a run that is killed and never repeated.
"""

from datetime import timedelta

from botocore.exceptions import ClientError
from rich.text import Text
from sagemaker.core.resources import Endpoint, EndpointConfig
from sagemaker.core.shapes import ProductionVariant

from training import expiry
from training.config import VARIANT, candidate_name
from training.context import Context, of_candidate, sdk_arguments
from training.endpoint import find_endpoint, reason_of, show_log, wait_until_settled
from training.errors import EndpointError
from training.options import DeployOptions
from training.provenance import tags
from training.refusals import is_missing
from training.results import Dataset, TrainedModel

LIFETIME = timedelta(hours=2)  # a comparison takes ten minutes on AWS


def serve_candidate(context: Context, dataset: Dataset, model: TrainedModel, options: DeployOptions) -> str:
    """Bring a model into service on the candidate endpoint, on one instance; returns the endpoint's name.

    A candidate that a killed run left is used if it serves the same model, and replaced if not.

    Raises:
        EndpointError: The model did not come into service; its log is shown.
    """
    name = candidate_name(context.stack.endpoint_name)
    endpoint = find_endpoint(context, name)
    if endpoint is None or not serves(context, endpoint, model, options):
        delete_candidate(context)
        endpoint = create_candidate(context, dataset, model, options)
    with context.console.status(Text(f"Model {model.training_job_name} is brought into service to be compared")):
        wait_until_settled(endpoint)
    if endpoint.endpoint_status != "InService":
        show_log(context, name)
        raise EndpointError(
            f"The model {model.training_job_name} did not come into service on endpoint {name}, so endpoint "
            f"{context.stack.endpoint_name} serves what it has served: {reason_of(endpoint)}"
        )
    return name


def serves(context: Context, endpoint: Endpoint, model: TrainedModel, options: DeployOptions) -> bool:
    """Tell whether an endpoint is in service with this model alone, on the instance type that is asked for."""
    if endpoint.endpoint_status != "InService":
        return False
    try:
        config = EndpointConfig.get(str(endpoint.endpoint_config_name), **sdk_arguments(context))
    except ClientError as err:
        if not is_missing(err):
            raise
        return False
    assert config is not None
    found = [(variant.model_name, variant.instance_type) for variant in config.production_variants or []]
    return found == [(model.training_job_name, options.endpoint_instance_type)]


def create_candidate(context: Context, dataset: Dataset, model: TrainedModel, options: DeployOptions) -> Endpoint:
    name, sdk = candidate_name(context.stack.endpoint_name), sdk_arguments(context)
    variant = ProductionVariant(
        variant_name=VARIANT,
        model_name=model.training_job_name,
        instance_type=options.endpoint_instance_type,
        initial_instance_count=1,
    )
    EndpointConfig.create(endpoint_config_name=name, production_variants=[variant], tags=tags(context, dataset), **sdk)
    schedule_end(context, options)
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name, tags=tags(context, dataset), **sdk)
    assert endpoint is not None
    return endpoint


def schedule_end(context: Context, options: DeployOptions) -> None:
    """Let the candidate end even when this run does not.

    Raises:
        EndpointError: The schedule cannot be made, and the endpoint itself has an expiry.
    """
    if not context.stack.expiry_role_arn:
        return  # an older template, which the step takes with `--expires-in never` only
    try:
        expiry.renew(of_candidate(context), LIFETIME)
    except EndpointError:
        if options.expires_in is not None:  # `never` is also for those who may not schedule
            raise


def remove_candidate(context: Context) -> None:
    """Delete the candidate, if there is one.

    Raises:
        EndpointError: Another stack owns an endpoint of this name.
    """
    name, sagemaker = candidate_name(context.stack.endpoint_name), context.clients.sagemaker
    try:
        sagemaker.describe_endpoint_config(EndpointConfigName=name)
    except ClientError as err:
        if not is_missing(err):
            raise
        return
    delete_candidate(context)


def delete_candidate(context: Context) -> None:
    """Delete the candidate endpoint, its schedule and its configuration, each if it exists."""
    name, sagemaker = candidate_name(context.stack.endpoint_name), context.clients.sagemaker
    if endpoint := find_endpoint(context, name):
        with context.console.status(Text(f"Endpoint {name} is deleted")):
            endpoint.delete()
            wait_until_settled(endpoint)
    expiry.forget(of_candidate(context))
    try:
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    except ClientError as err:
        if not is_missing(err):
            raise
