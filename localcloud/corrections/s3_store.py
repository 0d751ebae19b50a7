"""Corrections of how MiniStack keeps objects: in two files each, and with a 200 also when the disk refuses them.

Here they are in a store of segments (`localcloud.store`) under two kinds of names: `<account>/<bucket>//<key>`
has the metadata of a key with its versions, `<account>/<bucket>/<version id>/<key>` the bytes of a version. A request
writes what it changes once, before it is answered.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack.services import s3

from localcloud.corrections import s3_files
from localcloud.segments import Content
from localcloud.store import Store

Record = dict[str, Any]  # of an object or version, as MiniStack keeps it in memory

DIRECTORY = "objects"  # beside MiniStack's own
NULL = "null"  # the version id of what was put without versioning

store = Store()


@dataclass
class Changes:
    """What a request changes in the store."""

    contents: dict[str, Content | None] = field(default_factory=dict)
    in_memory: list[tuple[Record, str]] = field(default_factory=list)  # bytes to forget when they are stored
    events: list[Callable[[], None]] = field(default_factory=list)  # to tell of when they are stored

    def write(self) -> None:
        store.write(self.contents)
        for record, name in self.in_memory:
            record[name] = None
        for tell in self.events:
            tell()


class Request(threading.local):
    """What the request under way in this thread has changed so far; MiniStack does not switch tasks in its middle."""

    changes: Changes | None = None


request = Request()


@contextmanager
def changes() -> Iterator[Changes]:
    """Give the changes of the request under way, which are written at its end, or such that are written at once."""
    if request.changes is not None:
        yield request.changes
        return
    changes = request.changes = Changes()
    try:
        yield changes
    finally:
        request.changes = None
    changes.write()


def name_of(bucket: str, key: str, version_id: str = "", account_id: str | None = None) -> str:
    """Return the name of a version's bytes, without a version that of the key's metadata."""
    return f"{account_id or s3.get_account_id()}/{bucket}/{version_id}/{key}"


def version_of(record: Record) -> str:
    return record.get("version_id") or NULL


def save_objects(original: Callable[..., None]) -> Callable[..., None]:
    """Store an object's metadata, and its bytes unless they are stored already."""

    def persist_object(bucket: str, key: str, obj: Record) -> None:
        metadata = {**s3._object_meta_from_record(obj), **s3._key_history_meta(bucket, key)}
        body = obj.get("body")
        with changes() as pending:
            if body is not None:
                pending.contents[name_of(bucket, key, version_of(obj))] = Content(body=body)
                versions = s3._object_versions.get((bucket, key)) or []
                pending.in_memory += [(one, "data") for one in versions if one["version_id"] == version_of(obj)]
                pending.in_memory.append((obj, "body"))
            pending.contents[name_of(bucket, key)] = Content(json.dumps(metadata).encode())

    return persist_object


def save_delete_markers(original: Callable[..., None]) -> Callable[..., None]:
    def persist_delete_marker(bucket_name: str, key: str, marker: Record) -> None:
        metadata = {
            "is_delete_marker": True,
            "version_id": marker.get("version_id"),
            "last_modified": marker.get("last_modified", ""),
            **s3._key_history_meta(bucket_name, key),
        }
        with changes() as pending:
            pending.contents[name_of(bucket_name, key)] = Content(json.dumps(metadata).encode())

    return persist_delete_marker


def keep_displaced_versions(original: Callable[..., None]) -> Callable[..., None]:
    """Leave the bytes of a version where they are when another one takes its place; only a null version is replaced."""

    def persist_displaced_version(bucket_name: str, key: str, prior_obj: Record | None, versioning: str) -> None:
        if versioning == "Suspended":
            with changes() as pending:
                pending.contents[name_of(bucket_name, key, NULL)] = None

    return persist_displaced_version


def delete_versions(original: Callable[..., None]) -> Callable[..., None]:
    def delete_version_file(bucket_name: str, key: str, version_id: str) -> None:
        with changes() as pending:
            pending.contents[name_of(bucket_name, key, version_id)] = None

    return delete_version_file


def delete_objects(original: Callable[..., None]) -> Callable[..., None]:
    def delete_persisted_object(bucket_name: str, key: str) -> None:
        with changes() as pending:
            pending.contents |= {name_of(bucket_name, key): None, name_of(bucket_name, key, NULL): None}

    return delete_persisted_object


def body_of(name: str) -> bytes:
    """Return a version's bytes, also when the request under way has changed them.

    Raises:
        OSError: They are lost.
    """
    changed = request.changes and request.changes.contents.get(name)
    return changed.body if changed else store.body(name)


def read_objects(original: Callable[..., bytes]) -> Callable[..., bytes]:
    """Raise OSError for bytes that are missing or damaged."""

    def read_body(bucket_name: str, key: str, obj: Record) -> bytes:
        body: bytes | None = obj.get("body")
        return body if body is not None else body_of(name_of(bucket_name, key, version_of(obj)))

    return read_body


def read_versions(original: Callable[..., bytes | None]) -> Callable[..., bytes | None]:
    def version_body(bucket: Record, bucket_name: str, key: str, v: Record) -> bytes | None:
        body: bytes | None = v.get("data")
        return body if body is not None else body_of(name_of(bucket_name, key, v["version_id"]))

    return version_body


def find_versions(original: Callable[..., bool]) -> Callable[..., bool]:
    def version_file_exists(bucket_name: str, key: str, version_id: str, account_id: str | None = None) -> bool:
        return name_of(bucket_name, key, version_id, account_id) in store

    return version_file_exists


def load() -> None:
    """Open the store, take over the files of an older version of the local cloud, and let MiniStack know the objects.

    Raises:
        OSError: The disk does not let it.
    """
    files = Path(s3.DATA_DIR)
    notes = store.open(files.parent / DIRECTORY)
    if s3_files.are_in(files):
        s3_files.adopt(files, store)
        return  # MiniStack knows all objects from its files
    live = set()
    for name, note in notes.items():
        account_id, bucket, version_id, key = name.split("/", 3)
        if not version_id:
            metadata = json.loads(note, object_pairs_hook=with_shared_names)
            know(account_id, bucket, key, metadata)
            versions = [metadata, *metadata.get("versions", [])]
            live |= {name, *(name_of(bucket, key, version_of(one), account_id) for one in versions)}
    store.write(dict.fromkeys(set(store.names()) - live))


def with_shared_names(members: list[tuple[str, Any]]) -> Record:
    """Return a JSON object whose names are in memory once, however many objects have them."""
    return {sys.intern(name): value for name, value in members}


def know(account_id: str, bucket_name: str, key: str, metadata: Record) -> None:
    """Put an object into MiniStack's memory as it was."""
    new = {"created": s3.now_iso(), "objects": {}, "region": None}  # the bucket's own data are elsewhere
    bucket = s3._buckets._data.setdefault((account_id, bucket_name), new)
    if metadata.get("is_delete_marker"):
        s3._load_persisted_delete_marker(account_id, bucket, bucket_name, key, metadata)
        return
    record = {name: metadata[name] for name in s3._object_meta_from_record({})}
    if not record["version_id"]:
        del record["version_id"]
    bucket["objects"][key] = {"body": None, **record}
    s3._load_persisted_history(account_id, bucket, bucket_name, key, metadata)
