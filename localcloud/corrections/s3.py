"""Corrections of MiniStack's S3. Each is one function that says what AWS does."""

from typing import Any

from ministack.core.iam_actions import identity_denial_message
from ministack.core.iam_evaluator import EvalResult, enforce
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import s3

Reply = tuple[int, dict[str, str], bytes]  # HTTP status, headers, body


def correct() -> None:
    """Apply every correction; called once, before the server starts."""
    keep_from_who_may_not_list_what_is_missing()


def keep_from_who_may_not_list_what_is_missing() -> None:
    """Answer AccessDenied, not NoSuchKey, for a missing object to a caller without s3:ListBucket on the bucket.

    As in "GetObject" of S3's API reference, Permissions. MiniStack answers NoSuchKey to all.
    """
    for name in ("_get_object", "_head_object"):
        setattr(s3, name, guarded(getattr(s3, name)))


def guarded(original: Any) -> Any:
    def read(bucket: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None) -> Reply:
        reply: Reply = original(bucket, key, headers, query)
        if reply[0] != 404 or s3._buckets.get(bucket) is None:
            return reply
        arn = f"arn:aws:s3:::{bucket}"
        access_key = extract_access_key_id(headers, query)
        denied = enforce(access_key, "s3:ListBucket", "s3", get_region(), resource_arn=arn)
        if not isinstance(denied, EvalResult):
            return reply
        sentence = identity_denial_message("s3:ListBucket", denied.principal_arn, f'"{arn}"', denied.decision == "Deny")
        forbidden: Reply = s3._error("AccessDenied", sentence, 403, f"/{bucket}/{key}")
        return forbidden

    return read
