"""Corrections of MiniStack's S3."""

from collections.abc import Callable
from typing import Any

from ministack.services import s3

from localcloud import identity
from localcloud.identity import Permission

Reply = tuple[int, dict[str, str], bytes]  # HTTP status, headers, body
Read = Callable[..., Reply]
SseHeaders = tuple[dict[str, str] | None, Reply | None]  # to keep with the object; the refusal
ENCRYPTION, KEY_ID = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"
AWS_MANAGED_KEY = "00000000-0000-4000-8000-000000000000"  # of each account and region; there is no KMS here


def hide_missing_objects(original: Read) -> Read:
    """Answer AccessDenied instead of NoSuchKey to a caller who may not list the bucket."""

    def get_object(
        bucket_name: str, key: str, headers: dict[str, str], query_params: dict[str, Any] | None = None
    ) -> Reply:
        reply = original(bucket_name, key, headers, query_params)
        return reply if reply[0] != 404 else missing_reply(reply, bucket_name, key, (headers, query_params))

    return get_object


def hide_missing_heads(original: Read) -> Read:
    """The same for HeadObject, whose headers are optional."""

    def head_object(
        bucket_name: str,
        key: str,
        headers: dict[str, str] | None = None,
        query_params: dict[str, Any] | None = None,
    ) -> Reply:
        reply = original(bucket_name, key, headers, query_params)
        return reply if reply[0] != 404 else missing_reply(reply, bucket_name, key, (headers or {}, query_params))

    return head_object


def missing_reply(reply: Reply, bucket: str, key: str, request: tuple[dict[str, str], dict[str, Any] | None]) -> Reply:
    """Return the reply for a missing object: the given one for callers who may list the bucket.

    Args:
        request: Headers and query of the request.
    """
    if s3._buckets.get(bucket) is None:
        return reply
    permission = Permission("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    denied = identity.denial(identity.access_key_of(*request), permission)
    if denied is None or denied.status is not None:
        return reply
    sentence = denied.message.replace(permission.resource_arn, f'"{permission.resource_arn}"')  # as S3 quotes it
    forbidden: Reply = s3._error("AccessDenied", sentence, 403, f"/{bucket}/{key}")
    return forbidden


def take_the_aws_managed_key(original: Callable[..., SseHeaders]) -> Callable[..., SseHeaders]:
    """Let `aws:kms` without a key mean the account's `aws/s3` key."""

    def sse_headers(headers: dict[str, str], bucket_name: str) -> SseHeaders:
        if headers.get(ENCRYPTION) == "aws:kms" and not headers.get(KEY_ID):
            arn = f"arn:aws:kms:{identity.region()}:{identity.account_id()}:key/{AWS_MANAGED_KEY}"
            headers = {**headers, KEY_ID: arn}
        return original(headers, bucket_name)

    return sse_headers
