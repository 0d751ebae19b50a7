"""How many instances serve: a fixed number, or one that Application Auto Scaling chooses between two.

An endpoint that is scaled has a tag with the two numbers. Nothing else asks Application Auto Scaling, so that whoever
does not scale needs no permission for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from training.config import INSTANCES_TAG, VARIANT
from training.context import Context
from training.errors import EndpointError
from training.options import Instances
from training.refusals import is_missing

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from sagemaker.core.resources import Endpoint

POLICY = "requests-per-instance"
# Requests a minute for each instance. One takes 1.6 to 2.0 ms of CPU (measured on a slow core that others used too), so
# the two of an ml.m5.large answer some 300 a second with room to spare (assumed: not measured there). Half of that
# leaves time to start new instances, as AWS recommends
# (https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html).
REQUESTS_A_MINUTE = 300 * 0.5 * 60


def instances_now(endpoint: "Endpoint | None", instances: Instances) -> int:
    """Return with how many instances to deploy: as many as are in service, within what is asked for."""
    least, most = instances
    variants = (endpoint.production_variants or []) if endpoint else []
    running = [variant.desired_instance_count for variant in variants if variant.variant_name == VARIANT]
    return min(max(running[0] if running and running[0] else least, least), most)


def target(endpoint_name: str) -> dict[str, Any]:
    """Return what Application Auto Scaling calls the number of an endpoint's instances."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint_name}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def register(context: Context, instances: Instances) -> None:
    """Let the requests decide how many instances serve, between two numbers."""
    client, scaled = context.clients.autoscaling, target(context.stack.endpoint_name)
    client.register_scalable_target(**scaled, MinCapacity=instances[0], MaxCapacity=instances[1])
    tracking: Any = {
        "TargetValue": REQUESTS_A_MINUTE,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }
    client.put_scaling_policy(
        **scaled,
        PolicyName=POLICY,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )


def deregister(endpoint_name: str, client: "ApplicationAutoScalingClient") -> None:
    """Let the number of instances stay as it is, if it was scaled; the policy goes with the target."""
    try:
        client.deregister_scalable_target(**target(endpoint_name))
    except ClientError as err:
        if not is_missing(err):
            raise


@contextmanager
def scaled(context: Context, endpoint: "Endpoint | None", instances: Instances) -> Iterator[None]:
    """Stop the scaling while an endpoint is updated, and scale what is in service afterwards.

    "If the update would change the instance type for any model that is a target for auto scaling, the update fails."
    (https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html)
    """
    before = scaled_between(context.tags_of(str(endpoint.endpoint_arn))) if endpoint else None
    if before:
        deregister(context.stack.endpoint_name, context.clients.autoscaling)
    try:
        yield
    except EndpointError:
        if before:
            register(context, before)  # SageMaker went back to the old instances
        raise
    sagemaker = context.clients.sagemaker
    arn = sagemaker.describe_endpoint(EndpointName=context.stack.endpoint_name)["EndpointArn"]
    if is_range(instances):
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": INSTANCES_TAG, "Value": text_of(instances)}])
        register(context, instances)
    elif before:
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=[INSTANCES_TAG])


def is_range(instances: Instances) -> bool:
    return instances[0] < instances[1]


def text_of(instances: Instances) -> str:
    """Return the numbers as they are given on the command line."""
    least, most = instances
    return f"{least}-{most}" if is_range(instances) else str(least)


def scaled_between(tags: dict[str, str]) -> Instances | None:
    """Return the two numbers from an endpoint's tags, None for an endpoint with a fixed number."""
    least, _, most = tags.get(INSTANCES_TAG, "").partition("-")
    return (int(least), int(most)) if least.isdigit() and most.isdigit() else None
