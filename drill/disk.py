"""A disk that is full: what was answered is kept, and what cannot be kept is not answered.

A limit on the size of the server's files stands for the disk: a write beyond it fails as on a full disk.
"""

import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from drill.finding import Finding
from drill.workplace import Workplace

OBJECTS = 20
BUCKET = "drill"
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def findings() -> Iterator[Finding]:
    if sys.platform != "linux":
        yield Finding("full disk", "not tried: only Linux limits the files of another process", True)
        return
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        place = Workplace(Path(directory))
        place.localcloud("up")
        try:
            place.client("s3").create_bucket(Bucket=BUCKET)
            yield put_on_a_full_disk(place, size=65_536, limit=32_768)
            yield put_on_a_full_disk(place, size=1_024, limit=4_096)  # two of the objects fit together
        finally:
            place.localcloud("down")


def put_on_a_full_disk(place: Workplace, size: int, limit: int) -> Finding:
    """Put objects while no file may grow beyond a limit, restart, and count what is there; both in bytes."""
    s3 = place.client("s3")
    with limited(place.server(), limit):
        answers = {key: put(s3, key, size) for key in (f"{size}/{number}" for number in range(OBJECTS))}
    place.localcloud("down")
    place.localcloud("up")
    kept = {item["Key"] for item in place.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])}
    answered = {key for key, answer in answers.items() if answer == "ok"}
    errors = Counter(answer for answer in answers.values() if answer != "ok")
    refused = ", ".join(f"{count} {code}" for code, count in errors.items()) or "none"
    lost = answered - kept
    happened = f"{len(answered)} of {OBJECTS} answered, refused: {refused}; after a restart {len(lost)} are lost"
    return Finding(f"disk full at {limit:,} bytes while objects of {size:,} are put", happened, not lost)


def put(s3: Any, key: str, size: int) -> str:
    """Put an object; returns `ok` or the error's code."""
    try:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x" * size)
    except ClientError as err:
        return str(err.response["Error"]["Code"])
    return "ok"


@contextmanager
def limited(pid: int, size: int) -> Iterator[None]:
    """Let no file of a process grow beyond `size` bytes."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, UNLIMITED)


def main() -> int:
    from drill.table import show

    return show(findings())


if __name__ == "__main__":
    sys.exit(main())
