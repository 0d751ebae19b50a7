"""Whether the account may start the instances: SageMaker's quotas, which new accounts often have at 0.

SageMaker counts the instances of a type that run at once, for training jobs and for endpoints apart. Service Quotas
names the quotas after the instance type, which has no code of its own that could be known beforehand.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.preflight.check import UNANSWERED, Check, not_checked, passed, problem

if TYPE_CHECKING:
    from mypy_boto3_service_quotas import ServiceQuotasClient

TRAINING = "training job usage"
ENDPOINT = "endpoint usage"
NAME = re.compile(rf"(ml\.[a-z0-9-]+\.[a-z0-9]+) for ({TRAINING}|{ENDPOINT})")
X86 = re.compile(r"ml\.(m5|m6i|m7i|c5|c6i|c7i|t2|t3|g4dn|g5)\.(medium|large|x?large|2xlarge)")  # offered instead
OFFERED = 4
CONSOLE = "https://console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas"

Quotas = Mapping[str, tuple[str, float]]  # code and value by the quota's name


@dataclass(frozen=True)
class Need:
    """Instances that a run starts."""

    usage: str  # TRAINING or ENDPOINT
    instance_type: str
    instances: int
    option: str  # that chooses another type
    reason: str = ""  # for more instances than the user has asked for

    @property
    def quota_name(self) -> str:
        return f"{self.instance_type} for {self.usage}"


def check_quotas(client: "ServiceQuotasClient", region: str, needs: list[Need]) -> list[Check]:
    """Return a check for each need."""
    try:
        quotas = read_quotas(client, {need.quota_name for need in needs})
    except UNANSWERED as err:
        return [not_checked("quotas of instances", err)]
    return [judge(quotas, region, need) for need in needs]


def read_quotas(client: "ServiceQuotasClient", wanted: set[str]) -> Quotas:
    """Return the quotas of instances: those of the account, and AWS's defaults for those that have no value of its own.

    The list of the account lacks the quotas for which only the default is known.
    """
    found = listed(client, "list_service_quotas")
    if wanted <= found.keys():
        return found
    return {**listed(client, "list_aws_default_service_quotas"), **found}


def listed(client: "ServiceQuotasClient", operation: str) -> dict[str, tuple[str, float]]:
    """Return the quotas of instances that an operation lists."""
    paginator: Any = client.get_paginator(operation)  # type: ignore[call-overload]  # the overloads name one each
    pages = paginator.paginate(ServiceCode="sagemaker", PaginationConfig={"PageSize": 100})
    quotas = (quota for page in pages for quota in page["Quotas"])
    return {
        quota["QuotaName"]: (quota["QuotaCode"], quota["Value"])
        for quota in quotas
        if NAME.fullmatch(quota.get("QuotaName", "")) and "Value" in quota
    }


def judge(quotas: Quotas, region: str, need: Need) -> Check:
    """Return whether a quota is enough for a need; what already runs is not known here and counts against it too."""
    subject = f"quota of the {'endpoint' if need.usage == ENDPOINT else 'training job'}"
    if need.quota_name not in quotas:
        return not_checked(subject, f"none is called {need.quota_name}: AWS may not offer that instance type there")
    code, value = quotas[need.quota_name]
    if value >= need.instances:
        return passed(subject, f"{value:g} {need.quota_name}, {need.instances} needed")
    because = f" ({need.reason})" if need.reason else ""
    finding = f"{value:g} {need.quota_name}, but {need.instances} needed{because}"
    return problem(subject, finding, remedy(quotas, region, need, code))


def remedy(quotas: Quotas, region: str, need: Need, code: str) -> str:
    """Return what to do about a quota that is too small: another type that the account has, or a request."""
    request = (
        f"request more with `aws service-quotas request-service-quota-increase --service-code sagemaker "
        f"--quota-code {code} --desired-value {need.instances} --region {region}` and wait for AWS's approval"
    )
    others = [
        name.partition(" ")[0]
        for name, (_, value) in sorted(quotas.items(), key=lambda item: (-item[1][1], item[0]))
        if name.endswith(f" {need.usage}") and X86.match(name) and value >= need.instances
    ]
    if not others:
        return request
    return f"take one that this account may start ({need.option} {' or '.join(others[:OFFERED])}), or {request}"
