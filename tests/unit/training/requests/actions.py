"""Which actions IAM asks for when a request arrives, as in the Service Authorization Reference."""

from typing import Any

NAMESPACES = {"stepfunctions": "states", "sagemaker-runtime": "sagemaker", "service-quotas": "servicequotas"}
S3 = {
    "HeadObject": "s3:GetObject",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListObjectsV2": "s3:ListBucket",
}
PASSES_A_ROLE = ("CreateTrainingJob", "CreateModel", "CreateSchedule", "UpdateSchedule")
ANYBODY = ("sts:GetCallerIdentity",)  # IAM never asks


def actions_of(service: str, operation: str, parameters: dict[str, Any]) -> set[str]:
    """Return the actions that a request needs."""
    if service == "s3" and operation == "DeleteObjects":
        has_versions = any("VersionId" in one for one in parameters["Delete"]["Objects"])
        return {"s3:DeleteObjectVersion" if has_versions else "s3:DeleteObject"}
    if service == "s3" and operation in S3:
        return {S3[operation]}
    if service == "lambda" and operation == "Invoke":
        return {"lambda:InvokeFunction"}
    needed = {f"{NAMESPACES.get(service, service)}:{operation}"} - {*ANYBODY}
    if service == "sagemaker" and operation.startswith("Create") and parameters.get("Tags"):
        needed.add("sagemaker:AddTags")
    if operation in PASSES_A_ROLE:
        needed.add("iam:PassRole")
    return needed
