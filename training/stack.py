"""Reads the outputs of the deployed CloudFormation stack."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, NoCredentialsError

from training.config import Stack
from training.errors import StackError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

DEPLOY = "`sam build && sam deploy --guided`, or `make run` to try it on this machine"
MISSING_CREDENTIALS = f"No AWS credentials were found: configure them (`aws configure`) and run {DEPLOY}."


def describe(cloudformation: "CloudFormationClient", name: str) -> Stack:
    """Return the outputs of the stack `name`.

    Raises:
        StackError: There are no credentials, no such stack, or it lacks an output; the message says what to run.
    """
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except NoCredentialsError as err:
        raise StackError(MISSING_CREDENTIALS) from err
    except ClientError as err:
        if "does not exist" not in str(err):
            raise StackError(f"The stack {name} cannot be read: {err}") from err
        raise StackError(f"There is no stack {name} in {cloudformation.meta.region_name}: run {DEPLOY}.") from err
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    try:
        return Stack(
            name=name,
            region=cloudformation.meta.region_name,
            bucket=outputs["BucketName"],
            execution_role_arn=outputs["SageMakerRoleArn"],
            endpoint_name=outputs["Endpoint"],
            state_machine_arn=outputs["StateMachineArn"],
            confidence_threshold=float(outputs["Threshold"]),
            # Only deploy, batch and traffic need them: cleanup must work on a stack of an older template.
            expiry_role_arn=outputs.get("ExpiryRoleArn", ""),
            batch_machine_arn=outputs.get("BatchStateMachineArn", ""),
            upload_machine_arn=outputs.get("UploadStateMachineArn", ""),
            watch_role_arn=outputs.get("WatchRoleArn", ""),
            alert_topic_arn=outputs.get("AlertTopicArn", ""),
        )
    except KeyError as err:
        status = found["StackStatus"]
        raise StackError(
            f"The stack {name} ({status}) has no output {err}: deploy this template with {DEPLOY}."
        ) from err
