"""Corrections of MiniStack's CloudFormation. Each is one function that says what AWS does."""

from typing import Any
from xml.etree import ElementTree

from ministack.services import s3
from ministack.services.cloudformation import provisioners


class DeleteFailedError(Exception):
    """When a resource of a stack cannot be deleted; the message is its status reason."""


def correct() -> None:
    """Apply every correction; called once, before the server starts."""
    keep_buckets_that_are_not_empty()


def keep_buckets_that_are_not_empty() -> None:
    """Let a stack delete its bucket as S3's own DeleteBucket does: only when it is empty, and from the disk too.

    On AWS "you must delete all objects in the bucket for deletion to succeed", versions included; else the stack is
    DELETE_FAILED. MiniStack forgets the bucket, and its files bring it back at the next start.
    """

    def delete(bucket: str, properties: dict[str, Any]) -> None:
        status, _, body = s3._delete_bucket(bucket)
        if status == 409:
            raise DeleteFailedError(
                f"{ElementTree.fromstring(body).findtext('Message')} (Service: S3, Status Code: 409)"
            )

    provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["delete"] = delete
