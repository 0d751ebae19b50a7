"""Deployment guardrails of UpdateEndpoint: a canary, and alarms that end the update with the old fleet in service."""

import math
import threading
import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from localcloud.sagemaker import roles
from localcloud.sagemaker.errors import invalid
from localcloud.sagemaker.hosting.deployments import Deployment
from localcloud.sagemaker.store import region_of

POLL_SECONDS = 1.0
MOST_SECONDS = 28_800  # MaximumExecutionTimeoutInSeconds, when the policy does not give it


class RolledBackError(Exception):
    """When an update is rolled back; the message is the endpoint's FailureReason."""


@dataclass(frozen=True)
class Guardrail:
    """How an update moves the traffic, and what ends it."""

    share: float = 1.0  # of the requests that the new fleet gets first, in (0, 1]
    wait_seconds: float = 0.0  # with that share, when it is below 1
    termination_seconds: float = 0.0  # that the old fleet is kept after the shift
    most_seconds: float = MOST_SECONDS
    alarms: tuple[str, ...] = ()
    role_arn: str = ""  # that the alarms are read as
    region: str = ""

    def watch(self, seconds: float, deadline: float, stopping: threading.Event) -> None:
        """Return after so many seconds in which no alarm has gone off.

        Raises:
            RolledBackError: One has or cannot be read, the update takes too long, or the cloud is stopped.
        """
        end = time.monotonic() + seconds
        while True:
            if tripped := self._tripped():
                raise RolledBackError(f"Deployment was rolled back: alarm {tripped} is in the state ALARM.")
            if time.monotonic() >= deadline:
                raise RolledBackError(f"Deployment was rolled back: it did not end within {self.most_seconds:g} s.")
            left = end - time.monotonic()
            if left <= 0:
                return
            if stopping.wait(min(POLL_SECONDS, left)):
                raise RolledBackError("Deployment was rolled back: the local cloud was stopped.")

    def _tripped(self) -> str | None:
        """Return the name of an alarm that has gone off."""
        try:
            found = described(self.alarms, self.role_arn, self.region)
        except ClientError as err:
            raise RolledBackError(f"Deployment was rolled back: its alarms cannot be read. {err}") from err
        return next((alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"), None)


def guardrail_of(config: dict[str, Any], deployment: Deployment, endpoint_arn: str) -> Guardrail:
    """Return the guardrail of an UpdateEndpoint request; without one all requests go to the new fleet at once.

    Raises:
        ServiceError: ValidationException, when the policy contradicts itself or names an alarm that does not exist.
    """
    policy = config.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0})
    alarms = tuple(one["AlarmName"] for one in config.get("AutoRollbackConfiguration", {}).get("Alarms", []))
    share = min(canary_share(routing, variant) for variant in deployment["Config"]["ProductionVariants"])
    model = next(iter(deployment["Models"].values()))
    guardrail = Guardrail(
        share,
        routing["WaitIntervalInSeconds"] if share < 1 else 0,
        policy.get("TerminationWaitInSeconds", 0),
        policy.get("MaximumExecutionTimeoutInSeconds", MOST_SECONDS),
        alarms,
        model["ExecutionRoleArn"],
        region_of(endpoint_arn),
    )
    if guardrail.wait_seconds + guardrail.termination_seconds >= guardrail.most_seconds:
        raise invalid(
            "MaximumExecutionTimeoutInSeconds must be larger than WaitIntervalInSeconds and TerminationWaitInSeconds "
            "together."
        )
    check_alarms(guardrail)
    return guardrail


def canary_share(routing: dict[str, Any], variant: dict[str, Any]) -> float:
    """Return the share of the requests that a canary of a variant gets, 1 without a canary.

    Raises:
        ServiceError: ValidationException, when it is missing or more than half of the variant's instances.
    """
    if routing["Type"] == "ALL_AT_ONCE":
        return 1.0
    if "CanarySize" not in routing:
        raise invalid("CanarySize is required for the traffic routing type CANARY.")
    size, instances = routing["CanarySize"], variant["InitialInstanceCount"]
    is_number = size["Type"] == "INSTANCE_COUNT"
    number = size["Value"] if is_number else math.ceil(instances * size["Value"] / 100)
    if number > instances / 2:
        raise invalid(
            f"CanarySize must be at most 50% of the {instances} instances of variant {variant['VariantName']}."
        )
    return float(number / instances)


def check_variants(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuse a guarded update that changes the names of the variants.

    Raises:
        ServiceError: ValidationException.
    """
    names = [{variant["VariantName"] for variant in config["ProductionVariants"]} for config in (old, new)]
    if names[0] != names[1]:
        raise invalid("An update with a DeploymentConfig must keep the names of the production variants.")


def check_alarms(guardrail: Guardrail) -> None:
    """Refuse alarms that do not exist.

    Raises:
        ServiceError: ValidationException.
    """
    try:
        found = {alarm["AlarmName"] for alarm in described(guardrail.alarms, guardrail.role_arn, guardrail.region)}
    except ClientError as err:
        raise invalid(f"The alarms of AutoRollbackConfiguration cannot be read: {err}") from err
    if missing := [name for name in guardrail.alarms if name not in found]:
        raise invalid(f"The alarm {missing[0]} of AutoRollbackConfiguration does not exist.")


def described(alarms: tuple[str, ...], role_arn: str, region: str) -> list[dict[str, Any]]:
    """Return the alarms that exist, read as the model's role."""
    if not alarms:
        return []
    client = roles.client("cloudwatch", role_arn, region)
    found: list[dict[str, Any]] = client.describe_alarms(AlarmNames=list(alarms))["MetricAlarms"]
    return found
