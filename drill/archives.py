"""Hostile archives, images and servers: each is read, or refused in one sentence, in bounded time and memory.

    python -m drill.archives

Each archive and image is read in a process of its own, which is ended after `MOST_SECONDS`. Its peak memory is measured
above what the process had before. Servers listen on 127.0.0.1; the limits of downloads are lowered, not lifted.
"""

import io
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from unittest import mock

from rich.console import Console

from drill import hostile_archives, hostile_images
from drill.finding import Finding
from drill.hostile_servers import REFUSED, serving
from drill.table import show
from training.algorithm.errors import InputError
from training.algorithm.images import decode
from training.dataset import archive, download
from training.errors import ArchiveError, DatasetError

MOST_SECONDS = 20  # of processor time for one archive or image
MOST_MEGABYTES = 400  # above what the process had; the largest image that is read takes 320
MOST_CHARACTERS = 500  # of a sentence
MUTATIONS = 400
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss


@dataclass(frozen=True)
class Outcome:
    """How reading something ended."""

    sentence: str  # "read", or how it was refused
    declared: bool  # read, or refused in one sentence of a declared error
    seconds: float
    megabytes: float


def findings() -> Iterator[Finding]:
    """Yield one finding for each archive, image and server, and one for each kind of random changes."""
    archives = chain(hostile_archives.damaged(), hostile_archives.tar_files(), hostile_archives.pickles())
    for name, content in chain(archives, hostile_archives.contents()):
        yield judge(f"archive: {name}", attempt(lambda content=content: read_archive(content)), {False})  # type: ignore[misc]  # bound now
    yield randomly("archives", read_archive, hostile_archives.mutations(MUTATIONS))
    for images, ends in (
        (hostile_images.too_large(), {False}),
        (hostile_images.as_large_as_may_be(), {True}),
        (hostile_images.odd(), {True}),
        (hostile_images.broken(), {False}),
    ):
        for name, content in images:
            yield judge(f"image: {name}", attempt(lambda content=content: read_image(content)), ends)  # type: ignore[misc]  # bound now
    yield randomly("images", read_image, hostile_images.mutations(MUTATIONS))
    for name, answer in REFUSED.items():
        yield fetch_from(name, answer)


def read_archive(content: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        path = Path(directory) / "photos.tar.gz"
        path.write_bytes(content)
        archive.read(path)


def read_image(content: bytes) -> None:
    decode(content, (32, 32, 3))


def describe(read: Callable[[], None]) -> tuple[str, bool]:
    """Return how reading ended, and whether that is declared."""
    try:
        read()
    except (ArchiveError, DatasetError, InputError) as err:
        sentence = str(err)
        return sentence, len(sentence) <= MOST_CHARACTERS and "\n" not in sentence
    except Exception as err:  # what the drill looks for
        return f"{type(err).__name__}: {err}"[:200], False
    return "read", True


def attempt(read: Callable[[], None]) -> Outcome:
    """Read in a process of its own."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)  # SIGPROF ends the process
        before, started = peak(), time.process_time()
        ended, as_declared = describe(read)
        figures = f"{time.process_time() - started}\t{peak() - before}\t{as_declared}\t{ended}"
        os.write(into, figures.encode(errors="replace")[:60_000])
        os._exit(0)
    os.close(into)
    with io.FileIO(out) as pipe:
        answer = pipe.readall().decode()
    _, status = os.waitpid(child, 0)
    if not answer:
        return Outcome(f"the process ended with {os.waitstatus_to_exitcode(status)}", False, MOST_SECONDS, 0)
    seconds, megabytes, declared, sentence = answer.split("\t", 3)
    return Outcome(sentence, declared=declared == "True", seconds=float(seconds), megabytes=float(megabytes))


def peak() -> float:
    """Return the greatest memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e6


def judge(name: str, outcome: Outcome, ends: set[bool]) -> Finding:
    """Judge an outcome; `ends` has True if it may be read, False if it may be refused."""
    as_designed = (
        outcome.declared
        and (outcome.sentence == "read") in ends
        and outcome.seconds < MOST_SECONDS
        and outcome.megabytes < MOST_MEGABYTES
    )
    return Finding(name, f"{outcome.megabytes:.0f} MB, {outcome.seconds:.1f} s: {outcome.sentence}", as_designed)


def randomly(kind: str, read: Callable[[bytes], None], contents: Iterable[bytes]) -> Finding:
    """Read many of a kind in one process, which is enough to see what is not declared."""

    def read_all() -> None:
        outcomes = [describe(lambda content=content: read(content)) for content in contents]  # type: ignore[misc]  # bound now
        wrong = Counter(sentence for sentence, declared in outcomes if not declared)
        if wrong:
            raise RuntimeError(f"{wrong.total()} undeclared: {wrong.most_common(2)}")

    return judge(f"{MUTATIONS} {kind} with random bytes changed", attempt(read_all), {True})


def fetch_from(name: str, answer: Callable[[object], None]) -> Finding:
    """Fetch from a server and read what it sent; what is left in the cache must be nothing or a part."""
    limits = mock.patch.multiple(
        download, MOST_BYTES=20_000_000, STALL_SECONDS=0.5, ANSWER_SECONDS=1.0, TIMEOUT=(2.0, 2.0)
    )
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="drill-") as directory, serving(answer) as url, limits:
        cache = Path(directory)
        sentence, declared = describe(lambda: fetch_and_read(url, cache))
    seconds = time.monotonic() - started
    return Finding(f"server: {name}", f"{seconds:.1f} s: {sentence}", declared and sentence != "read" and seconds < 10)


def fetch_and_read(url: str, cache: Path) -> None:
    archive.read(download.fetch(url, None, cache, Console(file=io.StringIO())))


def main() -> int:
    return show(findings())


if __name__ == "__main__":
    sys.exit(main())
