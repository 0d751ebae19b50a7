"""Corrections of MiniStack's CloudFormation."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from ministack.services import s3


class DeleteFailedError(Exception):
    """When a resource of a stack cannot be deleted; the message is its status reason."""


def delete_empty_buckets_only(original: Callable[..., None]) -> Callable[..., None]:
    """Delete a stack's bucket as S3's own DeleteBucket does: only when it is empty, and its files too."""

    def delete(physical_id: str, props: dict[str, Any]) -> None:
        status, _, body = s3._delete_bucket(physical_id)
        if status == 409:
            raise DeleteFailedError(
                f"{ElementTree.fromstring(body).findtext('Message')} (Service: S3, Status Code: 409)"
            )

    return delete
