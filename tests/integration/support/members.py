"""The members of requests that are taken and described, but that nothing here follows."""

from dataclasses import dataclass
from typing import Any

ENCRYPTION = ("KmsKeyId of outputs, volumes, captures and instances", "nothing is encrypted, no key need exist")
DEBUGGER = (
    "DebugHookConfig, DebugRuleConfigurations, ProfilerConfig, ProfilerRuleConfigurations, TensorBoardOutputConfig",
    "nothing is saved or profiled: ProfilingStatus is Disabled, and each rule's status is Stopped",
)
EXPERIMENT = ("ExperimentConfig", "the job joins no experiment, and the experiment need not exist")
RETRY = ("RetryStrategy", "there are no failures of AWS's own to try again after")
MACHINE = (
    "members about instances, volumes, networks and images: VolumeSizeInGB, S3DataDistributionType, "
    "MaxPendingTimeInSeconds, EnableInterContainerTrafficEncryption, ModelDataDownloadTimeoutInSeconds, RoutingConfig, "
    "ContainerHostname",
    "one process on this machine stands for all instances",
)
METRICS = ("EnableSageMakerMetricsTimeSeries", "CloudWatch gets every value of a metric anyway")


@dataclass(frozen=True)
class Member:
    """A member of a request without effect."""

    action: str
    path: str  # through lists: of their only item
    value: Any
    reason: tuple[str, str]  # the members of the same kind; what does not happen

    @property
    def ledger_line(self) -> tuple[str, str, str, str]:
        members, note = self.reason
        return "SageMaker", f"returned by the Describe calls: {members}", "approximate", f"without effect: {note}"


RULE = {"RuleConfigurationName": "rule", "RuleEvaluatorImage": "i", "RuleParameters": {"rule_to_invoke": "Report"}}
OUTPUT = "s3://bucket/debugger"
JOB, MODEL, CONFIG = "CreateTrainingJob", "CreateModel", "CreateEndpointConfig"
PROCESSING, CLUSTER = "CreateProcessingJob", "ProcessingResources.ClusterConfig"
SOURCE, VARIANT = "InputDataConfig.DataSource.S3DataSource", "ProductionVariants"
MEMBERS = [
    Member(JOB, f"{SOURCE}.S3DataDistributionType", "ShardedByS3Key", MACHINE),
    Member(JOB, "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries", True, METRICS),
    Member(JOB, "OutputDataConfig.KmsKeyId", "alias/output", ENCRYPTION),
    Member(JOB, "ResourceConfig.VolumeSizeInGB", 7, MACHINE),
    Member(JOB, "ResourceConfig.VolumeKmsKeyId", "alias/volume", ENCRYPTION),
    Member(JOB, "StoppingCondition.MaxPendingTimeInSeconds", 7200, MACHINE),
    Member(JOB, "EnableInterContainerTrafficEncryption", True, MACHINE),
    Member(JOB, "DebugHookConfig", {"S3OutputPath": OUTPUT, "CollectionConfigurations": []}, DEBUGGER),
    Member(JOB, "DebugRuleConfigurations", [RULE], DEBUGGER),
    Member(JOB, "ProfilerConfig", {"S3OutputPath": OUTPUT, "ProfilingIntervalInMilliseconds": 500}, DEBUGGER),
    Member(JOB, "ProfilerRuleConfigurations", [RULE | {"VolumeSizeInGB": 0}], DEBUGGER),
    Member(JOB, "TensorBoardOutputConfig", {"S3OutputPath": OUTPUT, "LocalPath": "/opt/ml/tb"}, DEBUGGER),
    Member(JOB, "ExperimentConfig", {"ExperimentName": "e", "TrialName": "t", "RunName": "r"}, EXPERIMENT),
    Member(JOB, "RetryStrategy", {"MaximumRetryAttempts": 2}, RETRY),
    Member(PROCESSING, "ProcessingInputs.S3Input.S3DataDistributionType", "ShardedByS3Key", MACHINE),
    Member(PROCESSING, "ProcessingOutputConfig.KmsKeyId", "alias/output", ENCRYPTION),
    Member(PROCESSING, f"{CLUSTER}.VolumeSizeInGB", 7, MACHINE),
    Member(PROCESSING, f"{CLUSTER}.VolumeKmsKeyId", "alias/volume", ENCRYPTION),
    Member(PROCESSING, "ExperimentConfig", {"ExperimentName": "e", "TrialName": "t", "RunName": "r"}, EXPERIMENT),
    Member(MODEL, "PrimaryContainer.ContainerHostname", "first", MACHINE),
    Member(CONFIG, f"{VARIANT}.VolumeSizeInGB", 7, MACHINE),
    Member(CONFIG, f"{VARIANT}.ModelDataDownloadTimeoutInSeconds", 700, MACHINE),
    Member(CONFIG, f"{VARIANT}.RoutingConfig", {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}, MACHINE),
    Member(CONFIG, "DataCaptureConfig.KmsKeyId", "alias/capture", ENCRYPTION),
    Member(CONFIG, "KmsKeyId", "alias/endpoint", ENCRYPTION),
]


def members_of(action: str) -> list[Member]:
    return [member for member in MEMBERS if member.action == action]


def with_members(request: dict[str, Any], action: str) -> dict[str, Any]:
    """Return a request with all these members; those that it has are replaced."""
    for member in members_of(action):
        parent, _, name = member.path.rpartition(".")
        at(request, parent)[name] = member.value
    return request


def at(request: Any, path: str) -> Any:
    """Return what a path leads to, made where it is missing."""
    for name in filter(None, path.split(".")):
        request = request.setdefault(name, {})
        request = request[0] if isinstance(request, list) else request
    return request


def value_at(description: Any, path: str) -> Any:
    """Return a member of a description."""
    parent, _, name = path.rpartition(".")
    return at(description, parent)[name]
