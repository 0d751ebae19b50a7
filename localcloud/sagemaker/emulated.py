"""The request members that this cloud takes. Others are refused by name: nothing pretends to have worked."""

from collections.abc import Iterator
from typing import Any

from localcloud.sagemaker.errors import ServiceError

# By member: HONOURED, WITHOUT_EFFECT, the only values that are honoured, or the same for the member's own members.
HONOURED = None
WITHOUT_EFFECT = True  # taken and described, but nothing here follows it; the ledger has a line for each

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
            "S3DataDistributionType": WITHOUT_EFFECT,  # both are the same on one instance
        }
    },
}
PRODUCTION_VARIANT = {
    "VariantName": HONOURED,
    "ModelName": HONOURED,
    "InstanceType": HONOURED,
    "InitialInstanceCount": HONOURED,  # one process stands for all of them
    "InitialVariantWeight": HONOURED,
    "VolumeSizeInGB": WITHOUT_EFFECT,  # this machine's disk is used
    "ModelDataDownloadTimeoutInSeconds": WITHOUT_EFFECT,  # downloads are local
    "ContainerStartupHealthCheckTimeoutInSeconds": HONOURED,
    "RoutingConfig": WITHOUT_EFFECT,  # there is one process to route to
}
JOB_FILTERS: dict[str, Any] = dict.fromkeys(
    (
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
    ),
    HONOURED,
)
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
            "EnableSageMakerMetricsTimeSeries": WITHOUT_EFFECT,  # CloudWatch gets every value anyway
            "TrainingImageConfig": {"TrainingRepositoryAccessMode": ("Platform",)},
        },
        "InputDataConfig": TRAINING_CHANNEL,
        "OutputDataConfig": {
            "S3OutputPath": HONOURED,
            "CompressionType": ("GZIP",),
            "KmsKeyId": WITHOUT_EFFECT,  # there is no KMS here
        },
        "ResourceConfig": {
            "InstanceType": HONOURED,
            "InstanceCount": (1,),
            "VolumeSizeInGB": WITHOUT_EFFECT,
            "VolumeKmsKeyId": WITHOUT_EFFECT,
        },
        "StoppingCondition": {
            "MaxRuntimeInSeconds": HONOURED,
            "MaxWaitTimeInSeconds": HONOURED,
            "MaxPendingTimeInSeconds": WITHOUT_EFFECT,  # nothing is ever pending
        },
        "EnableManagedSpotTraining": HONOURED,
        "EnableInterContainerTrafficEncryption": WITHOUT_EFFECT,  # one container has no traffic
        # What the SageMaker SDK 2 sends by default or for an argument of its Estimator.
        "DebugHookConfig": WITHOUT_EFFECT,
        "DebugRuleConfigurations": WITHOUT_EFFECT,
        "ProfilerConfig": WITHOUT_EFFECT,
        "ProfilerRuleConfigurations": WITHOUT_EFFECT,
        "TensorBoardOutputConfig": WITHOUT_EFFECT,
        "ExperimentConfig": WITHOUT_EFFECT,
        "RetryStrategy": WITHOUT_EFFECT,  # for AWS's own failures
    },
    "ListTrainingJobs": JOB_FILTERS,
    "CreateProcessingJob": {
        "ProcessingJobName": HONOURED,
        "RoleArn": HONOURED,
        "Environment": HONOURED,
        "Tags": HONOURED,
        "AppSpecification": HONOURED,
        "ProcessingInputs": {
            "InputName": HONOURED,
            "S3Input": {
                "S3Uri": HONOURED,
                "LocalPath": HONOURED,
                "S3DataType": ("S3Prefix",),
                "S3InputMode": ("File",),
                "S3CompressionType": ("None",),
                "S3DataDistributionType": WITHOUT_EFFECT,  # both are the same on one instance
            },
        },
        "ProcessingOutputConfig": {
            "Outputs": {
                "OutputName": HONOURED,
                "S3Output": {"S3Uri": HONOURED, "LocalPath": HONOURED, "S3UploadMode": ("EndOfJob",)},
            },
            "KmsKeyId": WITHOUT_EFFECT,
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": HONOURED,
                "InstanceCount": (1,),
                "VolumeSizeInGB": WITHOUT_EFFECT,
                "VolumeKmsKeyId": WITHOUT_EFFECT,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": HONOURED},
        "ExperimentConfig": WITHOUT_EFFECT,
    },
    "ListProcessingJobs": JOB_FILTERS,
    "CreateModel": {
        "ModelName": HONOURED,
        "ExecutionRoleArn": HONOURED,
        "Tags": HONOURED,
        "PrimaryContainer": {
            "Image": HONOURED,
            "ModelDataUrl": HONOURED,
            "Environment": HONOURED,
            "ContainerHostname": WITHOUT_EFFECT,  # only matters among several containers
            "Mode": ("SingleModel",),
            "ImageConfig": {"RepositoryAccessMode": ("Platform",)},
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
            "KmsKeyId": WITHOUT_EFFECT,
        },
        "KmsKeyId": WITHOUT_EFFECT,
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
            elif asks(member):
                yield member_path


def asks(member: Any) -> bool:
    """Return whether a member asks for anything: `{"EnableRemoteDebug": False}` does not."""
    members = member.values() if isinstance(member, dict) else member
    return any(map(asks, members)) if isinstance(member, dict | list) else bool(member)
