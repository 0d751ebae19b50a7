"""The policies of permissions.yaml, and which of them a step has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[4]
STEPS_POLICIES = ("trainPolicy", "servePolicy", "scalePolicy", "batchPolicy", "reviewPolicy", "watchPolicy")
POLICIES_OF = {  # a step's; status and cleanup need all three
    **dict.fromkeys(("stage", "train", "train again"), ("trainPolicy",)),
    **dict.fromkeys(("deploy", "threshold", "test", "monitor"), ("servePolicy",)),
    **dict.fromkeys(("batch", "batch again"), ("servePolicy", "batchPolicy")),
    **dict.fromkeys(("traffic", "traffic through uploads"), ("servePolicy", "batchPolicy")),
    "review": ("servePolicy", "reviewPolicy"),
    "schedule": ("servePolicy", "watchPolicy"),
    "end the schedule": ("servePolicy", "watchPolicy"),
    "schedule again": ("servePolicy", "watchPolicy"),
    "deploy under a schedule": ("servePolicy", "scalePolicy", "watchPolicy"),
    "test again": ("servePolicy",),
    **dict.fromkeys(("deploy again", "deploy with two"), ("servePolicy", "scalePolicy")),
}
NOT_IN_EVERY_RUN = {
    "servicequotas:ListAWSDefaultServiceQuotas": "for an account without values of its own",
    "sagemaker:UpdateEndpointWeightsAndCapacities": "Application Auto Scaling asks for what it will do",
    "iam:CreateServiceLinkedRole": "Application Auto Scaling, for the first scaled endpoint of an account",
}
ENCRYPTION = {"EncryptVariablesAndLogs", "EncryptObjects"}  # statements that the parameter KmsKeyArn adds


def statements(policy: str) -> Iterator[dict[str, Any]]:
    """Yield the statements of a policy of permissions.yaml, also those that a parameter adds."""
    resources = yaml_parse((ROOT / "permissions.yaml").read_text())["Resources"]
    for statement in resources[policy]["Properties"]["PolicyDocument"]["Statement"]:
        yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def actions(policy: str) -> set[str]:
    """Return the actions of a policy without a key."""
    found = [one["Action"] for one in statements(policy) if one["Sid"] not in ENCRYPTION]
    return {action for one in found for action in ([one] if isinstance(one, str) else one)}
