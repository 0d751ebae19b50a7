"""Files between S3 and a container's directories, with the execution role's permissions."""

import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

WORKERS = 8


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")


def download_prefix(s3: Any, uri: str, directory: Path) -> None:
    """Copy every object under an S3 prefix into `directory`.

    A key keeps its path below the prefix; an object whose key is the whole prefix keeps its last name.
    """
    bucket, prefix = split_uri(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]

    def download(key: str) -> None:
        path = directory / (key[len(prefix) :].lstrip("/") or Path(key).name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(download, keys))


def download_model(s3: Any, uri: str, directory: Path) -> None:
    """Unpack `model.tar.gz` into `directory`; members that lead outside of it are refused."""
    bucket, key = split_uri(uri)
    with tarfile.open(fileobj=s3.get_object(Bucket=bucket, Key=key)["Body"], mode="r|gz") as archive:
        archive.extractall(directory, filter="data")


def is_empty_prefix(s3: Any, uri: str) -> bool:
    """Return whether no object exists under an S3 prefix."""
    bucket, prefix = split_uri(uri)
    return bool(s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"] == 0)


def upload_archive(s3: Any, directory: Path, uri: str) -> None:
    """Pack the content of `directory` as a tar.gz and put it at `uri`."""
    path = directory.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(directory, arcname=".")
    bucket, key = split_uri(uri)
    with path.open("rb") as body:
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    path.unlink()
