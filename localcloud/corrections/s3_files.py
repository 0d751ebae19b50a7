"""The objects of an older version of the local cloud, which left them in MiniStack's files, two for each."""

import shutil
from pathlib import Path
from typing import Any

from ministack.services import s3

from localcloud.identity import region, request_scope
from localcloud.segments import Content
from localcloud.store import Store


def are_in(directory: Path) -> bool:
    return any(path.is_file() for path in directory.rglob("*"))


def adopt(directory: Path, store: Store) -> None:
    """Move all objects into a store. MiniStack read their metadata when it was imported, and knows their files.

    Raises:
        OSError: The disk does not let it; the files are still there.
    """
    done = directory.with_name(f"{directory.name}.adopted")
    shutil.rmtree(done, ignore_errors=True)
    for (account_id, bucket_name), bucket in list(s3._buckets._data.items()):
        with request_scope(account_id, region()):
            for key, record in bucket["objects"].items():
                move(Path(s3._object_disk_path(bucket_name, key)), f"{account_id}/{bucket_name}", key, record, store)
                s3._persist_object(bucket_name, key, record)
    for (account_id, (bucket_name, key)), versions in list(s3._object_versions._data.items()):
        with request_scope(account_id, region()):
            for version in versions:
                path = Path(s3._version_disk_path(bucket_name, key, version["version_id"]))
                move(path, f"{account_id}/{bucket_name}", key, version, store)
            if versions[-1].get("is_delete_marker"):
                s3._persist_delete_marker(bucket_name, key, versions[-1])
    directory.rename(done)
    shutil.rmtree(done)


def move(path: Path, bucket: str, key: str, record: dict[str, Any], store: Store) -> None:
    """Store a version's bytes, unless they are not the whole: then reading them is an error."""
    if path.is_file() and path.stat().st_size == record["size"]:
        store.write({f"{bucket}/{record.get('version_id') or 'null'}/{key}": Content(body=path.read_bytes())})
