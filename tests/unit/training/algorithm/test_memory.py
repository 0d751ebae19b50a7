"""Memory that processes share."""

import sys
import threading
from collections.abc import Iterator
from tempfile import TemporaryFile

import pytest

from training.algorithm.memory import Memory


@pytest.fixture
def shares() -> Iterator[tuple[Memory, Memory]]:
    """Return the shares of two processes, each of 50 bytes."""
    with TemporaryFile() as lock:
        shares = Memory(100), Memory(100)
        for share in shares:
            share.share(2, lock)
        yield shares


def reserves(memory: Memory, size: int, seconds: float = 60) -> bool:
    """Return whether a thread gets bytes within a time while others are held."""
    got, release = threading.Event(), threading.Event()

    def reserve() -> None:
        with memory.reserved(size):
            got.set()
            release.wait(10)

    thread = threading.Thread(target=reserve, daemon=True)
    thread.start()
    reserved = got.wait(seconds)
    release.set()
    if reserved:
        thread.join(10)
    return reserved


def test_each_process_has_its_share(shares: tuple[Memory, Memory]) -> None:
    one, other = shares
    with one.reserved(40):
        assert not reserves(one, 20, seconds=0.3)
        assert reserves(other, 50)


@pytest.mark.skipif(sys.platform != "linux", reason="several processes serve there only")
def test_more_than_a_share_is_for_one_of_all_threads_at_a_time(shares: tuple[Memory, Memory]) -> None:
    one, other = shares
    with one.reserved(80):
        assert not reserves(other, 80, seconds=0.3)
        assert not reserves(one, 51, seconds=0.3)
        assert reserves(other, 50)
    assert reserves(other, 80)
