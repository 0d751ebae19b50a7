"""All versions of the objects under a prefix of a bucket: counted, and deleted."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from training.errors import CleanupError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def object_versions(bucket: str, prefix: str, s3: "S3Client") -> Iterator[list[Any]]:
    """Yield the versions and delete markers under a prefix, at most 1,000 at a time."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        yield [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]


def delete_objects(bucket: str, prefix: str, s3: "S3Client") -> None:
    for versions in [versions for versions in object_versions(bucket, prefix, s3) if versions]:
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
        if answer.get("Errors"):
            first = answer["Errors"][0]
            raise CleanupError(f"s3://{bucket}/{first.get('Key')} cannot be deleted: {first.get('Message')}")
