"""The request members that this cloud honours. Others are refused by name: nothing pretends to have worked."""

from collections.abc import Iterator
from typing import Any

from localcloud.sagemaker.errors import ServiceError

# By member: HONOURED, the only values that are honoured, or the same for the member's own members.
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
    "VolumeSizeInGB": HONOURED,  # this machine's disk is used
    "ModelDataDownloadTimeoutInSeconds": HONOURED,  # downloads are local
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
            "ContainerEntrypoint": HONOURED,
            "ContainerArguments": HONOURED,
            "MetricDefinitions": HONOURED,
            "EnableSageMakerMetricsTimeSeries": HONOURED,  # CloudWatch gets every value anyway
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
        "EnableInterContainerTrafficEncryption": HONOURED,  # one container has no traffic
        "ProfilerConfig": {"DisableProfiler": (True,)},
    },
    "ListTrainingJobs": {
        member: HONOURED
        for member in (
            "NextToken",
            "MaxResults",
            "CreationTimeAfter",
            "CreationTimeBefore",
            "LastModifiedTimeAfter",
            "LastModifiedTimeBefore",
            "NameContains",
            "StatusEquals",
            "SortBy",
            "SortOrder",
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
            "ContainerHostname": HONOURED,  # only matters among several containers
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
    "UpdateEndpoint": {
        "EndpointName": HONOURED,
        "EndpointConfigName": HONOURED,
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": ("ALL_AT_ONCE", "CANARY"),
                    "WaitIntervalInSeconds": HONOURED,
                    "CanarySize": HONOURED,
                },
                "TerminationWaitInSeconds": HONOURED,
                "MaximumExecutionTimeoutInSeconds": HONOURED,
            },
            "AutoRollbackConfiguration": {"Alarms": HONOURED},
        },
    },
    "InvokeEndpoint": {
        member: HONOURED
        for member in ("EndpointName", "ContentType", "Accept", "CustomAttributes", "TargetVariant", "InferenceId")
    },
}


def check_emulated(action: str, params: dict[str, Any], code: str = "ValidationException") -> None:
    """Raise a ServiceError that names the first member of a request which would be ignored.

    A member that asks for nothing (false, 0, empty) is treated as absent.
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
