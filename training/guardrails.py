"""Guardrails of an update with several instances: a canary, and alarms that bring the old instances back.

The alarms belong to the endpoint, not to the stack: most endpoints have one instance, for which SageMaker knows no
canary, and an alarm costs 0.10 USD a month. Cleanup deletes them.
"""

from typing import TYPE_CHECKING, Any

from training.config import VARIANT, Stack, alarm_names
from training.context import Context

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from sagemaker.core.shapes import DeploymentConfig

CANARY_SECONDS = 180  # with one new instance: an alarm needs a whole minute of it, which CloudWatch gets a minute later
OLD_SECONDS = 120  # that the old instances are kept when all requests go to the new ones
MOST_SECONDS = 1500  # for an update; the step waits longer
ERROR_SHARE = 0.01  # of the requests of a minute
LATENCY = 1_000_000  # microseconds; a model of this project takes some thousand
ALARM_PERIOD = 60  # seconds


def deployment_config(stack: Stack) -> "DeploymentConfig":
    """Return how SageMaker updates an endpoint with two or more instances."""
    from sagemaker.core.shapes import (  # takes seconds, and cleanup asks this module for alarms only
        Alarm,
        AutoRollbackConfig,
        BlueGreenUpdatePolicy,
        CapacitySize,
        DeploymentConfig,
        TrafficRoutingConfig,
    )

    # One instance, not a percentage: it is at most the allowed half of any number, and nothing is rounded.
    canary = CapacitySize(type="INSTANCE_COUNT", value=1)
    routing = TrafficRoutingConfig(type="CANARY", canary_size=canary, wait_interval_in_seconds=CANARY_SECONDS)
    return DeploymentConfig(
        blue_green_update_policy=BlueGreenUpdatePolicy(
            traffic_routing_configuration=routing,
            termination_wait_in_seconds=OLD_SECONDS,
            maximum_execution_timeout_in_seconds=MOST_SECONDS,
        ),
        auto_rollback_configuration=AutoRollbackConfig(
            alarms=[Alarm(alarm_name=alarm["AlarmName"]) for alarm in alarms(stack)]
        ),
    )


def alarms(stack: Stack) -> list[dict[str, Any]]:
    """Return the arguments of PutMetricAlarm: the share of server errors, and the mean latency of the model."""
    dimensions = [
        {"Name": "EndpointName", "Value": stack.endpoint_name},
        {"Name": "VariantName", "Value": VARIANT},
    ]
    common = {
        "AlarmDescription": description(stack),
        "Namespace": "AWS/SageMaker",
        "Dimensions": dimensions,
        "Statistic": "Average",  # of Invocation5XXErrors, which is 0 or 1 for each request, it is a share
        "Period": ALARM_PERIOD,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",  # an endpoint that nobody asks is well
    }
    errors, latency = alarm_names(stack.endpoint_name)
    return [
        {**common, "AlarmName": errors, "MetricName": "Invocation5XXErrors", "Threshold": ERROR_SHARE},
        {**common, "AlarmName": latency, "MetricName": "ModelLatency", "Threshold": LATENCY},
    ]


def description(stack: Stack) -> str:
    """Return what tells an alarm of this stack from others of its name."""
    return f"Watches the endpoint {stack.endpoint_name} of the stack {stack.name}"


def prepare(context: Context, instances: int) -> "DeploymentConfig | None":
    """Create the alarms, or correct them, and return how to update; None for one instance, which has no canary."""
    if instances < 2:
        return None
    for alarm in alarms(context.stack):
        context.clients.cloudwatch.put_metric_alarm(**alarm)
    return deployment_config(context.stack)


def found_alarms(stack: Stack, cloudwatch: "CloudWatchClient") -> list[str]:
    """Return the names of the alarms that exist and are this stack's."""
    found = cloudwatch.describe_alarms(AlarmNames=list(alarm_names(stack.endpoint_name)), AlarmTypes=["MetricAlarm"])
    alarms = found.get("MetricAlarms", [])
    return [alarm["AlarmName"] for alarm in alarms if alarm.get("AlarmDescription") == description(stack)]
