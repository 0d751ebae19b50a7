"""Write `localcloud/corrections/managed_policies.json`: AWS's managed policies that the local AWS carries.

    make policies

The source is moto, a dependency of the tests, which publishes what `aws iam list-policies --scope AWS` and
`get-policy-version` returned, under the Apache License 2.0. Its literal of 4.7 MB is read here and never by the local
AWS: that gets the content of CARRIED, which users of this application may attach, and the names of all others.
"""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

TARGET = Path(__file__).parents[1] / "localcloud/corrections/managed_policies.json"
CARRIED = """
AWSBillingReadOnlyAccess AWSCloudFormationFullAccess AWSCloudFormationReadOnlyAccess AWSCodeDeployRoleForLambda
AWSCodeDeployRoleForLambdaLimited AWSKeyManagementServicePowerUser AWSLambdaBasicExecutionRole
AWSLambdaDynamoDBExecutionRole AWSLambdaENIManagementAccess AWSLambdaExecute AWSLambdaKinesisExecutionRole
AWSLambdaRole AWSLambdaSQSQueueExecutionRole AWSLambdaVPCAccessExecutionRole AWSLambda_FullAccess
AWSLambda_ReadOnlyAccess AWSPriceListServiceFullAccess AWSStepFunctionsConsoleFullAccess AWSStepFunctionsFullAccess
AWSStepFunctionsReadOnlyAccess AWSXRayDaemonWriteAccess AWSXrayFullAccess AWSXrayReadOnlyAccess AWSXrayWriteOnlyAccess
AdministratorAccess AmazonAPIGatewayAdministrator AmazonAPIGatewayInvokeFullAccess AmazonAPIGatewayPushToCloudWatchLogs
AmazonAthenaFullAccess AmazonDynamoDBFullAccess AmazonDynamoDBReadOnlyAccess AmazonEC2ContainerRegistryFullAccess
AmazonEC2ContainerRegistryPowerUser AmazonEC2ContainerRegistryReadOnly AmazonECSTaskExecutionRolePolicy
AmazonEventBridgeFullAccess AmazonEventBridgePipesFullAccess AmazonEventBridgeReadOnlyAccess
AmazonEventBridgeSchedulerFullAccess AmazonEventBridgeSchedulerReadOnlyAccess AmazonRekognitionFullAccess
AmazonRekognitionReadOnlyAccess AmazonS3FullAccess AmazonS3ReadOnlyAccess AmazonSNSFullAccess AmazonSNSReadOnlyAccess
AmazonSQSFullAccess AmazonSQSReadOnlyAccess AmazonSSMFullAccess AmazonSSMReadOnlyAccess AmazonSageMakerCanvasFullAccess
AmazonSageMakerFeatureStoreAccess AmazonSageMakerFullAccess AmazonSageMakerGroundTruthExecution
AmazonSageMakerModelRegistryFullAccess AmazonSageMakerPipelinesIntegrations AmazonSageMakerReadOnly Billing
CloudWatchAgentServerPolicy CloudWatchEventsBuiltInTargetExecutionAccess CloudWatchEventsFullAccess
CloudWatchEventsInvocationAccess CloudWatchEventsReadOnlyAccess CloudWatchFullAccess CloudWatchFullAccessV2
CloudWatchLambdaApplicationSignalsExecutionRolePolicy CloudWatchLambdaInsightsExecutionRolePolicy
CloudWatchLogsFullAccess CloudWatchLogsReadOnlyAccess CloudWatchReadOnlyAccess DataScientist IAMFullAccess
IAMReadOnlyAccess IAMUserChangePassword PowerUserAccess ReadOnlyAccess SecretsManagerReadWrite
ServiceQuotasFullAccess ServiceQuotasReadOnlyAccess
""".split()


def main() -> None:
    """Write the file and say what it holds."""
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    carried = {path_of(policies, name): carried_members(policies[name]) for name in CARRIED}
    others = sorted(path_of(policies, name) for name in policies.keys() - set(CARRIED))
    newest = max(policy.get("UpdateDate", policy["CreateDate"]) for policy in policies.values())
    source = f"moto {metadata.version('moto')}, Apache License 2.0; AWS's newest change in it is of {newest[:10]}"
    TARGET.write_text(page(source, carried, others))
    print(f"{TARGET.name}: {len(carried)} policies and the names of {len(others)} others, from {source}.")


def path_of(policies: dict[str, Any], name: str) -> str:
    """Return what follows `arn:aws:iam::aws:policy/` in a policy's ARN."""
    return f"{policies[name]['Path']}{name}".lstrip("/")


def carried_members(policy: dict[str, Any]) -> dict[str, Any]:
    return {name: policy[name] for name in ("CreateDate", "UpdateDate", "DefaultVersionId", "Document")}


def page(source: str, carried: dict[str, Any], others: list[str]) -> str:
    """Return a JSON object with one policy a line, so that a change of AWS's shows as a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(carried[name], separators=(',', ':'))}" for name in sorted(carried)]
    names = ",\n".join(json.dumps(name) for name in others)
    policies = ",\n".join(lines)
    return f'{{"source": {json.dumps(source)},\n"policies": {{\n{policies}\n}},\n"others": [\n{names}\n]}}\n'


if __name__ == "__main__":
    main()
