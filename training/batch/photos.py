"""Which photos a batch is about: those below a prefix of the stack's bucket, or those of a manifest.

A manifest is JSON Lines such as {"s3_key": "images/a.png", "version": "..."}, or CSV with these columns; `version`
may be left out. Wherever it is, it is read here, so that its mistakes cost nothing, and repeated photos are left out.
"""

import codecs
import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from training.config import IMAGE_PREFIX
from training.context import Context
from training.errors import BatchError

CHUNK = 1 << 20  # bytes read at once
LONGEST_KEY = 1024  # bytes in UTF-8, S3's limit


class Photo(NamedTuple):
    """An object that is classified."""

    s3_key: str
    version: str = ""  # its id; "" for the newest


@dataclass(frozen=True)
class Source:
    """Where the photos come from."""

    name: str  # as the user gave it
    photos: int
    prefix: str = ""  # in the stack's bucket; "" where there is a manifest
    manifest: bytes = b""  # JSON Lines, not uploaded yet; b"" where there is a prefix


def find(context: Context, name: str) -> Source:
    """Return the photos of a prefix or of a manifest, which is a local file or an s3:// URL.

    Raises:
        BatchError: There are none, the prefix is not one of photos, or the manifest cannot be read.
    """
    url = urlsplit(name)
    if url.scheme == "s3" and suffix_of(name) in READERS:
        return of_photos(name, read_object(context, url.netloc, url.path.removeprefix("/")))
    if suffix_of(name) in READERS:
        return of_photos(name, read_file(Path(name).expanduser()))
    if url.scheme == "s3" and url.netloc != context.stack.bucket:
        raise BatchError(f"{name} is not in the stack's bucket {context.stack.bucket}: the workflow reads no other.")
    return of_prefix(context, url.path.removeprefix("/") if url.scheme == "s3" else name)


def suffix_of(name: str) -> str:
    return Path(name).suffix.lower()


# A prefix ------------------------------------------------------------------------------------------------------


def of_prefix(context: Context, prefix: str) -> Source:
    """Return the objects below a prefix; S3 lists 1,000 of them a request."""
    if not prefix.startswith(f"{IMAGE_PREFIX}/"):
        raise BatchError(
            f"{prefix!r} is neither a manifest (.jsonl or .csv) nor a prefix below {IMAGE_PREFIX}/, where the workflow "
            "may read photos."
        )
    number = sum(page.get("KeyCount", len(page.get("Contents", []))) for page in pages(context, prefix))
    if not number:
        raise BatchError(f"There is no photo below s3://{context.stack.bucket}/{prefix}: correct the prefix.")
    return Source(prefix, number, prefix=prefix)


def pages(context: Context, prefix: str) -> Iterable[Any]:
    paginator = context.clients.s3.get_paginator("list_objects_v2")
    return paginator.paginate(Bucket=context.stack.bucket, Prefix=prefix)


# A manifest ----------------------------------------------------------------------------------------------------


def of_photos(name: str, photos: Iterable[Photo]) -> Source:
    """Return photos as a source, each once.

    Raises:
        BatchError: There are none.
    """
    unique = dict.fromkeys(photos)
    if not unique:
        raise BatchError(f"{name} names no photo.")
    return Source(name, len(unique), manifest=b"".join(map(line_of, unique)))


def line_of(photo: Photo) -> bytes:
    entry = {"s3_key": photo.s3_key} | ({"version": photo.version} if photo.version else {})
    return f"{json.dumps(entry, ensure_ascii=False)}\n".encode()


def read_file(path: Path) -> Iterator[Photo]:
    """Yield the photos of a manifest on this machine."""
    if not path.is_file():
        raise BatchError(f"There is no manifest {path}: correct the path, or give s3://BUCKET/KEY.")
    with path.open("rb") as file:
        yield from read(str(path), file)


def read_object(context: Context, bucket: str, key: str) -> Iterator[Photo]:
    """Yield the photos of a manifest in S3."""
    name = f"s3://{bucket}/{key}"
    try:
        body = context.clients.s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as err:
        raise BatchError(f"The manifest {name} cannot be read: {err}") from err
    yield from read(name, body.iter_lines(CHUNK, keepends=True))


def read(name: str, lines: Iterable[bytes]) -> Iterator[Photo]:
    """Yield the photos of a manifest's lines.

    Raises:
        BatchError: An entry is not one of a manifest; the message has its number.
    """
    read_entries = READERS[suffix_of(name)]
    number = 1
    try:
        for entry in read_entries(codecs.iterdecode(lines, "utf-8-sig")):
            yield photo_of(entry)
            number += 1
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, csv.Error) as err:
        raise BatchError(
            f'Photo {number} of the manifest {name} cannot be read ({err!r}): lines read {{"s3_key": "images/a.png"}} '
            "in JSON Lines, and the first line of a CSV file has the column s3_key."
        ) from err


def read_json_lines(lines: Iterable[str]) -> Iterator[Any]:
    return (json.loads(line) for line in lines if line.strip())


READERS: dict[str, Callable[[Iterable[str]], Iterator[Any]]] = {".jsonl": read_json_lines, ".csv": csv.DictReader}


def photo_of(entry: Any) -> Photo:
    key, version = entry["s3_key"], entry.get("version") or ""
    if not (isinstance(key, str) and isinstance(version, str) and 1 <= len(key.encode()) <= LONGEST_KEY):
        raise ValueError(f"s3_key is {key!r:.80}")
    return Photo(key, version)
