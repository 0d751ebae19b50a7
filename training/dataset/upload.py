"""Makes the bucket match the dataset: sends the files that changed and deletes the objects that are stale."""

import hashlib
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from awscrt.exceptions import AwsCrtError
from awscrt.s3 import S3ResponseError
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.config import LIST_PREFIX, SPLITS, image_prefix
from training.dataset.sending import CONTENT_TYPES, Sender
from training.errors import StackError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DELETED_AT_ONCE = 1000  # objects, the limit of DeleteObjects
SHOWN_EACH = 20  # files between two changes of the bar
PREFIXES = (*map(image_prefix, SPLITS), f"{LIST_PREFIX}/")


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


class Upload:
    """An upload of a dataset, which may go on while the dataset is still being written.

    An interrupted upload resumes. In a bucket encrypted with KMS every file counts as changed, because its ETags
    are not digests of the content. All methods raise StackError when the bucket is missing, or listing or writing is
    denied; `send` may be called by any thread.
    """

    def __init__(self, directory: Path, bucket: str, s3: "S3Client", console: Console) -> None:
        self._directory, self._bucket, self._s3 = directory, bucket, s3
        self._stored: dict[str, Stored] = {}
        self._seen: set[str] = set()  # keys
        self._sizes: list[int] = []  # bytes, of the files that were not in the bucket
        self._deleted = 0
        self._sender: Sender | None = None
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._done = itertools.count(1)

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, keys: Collection[str]) -> None:
        """Delete what is stale in a bucket that shall have these keys.

        That comes before anything is sent: after an interrupted upload, stale images would be trained on.
        """
        with _as_stack_error(self._bucket):
            self._stored = dict(_list(self._s3, self._bucket))
            self._deleted = _delete(self._s3, self._bucket, self._stored.keys() - set(keys))
            self._sender = Sender(self._bucket, self._s3, self._advance)
        self._task = self._progress.add_task("Upload", total=len(keys))
        self._progress.start()

    def send(self, keys: Sequence[str]) -> None:
        """Send these files unless they are in the bucket already."""
        assert self._sender is not None, "begin() comes first"
        self._seen.update(keys)
        with _as_stack_error(self._bucket):
            for key in keys:
                path = self._directory / key
                size = path.stat().st_size
                if _is_stored(path, size, self._stored.get(key)):
                    self._advance()
                    continue
                self._sizes.append(size)
                self._sender.put(key, path, size)

    def finish(self) -> Uploaded:
        """Send all files that are left in the directory, and return when the bucket has them."""
        keys = [path.relative_to(self._directory).as_posix() for path in _staged(self._directory)]
        if self._sender is None:
            self.begin(keys)
        assert self._sender is not None
        self.send([key for key in keys if key not in self._seen])
        with _as_stack_error(self._bucket):
            self._sender.wait()
        return Uploaded(len(self._sizes), len(keys) - len(self._sizes), self._deleted, sum(self._sizes))

    def _advance(self) -> None:
        done = next(self._done)
        if done % SHOWN_EACH == 0:
            self._progress.update(self._task, completed=done)


def upload(directory: Path, bucket: str, s3: "S3Client", console: Console) -> Uploaded:
    """Make the image and list prefixes of `bucket` hold the files of `directory`, and nothing else.

    Raises:
        StackError: The bucket is missing, or listing or writing is denied.
    """
    with Upload(directory, bucket, s3, console) as uploading:
        return uploading.finish()


@contextmanager
def _as_stack_error(bucket: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, AwsCrtError) as err:
        raise StackError(
            f"The bucket {bucket} could not be brought up to date ({_reason(err)}): "
            "check that the stack is deployed and that your credentials may list and write its bucket."
        ) from err


def _staged(directory: Path) -> Iterator[Path]:
    for prefix in PREFIXES:
        yield from sorted(path for path in (directory / prefix).glob("*") if path.suffix in CONTENT_TYPES)


def _list(s3: "S3Client", bucket: str) -> Iterator[tuple[str, Stored]]:
    for prefix in PREFIXES:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield item["Key"], Stored(item["ETag"].strip('"'), item["Size"])


def _is_stored(path: Path, size: int, stored: Stored | None) -> bool:
    if stored is None or stored.size != size:
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


def _reason(err: Exception) -> str:
    """Return S3's error code, or why S3 did not answer."""
    if isinstance(err, ClientError):
        return f"{err.response['Error']['Code']}: {err.response['Error']['Message']}"
    if isinstance(err, S3ResponseError):
        code = re.search(rb"<Code>(.+?)</Code>", err.body or b"")
        return code.group(1).decode() if code else f"HTTP {err.status_code}"
    return str(err)
