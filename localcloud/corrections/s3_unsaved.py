"""Corrections of what MiniStack's S3 answers when the disk refuses a change: it answers 200."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from ministack.services import s3

from localcloud.corrections.s3 import Reply
from localcloud.corrections.s3_store import changes

OF_VERSIONS = (  # by (bucket, key, version id)
    s3._object_tags,
    s3._object_acl,
    s3._object_annotations,
    s3._object_retention,
    s3._object_legal_hold,
)

logger = logging.getLogger(__name__)


def answer_when_saved(original: Callable[..., Reply]) -> Callable[..., Reply]:
    """Answer ServiceUnavailable to a change that the disk refuses, and keep the objects as they were."""

    def dispatch(
        method: str, bucket: str, key: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Reply:
        reads = method in ("GET", "HEAD")
        restore = (
            None if reads else remember(bucket, list(changing_keys(bucket, key, body, query_params)), query_params)
        )
        try:
            with changes():
                return original(method, bucket, key, headers, body, query_params)
        except OSError as err:
            logger.error("%s /%s/%s: %s", method, bucket, key, err)
            if restore is None:
                answer = "InternalError", f"The local cloud cannot read it: {err}.", 500
            else:
                restore()
                answer = "ServiceUnavailable", f"The local cloud cannot save it: {err}. Make room on the disk.", 503
            reply: Reply = s3._error(*answer, f"/{bucket}/{key}")
            return reply

    return dispatch


def changing_keys(bucket: str, key: str, body: bytes, query_params: dict[str, Any]) -> Iterator[str]:
    """Yield the keys that a request may change; for a form that is uploaded these may be all."""
    if key:
        yield key
    elif "delete" in query_params:
        with suppress(SyntaxError, ValueError):  # MiniStack refuses what is not XML
            yield from (found.text or "" for found in s3.fromstring(body).iter() if found.tag.endswith("Key"))
    elif body.startswith(b"--"):
        yield from (s3._buckets.get(bucket) or {"objects": ()})["objects"]


def remember(bucket_name: str, keys: list[str], query_params: dict[str, Any]) -> Callable[[], None]:
    """Return a function that puts these keys' objects, versions and an upload of parts back to what they are now."""
    bucket = s3._buckets.get(bucket_name)
    if bucket is None:
        return lambda: s3._buckets.pop(bucket_name, None)
    upload_id = s3._qp(query_params, "uploadId", "")
    uploads = (s3._multipart_uploads, s3._completed_multipart_uploads) if upload_id else ()
    entries = [(store, upload_id, store.get(upload_id)) for store in uploads]
    for key in keys:
        versions = s3._object_versions.get((bucket_name, key)) or []
        entries.append((bucket["objects"], key, copied(bucket["objects"].get(key))))
        entries.append((s3._object_versions, (bucket_name, key), [dict(one) for one in versions] or None))
        for version_id in (None, "null", *(one["version_id"] for one in versions)):
            entry = (bucket_name, key, version_id)
            entries += [(store, entry, store.get(entry)) for store in OF_VERSIONS]

    def restore() -> None:
        for holder, name, value in entries:
            if value is None:
                holder.pop(name, None)
            else:
                holder[name] = value

    return restore


def copied(record: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if record is None else dict(record)
