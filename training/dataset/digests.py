"""Digests of files, remembered so that files that did not change are not read again."""

import hashlib
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from training import atomic

# Coarse clocks of file systems: a file that changed so recently could change again without another time.
_RECENT = 3_000_000_000  # nanoseconds


def digests(paths: Sequence[Path], memory: Path) -> list[str]:
    """Return the SHA-256 of each file, "" for one that cannot be read.

    Args:
        memory: The file that remembers size, times and digest of each file from one call to the next. A digest is used
            again only when size and both times are unchanged: programs can set back the time of the last change of
            the content, but not that of the last change of the file's entry.
    """
    known = _read(memory)
    current: dict[str, list[Any]] = {}

    def digest(path: Path) -> str:
        try:
            found = path.stat()
            state = [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
            entry = known.get(str(path))
            content = entry[3] if entry and entry[:3] == state else _sha256(path)
        except OSError:
            return ""
        if time.time_ns() - max(state[1:]) > _RECENT:
            current[str(path)] = [*state, content]
        return content

    try:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(digest, paths))
    finally:
        if current != known:
            _write(memory, current)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(memory: Path) -> dict[str, list[Any]]:
    """Return what is remembered; nothing when the file is missing or damaged."""
    try:
        known = json.loads(memory.read_bytes())
        return {path: entry for path, entry in known.items() if len(entry) == 4 and isinstance(entry[3], str)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(memory: Path, entries: dict[str, list[Any]]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(memory, json.dumps(entries))
