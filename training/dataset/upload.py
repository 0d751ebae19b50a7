"""Makes the bucket match the dataset: sends the files that changed and deletes the objects that are stale.

Tens of thousands of small files are bound by the client's work per request, not by the network. Measured on one
core, botocore needs 0.9 ms to build, sign and send a PutObject and its own CRT transfer manager 0.7 ms; the AWS Common
Runtime itself, which that manager drives, needs 0.3 ms, and brings signing, connections and retries. So boto3 lists
and deletes, and the Common Runtime sends.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from awscrt.exceptions import AwsCrtError
from awscrt.http import HttpHeaders, HttpRequest
from awscrt.s3 import (
    S3ChecksumAlgorithm,
    S3ChecksumConfig,
    S3ChecksumLocation,
    S3RequestType,
    S3ResponseError,
)
from awscrt.s3 import S3Client as CommonRuntime
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from s3transfer.crt import BotocoreCRTCredentialsWrapper, create_s3_crt_client

from training.config import LIST_PREFIX, SPLITS, image_prefix
from training.errors import StackError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

IN_FLIGHT = 128  # requests at once, as many as s3transfer allows itself
DELETED_AT_ONCE = 1000  # objects, the limit of DeleteObjects
SINGLE_REQUEST_BYTES = 5 * 2**30  # S3's own limit; the ETag of a multipart upload would not be the content's MD5
CONTENT_TYPES = {".png": "image/png", ".lst": "text/tab-separated-values"}
PREFIXES = (*map(image_prefix, SPLITS), f"{LIST_PREFIX}/")
CRC32 = S3ChecksumConfig(algorithm=S3ChecksumAlgorithm.CRC32, location=S3ChecksumLocation.HEADER)


@dataclass(frozen=True)
class Uploaded:
    """Counts of what an upload did."""

    sent: int  # files
    unchanged: int  # files, already in the bucket
    deleted: int  # objects that are not in the dataset
    bytes: int  # sent


@dataclass(frozen=True)
class Stored:
    """An object as S3 lists it."""

    etag: str  # without quotes; the content's MD5 for a single PutObject under SSE-S3 or no encryption
    size: int  # bytes


def upload(directory: Path, bucket: str, s3: "S3Client", console: Console) -> Uploaded:
    """Make the image and list prefixes of `bucket` hold the files of `directory`, and nothing else.

    An interrupted upload resumes. In a bucket encrypted with KMS every file counts as changed, because its ETags
    are not digests of the content.

    Raises:
        StackError: The bucket is missing, or listing or writing is denied.
    """
    files = {path.relative_to(directory).as_posix(): path for path in _staged(directory)}
    try:
        stored = dict(_list(s3, bucket))
        changed = {key: path for key, path in files.items() if not _is_stored(path, stored.get(key))}
        # Deleted before anything is sent: after an interrupted upload, stale images would be trained on.
        deleted = _delete(s3, bucket, stored.keys() - files.keys())
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("Upload", total=len(files), completed=len(files) - len(changed))
            _send(changed, bucket, s3, lambda: progress.advance(task))
    except (BotoCoreError, ClientError, AwsCrtError) as err:
        raise StackError(
            f"The bucket {bucket} could not be brought up to date ({_reason(err)}): "
            "check that the stack is deployed and that your credentials may list and write its bucket."
        ) from err
    sent = sum(path.stat().st_size for path in changed.values())
    return Uploaded(len(changed), len(files) - len(changed), deleted, sent)


def _staged(directory: Path) -> Iterator[Path]:
    for prefix in PREFIXES:
        yield from sorted(path for path in (directory / prefix).glob("*") if path.suffix in CONTENT_TYPES)


def _list(s3: "S3Client", bucket: str) -> Iterator[tuple[str, Stored]]:
    for prefix in PREFIXES:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield item["Key"], Stored(item["ETag"].strip('"'), item["Size"])


def _is_stored(path: Path, stored: Stored | None) -> bool:
    if stored is None or stored.size != path.stat().st_size:
        return False
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == stored.etag


def _delete(s3: "S3Client", bucket: str, keys: Iterable[str]) -> int:
    """Delete objects and return how many; in a versioned bucket the old versions stay until they expire."""
    stale = sorted(keys)
    for start in range(0, len(stale), DELETED_AT_ONCE):
        batch = stale[start : start + DELETED_AT_ONCE]
        reply = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True})
        for error in reply.get("Errors", []):
            raise ClientError({"Error": {"Code": error["Code"], "Message": error["Message"]}}, "DeleteObjects")
    return len(stale)


def _send(files: Mapping[str, Path], bucket: str, s3: "S3Client", sent: Callable[[], None]) -> None:
    """Put the files, at most `IN_FLIGHT` at once, and call `sent` after each.

    After an error no further file is sent; the first error is raised when the requests in flight have ended.
    """
    runtime = _common_runtime(s3)
    slots = threading.Semaphore(IN_FLIGHT)
    errors: list[Exception] = []

    def done(error: Exception | None = None, **_: object) -> None:
        if error:
            errors.append(error)
        else:
            sent()
        slots.release()

    for key, path in files.items():
        slots.acquire()
        if errors:
            slots.release()
            break
        runtime.make_request(
            type=S3RequestType.PUT_OBJECT,
            request=_put_object(s3.meta.endpoint_url, bucket, key, path),
            send_filepath=str(path),
            checksum_config=CRC32,
            multipart_upload_threshold=SINGLE_REQUEST_BYTES,
            on_done=done,
        )
    for _ in range(IN_FLIGHT):
        slots.acquire()
    if errors:
        raise errors[0]


def _common_runtime(s3: "S3Client") -> CommonRuntime:
    """Return a client of the Common Runtime with the region, endpoint and credentials of `s3`."""
    credentials = s3._get_credentials()  # type: ignore[attr-defined]  # boto3.crt does the same
    return create_s3_crt_client(
        region=s3.meta.region_name,
        crt_credentials_provider=BotocoreCRTCredentialsWrapper(credentials).to_crt_credentials_provider(),
        use_ssl=s3.meta.endpoint_url.startswith("https://"),
    )


def _put_object(endpoint_url: str, bucket: str, key: str, path: Path) -> HttpRequest:
    """Return the unsigned request; every S3 endpoint accepts the bucket in the path."""
    headers = {
        "Host": urlsplit(endpoint_url).netloc,
        "Content-Length": str(path.stat().st_size),
        "Content-Type": CONTENT_TYPES[path.suffix],
    }
    return HttpRequest("PUT", f"/{bucket}/{quote(key)}", HttpHeaders(list(headers.items())))


def _reason(err: Exception) -> str:
    """Return S3's error code, or why S3 did not answer."""
    if isinstance(err, ClientError):
        return f"{err.response['Error']['Code']}: {err.response['Error']['Message']}"
    if isinstance(err, S3ResponseError):
        code = re.search(rb"<Code>(.+?)</Code>", err.body or b"")
        return code.group(1).decode() if code else f"HTTP {err.status_code}"
    return str(err)
