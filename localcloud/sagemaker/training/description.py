"""What DescribeTrainingJob says of a request: all that was given, and AWS's defaults for what was not."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from localcloud.sagemaker.store import Resource
from localcloud.sagemaker.validation import service_model

DEFAULT_MAX_RUNTIME = 86_400  # seconds
SWITCHES = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")
NOT_EVALUATED = "The local cloud does not evaluate rules."
RULES = {  # the member of a request -> what becomes of its rules
    "DebugRuleConfigurations": "DebugRuleEvaluationStatuses",
    "ProfilerRuleConfigurations": "ProfilerRuleEvaluationStatuses",
}


def described(params: dict[str, Any], definitions: Mapping[str, str], created: float) -> Resource:
    """Return the members of a request as the description has them.

    The defaults are those of recorded descriptions; `Estimator.attach` and `training_job_analytics` of the SDK need
    them.

    Args:
        definitions: Regular expressions by the names of the metrics: a built-in algorithm describes its own.
        created: Seconds since 1970.
    """
    given = {name: value for name, value in params.items() if name in described_members()}
    return {
        **dict.fromkeys(SWITCHES, False),
        **given,
        "AlgorithmSpecification": described_algorithm(given["AlgorithmSpecification"], definitions),
        "InputDataConfig": [described_channel(channel) for channel in given.get("InputDataConfig", [])],
        "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP", **given["OutputDataConfig"]},
        "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME, **given["StoppingCondition"]},
        **unevaluated_rules(given, created),
        **({"ProfilingStatus": "Disabled"} if "ProfilerConfig" in given else {}),
    }


@cache
def described_members() -> frozenset[str]:
    shape = service_model("sagemaker").operation_model("DescribeTrainingJob").output_shape
    return frozenset(shape.members if shape else ())


def described_algorithm(specification: dict[str, Any], definitions: Mapping[str, str]) -> dict[str, Any]:
    metrics = [{"Name": name, "Regex": regex} for name, regex in definitions.items()]
    return {
        "EnableSageMakerMetricsTimeSeries": bool(metrics),
        **specification,
        **({"MetricDefinitions": metrics} if metrics else {}),
    }


def described_channel(channel: dict[str, Any]) -> dict[str, Any]:
    source = {"S3DataDistributionType": "FullyReplicated", **channel["DataSource"]["S3DataSource"]}
    return {
        "CompressionType": "None",
        "RecordWrapperType": "None",
        **channel,
        "DataSource": {"S3DataSource": source},
    }


def unevaluated_rules(given: dict[str, Any], created: float) -> dict[str, Any]:
    """Return a final status for each rule: clients wait for it, and none of the others would be true."""
    status = {"RuleEvaluationStatus": "Stopped", "StatusDetails": NOT_EVALUATED, "LastModifiedTime": created}
    return {
        statuses: [{"RuleConfigurationName": rule["RuleConfigurationName"], **status} for rule in given[rules]]
        for rules, statuses in RULES.items()
        if rules in given
    }
