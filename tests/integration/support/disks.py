"""A disk that is full or damaged.

The server may write no file beyond a number of bytes (RLIMIT_FSIZE), so that its writes fail as on a full disk.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcloud import instances
from tests.integration.support.clouds import OwnCloud


@contextmanager
def full_disk(cloud: OwnCloud, limit: int) -> Iterator[None]:
    """Make the server's writes beyond `limit` bytes of a file fail."""
    running = instances.running(cloud.state)
    assert running is not None
    before = resource.prlimit(running.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, before)


def segment(cloud: OwnCloud) -> Path:
    """Return the file that objects are written to."""
    return max((cloud.state / "objects").glob("*.segment"))


@contextmanager
def full_store(cloud: OwnCloud, room: int) -> Iterator[None]:
    """Let the file of the objects grow by no more than `room` bytes."""
    with full_disk(cloud, segment(cloud).stat().st_size + room):
        yield


@contextmanager
def replaced_bytes(cloud: OwnCloud, old: bytes, new: bytes) -> Iterator[None]:
    """Let other bytes be on the disk."""
    path = segment(cloud)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    try:
        yield
    finally:
        path.write_bytes(content)
