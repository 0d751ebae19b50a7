"""Files between S3 and a container's directories, with the execution role's permissions."""

import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from localcloud.files import UnsafePathError, inside

WORKERS = 8
ARCHIVE_ROOT = PurePosixPath()


class TransferError(Exception):
    """When an object or a member of an archive cannot become a file; the message names it."""


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of `s3://bucket/key`."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")


def download_prefix(s3: Any, uri: str, directory: Path) -> None:
    """Copy every object under an S3 prefix into `directory`.

    A key keeps its path below the prefix; an object whose key is the whole prefix keeps its last name.

    Raises:
        TransferError: The key of an object leads out of `directory`, or to the same file as another one.
    """
    bucket, prefix = split_uri(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]

    def download(key: str) -> None:
        name = key[len(prefix) :].lstrip("/") or key.rsplit("/", 1)[-1]
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        write_new(directory, name, content, f"s3://{bucket}/{key}")

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(download, keys))


def write_new(directory: Path, name: str, content: bytes, uri: str) -> None:
    """Write an object to a new file below `directory`.

    Raises:
        TransferError: The name leads out of `directory`, is too long, or belongs to another file or a folder.
    """
    cannot = f"Failed to download data. Cannot download {uri}"
    try:
        path = inside(directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except UnsafePathError as err:
        raise TransferError(f"{cannot}: {err}") from err
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as err:  # in SageMaker's words
        raise TransferError(
            f"{cannot}, a previously downloaded file/folder clashes with it. Please check your s3 objects and ensure "
            "that there is no object that is both a folder as well as a file."
        ) from err
    except OSError as err:
        raise TransferError(f"{cannot}: {err.strerror}.") from err


def download_model(s3: Any, uri: str, directory: Path) -> None:
    """Unpack `model.tar.gz` into `directory`.

    Raises:
        TransferError: A member or its link leads out of `directory`.
        tarfile.TarError: The object is no archive, or one with members that are neither files, links nor folders.
    """
    bucket, key = split_uri(uri)
    with tarfile.open(fileobj=s3.get_object(Bucket=bucket, Key=key)["Body"], mode="r|gz") as archive:
        archive.extractall(directory, members=safe_members(archive, directory), filter="data")


def safe_members(archive: tarfile.TarFile, directory: Path) -> Iterator[tarfile.TarInfo]:
    """Yield each member when all before it are extracted, so that their links are followed.

    The filter "data" does not see where a path over the system's limit leads (CVE-2025-4517).
    """
    for member in archive:
        try:
            for path in paths_of(member):
                if path != ARCHIVE_ROOT:
                    inside(directory, str(path))
        except UnsafePathError as err:
            raise TransferError(f"The member {member.name[:200]!r} cannot be extracted: {err}") from err
        yield member


def paths_of(member: tarfile.TarInfo) -> Iterator[PurePosixPath]:
    """Yield the path of a member and, for a link, the path that it leads to."""
    path = PurePosixPath(member.name)
    yield path
    if member.islnk():
        yield PurePosixPath(member.linkname)
    elif member.issym():
        yield path.parent / member.linkname


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
