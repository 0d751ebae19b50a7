"""Endpoints: whose one is, how the stack's comes into service, and what it has logged when it does not."""

import time

from botocore.exceptions import ClientError
from rich.text import Text
from sagemaker.core.resources import Endpoint, Tag
from sagemaker.core.shapes import DeploymentConfig

from training.context import Context, sdk_arguments
from training.errors import EndpointError
from training.provenance import tags
from training.refusals import is_missing, is_throttled
from training.results import Dataset

WAIT_SECONDS = 1800
SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")  # statuses that last
POLL_SECONDS = 1.0
LOG_LINES = 20  # shown of the log of an endpoint that fails


def bring_into_service(
    context: Context, dataset: Dataset, config_name: str, deployment_config: DeploymentConfig | None = None
) -> None:
    """Update the endpoint to a configuration, or create it, and wait until it is in service.

    Args:
        deployment_config: How an update goes; None: all requests go to the new instances at once.

    Raises:
        EndpointError: It did not reach InService with this configuration.
    """
    name, console = context.stack.endpoint_name, context.console
    endpoint = current_endpoint(context)
    with console.status(Text(f"Endpoint {name} is {'updated' if endpoint else 'created'}")):
        if endpoint:
            endpoint.endpoint_config_name = config_name
            endpoint.update(**({"deployment_config": deployment_config} if deployment_config else {}))
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
        show_log(context, name)
        raise EndpointError(failure(endpoint, config_name))
    console.print("Endpoint", Text(name, "bold"), "is in service")


def failure(endpoint: Endpoint, config_name: str) -> str:
    """Return what to say of an endpoint that is not in service with a configuration.

    SageMaker ends an update that fails, or that an alarm stops, with the old configuration InService.
    """
    name = endpoint.endpoint_name
    if endpoint.endpoint_status != "InService":
        return f"Endpoint {name} did not come into service: {reason_of(endpoint)}"
    return (
        f"Endpoint {name} did not come into service with configuration {config_name}: SageMaker rolled the update back "
        f"({reason_of(endpoint).rstrip('.')}), and the endpoint serves {endpoint.endpoint_config_name} as before: see "
        "the endpoint's log and alarms before you deploy again."
    )


def current_endpoint(context: Context) -> Endpoint | None:
    """Return the stack's endpoint if it is in service; an endpoint that failed is deleted.

    Raises:
        EndpointError: Another stack owns the endpoint.
    """
    endpoint = find_endpoint(context, context.stack.endpoint_name)
    if endpoint is None or endpoint.endpoint_status == "InService":
        return endpoint
    endpoint.delete()
    wait_until_settled(endpoint)
    return None


def find_endpoint(context: Context, name: str) -> Endpoint | None:
    """Return an endpoint of this stack once its status lasts, None when there is none.

    Raises:
        EndpointError: Another stack owns the endpoint.
    """
    try:
        endpoint = Endpoint.get(name, **sdk_arguments(context))
        assert endpoint is not None
        check_owner(context, endpoint)
    except ClientError as err:
        if not is_missing(err):
            raise
        return None
    wait_until_settled(endpoint)
    return endpoint if endpoint.endpoint_status in SETTLED else None  # it was being deleted


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


def reason_of(endpoint: Endpoint) -> str:
    """Return why an endpoint failed; AWS does not always say so."""
    return str(endpoint.failure_reason) if endpoint.failure_reason else "AWS gives no reason"


def show_log(context: Context, name: str) -> None:
    """Print the last lines that the newest container of an endpoint has logged."""
    group, logs = f"/aws/sagemaker/Endpoints/{name}", context.clients.logs
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
