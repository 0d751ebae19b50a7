"""Whether the number of instances can be left to the requests."""

from typing import TYPE_CHECKING

from training.options import Instances
from training.preflight.check import UNANSWERED, Check, passed, problem, words_of
from training.scaling import is_range, target, text_of

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient


def check_scaling(client: "ApplicationAutoScalingClient", endpoint_name: str, instances: Instances) -> list[Check]:
    """Return the check of Application Auto Scaling, none for a fixed number of instances."""
    if not is_range(instances):
        return []
    subject, scaled = "scaling", target(endpoint_name)
    try:
        client.describe_scalable_targets(
            ServiceNamespace=scaled["ServiceNamespace"], ResourceIds=[scaled["ResourceId"]]
        )
    except UNANSWERED as err:
        remedy = f"have your policies allow application-autoscaling, or give one number: --instances {instances[0]}"
        return [problem(subject, f"{words_of(err)} (needed for --instances {text_of(instances)})", remedy)]
    return [passed(subject, f"Application Auto Scaling answers; {text_of(instances)} instances")]
