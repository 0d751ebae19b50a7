"""Corrections of how MiniStack's S3 keeps objects in files: it logs what the disk refuses, and answers 200.

An object's files are written and closed before the answer, so they outlive the process. They are not flushed to the
disk: that takes 7 ms an object where everything else takes 0.7 ms. A power failure can lose the objects of the last
seconds; what it leaves of them is refused when it is read.
"""

import errno
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ministack.services import s3

from localcloud.corrections.s3 import Reply
from localcloud.files import set_aside

Files = list[tuple[Path, bytes]]
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
    entries = [(s3._multipart_uploads, upload_id, s3._multipart_uploads.get(upload_id))] if upload_id else []
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


def save_whole_objects(original: Callable[..., None]) -> Callable[..., None]:
    """Replace an object's bytes and metadata together, or neither."""

    def persist_object(bucket: str, key: str, obj: dict[str, Any]) -> None:
        path = disk_path(bucket, key)
        metadata = {**s3._object_meta_from_record(obj), **s3._key_history_meta(bucket, key), "key": key}
        body = obj.get("body")  # None where the bytes on disk stay
        write_together([*([(path, body)] if body is not None else []), (sidecar(path), json.dumps(metadata).encode())])
        obj["body"] = None
        base = Path(s3.DATA_DIR) / s3.get_account_id() / bucket
        s3._remove_key_files(s3._other_key_disk_path(str(base), key, str(path)))

    return persist_object


def save_delete_markers(original: Callable[..., None]) -> Callable[..., None]:
    def persist_delete_marker(bucket_name: str, key: str, marker: dict[str, Any]) -> None:
        metadata = {
            "is_delete_marker": True,
            "version_id": marker.get("version_id"),
            "last_modified": marker.get("last_modified", ""),
            **s3._key_history_meta(bucket_name, key),
            "key": key,
        }
        write_together([(sidecar(disk_path(bucket_name, key)), json.dumps(metadata).encode())])

    return persist_delete_marker


def save_displaced_versions(original: Callable[..., None]) -> Callable[..., None]:
    """Copy the bytes of a version before another one takes its place."""

    def persist_displaced_version(
        bucket_name: str, key: str, prior_obj: dict[str, Any] | None, versioning: str
    ) -> None:
        version_id = (prior_obj or {}).get("version_id") or "null"
        if versioning == "Suspended":
            s3._delete_version_file(bucket_name, key, "null")
        if prior_obj is None or (versioning == "Suspended" and version_id == "null"):
            return
        path = s3._version_disk_path(bucket_name, key, version_id)
        if path is not None:
            write_together([(Path(path), s3._read_body(bucket_name, key, prior_obj))])

    return persist_displaced_version


def refuse_failed_deletions(original: Callable[[str, str], None]) -> Callable[[str, str], None]:
    """Raise OSError when an object's bytes could not be deleted: they would be an object again at the next start."""

    def delete_persisted_object(bucket_name: str, key: str) -> None:
        path = disk_path(bucket_name, key)
        original(bucket_name, key)
        if path.exists():
            raise OSError(errno.EIO, "cannot be deleted", str(path))

    return delete_persisted_object


def read_whole_bodies(original: Callable[..., bytes]) -> Callable[..., bytes]:
    """Raise OSError for bytes that are missing or incomplete."""

    def read_body(bucket_name: str, key: str, obj: dict[str, Any]) -> bytes:
        body: bytes | None = obj.get("body")
        if body is None:
            path = disk_path(bucket_name, key)
            body = path.read_bytes()
            check_size(body, obj, str(path))
        return body

    return read_body


def read_whole_versions(original: Callable[..., bytes | None]) -> Callable[..., bytes | None]:
    def version_body(bucket: dict[str, Any], bucket_name: str, key: str, v: dict[str, Any]) -> bytes | None:
        body = original(bucket, bucket_name, key, v)
        if body is not None:
            check_size(body, v, f"version {v['version_id']} of {key}")
        return body

    return version_body


def check_size(body: bytes, record: dict[str, Any], name: str) -> None:
    if len(body) != record.get("size", len(body)):
        raise OSError(errno.EIO, f"{len(body)} of {record['size']} bytes are left", name)


def disk_path(bucket: str, key: str, account_id: str | None = None) -> Path:
    return Path(s3._object_disk_path(bucket, key, account_id))


def sidecar(path: Path) -> Path:
    """Return the file of an object's metadata."""
    return path.with_name(f"{path.name}.meta.json")


def write_together(files: Files) -> None:
    """Write all contents before the first of them replaces its file.

    Raises:
        OSError: One could not be written; no file was replaced.
    """
    parts = [path.with_name(f"{path.name}.tmp") for path, _ in files]  # MiniStack's loader leaves these out
    try:
        for (_, content), part in zip(files, parts, strict=True):
            with os.fdopen(create(part), "wb") as file:
                file.write(content)
        for (path, _), part in zip(files, parts, strict=True):
            part.replace(path)
    except OSError:
        for part in parts:
            with suppress(OSError):
                part.unlink()
        raise


def create(path: Path) -> int:
    """Open a new file for writing, for its owner only; returns its descriptor."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:  # the first file of a folder
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, flags, 0o600)


def set_damaged_metadata_aside() -> None:
    """Move damaged metadata out of the way, after MiniStack has loaded the objects with metadata of its own."""
    for (account_id, bucket_name), bucket in s3._buckets._data.items():
        for key in [key for key, record in bucket["objects"].items() if is_made_up(record)]:
            path = sidecar(disk_path(bucket_name, key, account_id))
            if path.exists() and not is_json(path):
                aside = set_aside(path, Path(s3.DATA_DIR).parent / "damaged")
                lost = "its content type, tags and versions are unknown"
                logger.error("The metadata of s3://%s/%s is damaged: %s. It is now %s.", bucket_name, key, lost, aside)


def is_made_up(record: dict[str, Any]) -> bool:
    """Return whether a record is what MiniStack assumes without metadata; reading all takes 50 µs an object."""
    return record["content_type"] == "application/octet-stream" and not record["checksums"]


def is_json(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except (ValueError, RecursionError):
        return False
