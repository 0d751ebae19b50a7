"""What every step works with: the stack, the run's directory, the console and the clients of AWS."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.config import STACK_TAG, Stack, candidate_name

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.config import Config
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient
    from rich.console import Console


class Clients:
    """The clients of AWS, each made when a step first asks for it.

    Example:
        context.clients.s3.get_object(Bucket=context.stack.bucket, Key=key)
    """

    def __init__(self, session: "Session") -> None:
        self.session = session  # for the resources of sagemaker.core, which make their own clients

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return self.session.client("cloudformation", config=client_config())

    @cached_property
    def s3(self) -> "S3Client":
        return self.session.client("s3", config=client_config())

    @cached_property
    def sagemaker(self) -> "SageMakerClient":
        return self.session.client("sagemaker", config=client_config())

    @cached_property
    def sagemaker_runtime(self) -> "SageMakerRuntimeClient":
        return self.session.client("sagemaker-runtime", config=client_config())

    @cached_property
    def lambda_(self) -> "LambdaClient":
        return self.session.client("lambda", config=client_config())

    @cached_property
    def stepfunctions(self) -> "SFNClient":
        return self.session.client("stepfunctions", config=client_config())

    @cached_property
    def scheduler(self) -> "EventBridgeSchedulerClient":
        return self.session.client("scheduler", config=client_config())

    @cached_property
    def autoscaling(self) -> "ApplicationAutoScalingClient":
        return self.session.client("application-autoscaling", config=client_config())

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        return self.session.client("cloudwatch", config=client_config())

    @cached_property
    def sns(self) -> Any:  # its stubs are not installed: one call is made
        return self.session.client("sns", config=client_config())

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        return self.session.client("logs", config=client_config())

    @cached_property
    def iam(self) -> "IAMClient":
        return self.session.client("iam", config=client_config())

    @cached_property
    def sts(self) -> "STSClient":
        return self.session.client("sts", config=client_config())

    @cached_property
    def service_quotas(self) -> "ServiceQuotasClient":
        return self.session.client("service-quotas", config=client_config())


def client_config() -> "Config":
    """Return the configuration of a client that several threads share and that AWS may throttle."""
    from botocore.config import Config

    return Config(max_pool_connections=16, retries={"mode": "standard", "total_max_attempts": 8})


@dataclass(frozen=True)
class Context:
    """What every step works with."""

    stack: Stack
    directory: Path  # runs/<stack name>
    console: "Console"
    clients: Clients

    def tags_of(self, arn: str) -> dict[str, str]:
        """Return the tags of a SageMaker resource; it has at most 50, which is one page."""
        return {tag["Key"]: tag["Value"] for tag in self.clients.sagemaker.list_tags(ResourceArn=arn)["Tags"]}

    def owner_of(self, arn: str) -> str | None:
        """Return the stack that made a SageMaker resource, by its tag; None when no stack did."""
        return self.tags_of(arn).get(STACK_TAG)

    def owns(self, arn: str) -> bool:
        """Tell whether this stack made the resource: the name of another stack may begin with ours."""
        return self.is_ours(self.tags_of(arn))

    def is_ours(self, tags: Mapping[str, str]) -> bool:
        """Tell whether tags are those of a resource that this stack made."""
        return tags.get(STACK_TAG) == self.stack.name


def sdk_arguments(context: Context) -> dict[str, Any]:
    """Return the arguments that every call of sagemaker.core takes."""
    return {"session": context.clients.session, "region": context.stack.region}


def of_candidate(context: Context) -> Context:
    """Return the context of a stack whose endpoint is the candidate."""
    name = candidate_name(context.stack.endpoint_name)
    return replace(context, stack=replace(context.stack, endpoint_name=name))
