"""What this cloud honours of a request. All else is refused by name: nothing pretends to have worked."""

from collections.abc import Iterator
from typing import Any

from localcloud.sagemaker.errors import ServiceError

# By member: HONOURED as it is, the only values that are, or the same for the member's own members.
HONOURED = None

TRAINING_CHANNEL = {
    "ChannelName": HONOURED,
    "ContentType": HONOURED,
    "InputMode": ("File",),
    "CompressionType": ("None",),
    "RecordWrapperType": ("None",),
    "DataSource": {
        "S3DataSource": {
            "S3DataType": ("S3Prefix",),
            "S3Uri": HONOURED,
            "S3DataDistributionType": HONOURED,  # both are the same on one instance
        }
    },
}
PRODUCTION_VARIANT = {
    "VariantName": HONOURED,
    "ModelName": HONOURED,
    "InstanceType": HONOURED,
    "InitialInstanceCount": HONOURED,  # one process stands for all of them
    "InitialVariantWeight": HONOURED,
    "VolumeSizeInGB": HONOURED,  # the disk of this machine is what there is
    "ModelDataDownloadTimeoutInSeconds": HONOURED,  # nothing is far away
    "ContainerStartupHealthCheckTimeoutInSeconds": HONOURED,
}
EMULATED: dict[str, dict[str, Any]] = {
    "CreateTrainingJob": {
        "TrainingJobName": HONOURED,
        "RoleArn": HONOURED,
        "HyperParameters": HONOURED,
        "Environment": HONOURED,
        "Tags": HONOURED,
        "AlgorithmSpecification": {
            "TrainingImage": HONOURED,
            "TrainingInputMode": ("File",),
            "MetricDefinitions": HONOURED,
            "EnableSageMakerMetricsTimeSeries": HONOURED,  # CloudWatch has every value in any case
        },
        "InputDataConfig": TRAINING_CHANNEL,
        "OutputDataConfig": {"S3OutputPath": HONOURED, "CompressionType": ("GZIP",)},
        "ResourceConfig": {"InstanceType": HONOURED, "InstanceCount": (1,), "VolumeSizeInGB": HONOURED},
        "StoppingCondition": {
            "MaxRuntimeInSeconds": HONOURED,
            "MaxWaitTimeInSeconds": HONOURED,
            "MaxPendingTimeInSeconds": HONOURED,  # nothing is ever pending
        },
        "EnableManagedSpotTraining": HONOURED,
        "EnableInterContainerTrafficEncryption": HONOURED,  # there is no traffic between one container
        "ProfilerConfig": {"DisableProfiler": (True,)},
    },
    "ListTrainingJobs": {
        member: HONOURED
        for member in (
            "NextToken", "MaxResults", "CreationTimeAfter", "CreationTimeBefore", "LastModifiedTimeAfter",
            "LastModifiedTimeBefore", "NameContains", "StatusEquals", "SortBy", "SortOrder",
        )
    },
    "CreateModel": {
        "ModelName": HONOURED,
        "ExecutionRoleArn": HONOURED,
        "Tags": HONOURED,
        "PrimaryContainer": {
            "Image": HONOURED,
            "ModelDataUrl": HONOURED,
            "Environment": HONOURED,
            "ContainerHostname": HONOURED,  # it names one of several
            "Mode": ("SingleModel",),
        },
    },
    "CreateEndpointConfig": {
        "EndpointConfigName": HONOURED,
        "Tags": HONOURED,
        "ProductionVariants": PRODUCTION_VARIANT,
        "DataCaptureConfig": {
            "EnableCapture": HONOURED,
            "InitialSamplingPercentage": HONOURED,
            "DestinationS3Uri": HONOURED,
            "CaptureOptions": HONOURED,
            "CaptureContentTypeHeader": HONOURED,
        },
    },
    "CreateEndpoint": {"EndpointName": HONOURED, "EndpointConfigName": HONOURED, "Tags": HONOURED},
    "UpdateEndpoint": {"EndpointName": HONOURED, "EndpointConfigName": HONOURED},
    "InvokeEndpoint": {
        member: HONOURED
        for member in ("EndpointName", "ContentType", "Accept", "CustomAttributes", "TargetVariant", "InferenceId")
    },
}  # fmt: skip


def check_emulated(action: str, params: dict[str, Any], code: str = "ValidationException") -> None:
    """Raise a ServiceError that names the first member of a request which would be ignored.

    A member that asks for nothing (false, 0, empty) is as good as none.
    """
    for problem in problems(params, EMULATED.get(action, HONOURED), ""):
        raise ServiceError(code, f"The local cloud does not emulate {problem} of {action}.")


def problems(value: Any, emulated: Any, path: str) -> Iterator[str]:
    if isinstance(emulated, tuple) and value not in emulated:
        yield f"{path} {value!r} (only {', '.join(map(repr, emulated))})"
    if not isinstance(emulated, dict):
        return
    for one in value if isinstance(value, list) else [value]:
        for name, member in one.items():
            member_path = f"{path}.{name}" if path else name
            if name in emulated:
                yield from problems(member, emulated[name], member_path)
            elif member:
                yield member_path
