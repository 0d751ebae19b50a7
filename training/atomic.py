"""Writes files whole: a crash or a full disk leaves the earlier file, never a part of the new one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PROBE_BYTES = 1 << 16


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that replaces the one at `path` at the end; its content is on the disk before its name is."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")  # the same directory: a rename crosses no file system
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write(path: Path, content: bytes) -> None:
    """Replace the file at `path`."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Replace the file at `path` by UTF-8 text, whatever the encoding of the terminal is."""
    write(path, text.encode())


def check_writable(directory: Path) -> None:
    """Write a small file and remove it: a step must not run for minutes for a result that cannot be kept.

    Raises:
        OSError: The directory is read-only or forbidden, or its disk is full.
    """
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".writable-") as file:
        file.write(bytes(PROBE_BYTES))
        file.flush()
