"""Keeps captured inferences on this machine in Parquet files, so that each captured file is downloaded once.

A Parquet file holds records of one day, and in its metadata the keys of the captured files that they are from. It is
written whole or not at all, so that a process that is killed leaves a cache that is right. It is written again with
what comes later until it is full; then the day's next file begins.
"""

import fcntl
import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training import atomic
from training.algorithm.photo_statistics import DECIMALS, STATISTICS
from training.captures.frames import PLACE, frame, label_columns
from training.captures.records import CapturedInference
from training.captures.source import SLACK, Source, day_of

VERSION = 1  # of what the files hold; other ones are not read
FULL = 50_000  # records, or captured files, after which a day's next file begins
_KEYS = b"captured-files"  # the metadata with the keys, as JSON
_DAMAGE = (OSError, KeyError, TypeError, ValueError, NotImplementedError)  # pyarrow's errors are derived from these

Files = dict[str, list[CapturedInference]]  # records of captured files, by key


class DamagedPartError(Exception):
    """When a file of the cache could not be read and was removed: what it held must be read from the bucket again."""


@dataclass(frozen=True)
class Part:
    """A Parquet file of the cache."""

    path: Path
    records: int
    keys: frozenset[str]  # of the captured files

    @property
    def is_full(self) -> bool:
        return max(self.records, len(self.keys)) >= FULL


def directory_of(root: Path, source: Source) -> Path:
    """Return the directory of a source's cache: another bucket, endpoint or size of photos has another one."""
    told = [VERSION, source.bucket, source.endpoint_name, source.image_shape, STATISTICS, DECIMALS]
    return root / f"{source.endpoint_name}-{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]}"


class Cache:
    """What is kept of one source. Only `locked` gives the right to call the other methods."""

    def __init__(self, directory: Path, tell: Callable[[str], None]) -> None:
        """Open a cache, which need not exist.

        Args:
            tell: Called with a sentence when a file is damaged, or another process reads the same captures.
        """
        self._directory = directory
        self._tell = tell
        self._parts: dict[tuple[str, int], Part] = {}  # by name and time of change: another process may replace one

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait until no other process or thread uses the cache, and remove what a killed one left unfinished."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._tell("Another process reads the same captures: waiting until it is done.")
                fcntl.flock(file, fcntl.LOCK_EX)
            for unfinished in self._directory.glob(".*.part"):
                unfinished.unlink()
            yield

    def keys(self, since: datetime, until: datetime) -> set[str]:
        """Return the keys of the captured files of the period's days that need not be read again.

        Raises:
            DamagedPartError: A file of the cache cannot be read.
        """
        return {key for part in self._of_period(since, until) for key in part.keys}

    def add(self, files: Files) -> None:
        """Keep captured files, also those without a record.

        Raises:
            DamagedPartError: A file of the cache cannot be read; not all captured files were added.
        """
        days: dict[str, Files] = {}
        for key, records in files.items():
            days.setdefault(day_of(key), {})[key] = records
        for day, some in days.items():
            self._add(day, some)

    def read(self, since: datetime, until: datetime, columns: Collection[str] = ()) -> pd.DataFrame:
        """Return the records from `since` to `until`, both included, in chronological order, as `frame` has them.

        Args:
            columns: Those of `PLACE` that are wanted besides all others; `key` always is.

        Raises:
            DamagedPartError: A file of the cache cannot be read.
        """
        left_out = {*PLACE} - {*columns, "key"}
        within = (pc.field("time") >= pa.scalar(since)) & (pc.field("time") <= pa.scalar(until))
        tables = [self._read(part, left_out, within) for part in self._of_period(since, until)]
        tables = [table for table in tables if len(table)] or [_table(frame([])).drop_columns([*left_out])]
        table = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
        del tables
        table = table.sort_by([("time", "ascending"), ("event_id", "ascending")])
        found: pd.DataFrame = table.to_pandas(ignore_metadata=True, self_destruct=True, split_blocks=True)
        return found

    def _add(self, day: str, files: Files) -> None:
        """Add captured files of one day to its last part, or to a new one when that is full."""
        table = _table(frame([record for records in files.values() for record in records]))
        keys = frozenset(files)
        parts = [part for part in self._all() if part.path.name.startswith(day)]
        number = int(parts[-1].path.stem.rpartition("-")[2]) if parts else 0
        if parts and not parts[-1].is_full:
            table = pa.concat_tables([self._read(parts[-1]), table], promote_options="default")
            keys |= parts[-1].keys
        else:
            number += 1
        table = table.unify_dictionaries().replace_schema_metadata({_KEYS: json.dumps(sorted(keys))})
        with atomic.replacing(self._directory / f"{day}-{number:05}.parquet") as file:
            pq.write_table(table, file, compression="zstd", write_page_checksum=True)

    def _read(self, part: Part, left_out: Collection[str] = (), within: pc.Expression | None = None) -> pa.Table:
        try:
            names = [name for name in pq.read_schema(part.path).names if name not in left_out]
            return pq.read_table(part.path, columns=names, filters=within, page_checksum_verification=True)
        except _DAMAGE as err:
            raise self._discarded(part.path, err) from err

    def _of_period(self, since: datetime, until: datetime) -> list[Part]:
        first, last = (f"{when.astimezone(UTC):%Y-%m-%d}" for when in (since - SLACK, until + SLACK))
        return [part for part in self._all() if first <= part.path.name[: len(first)] <= last]

    def _all(self) -> list[Part]:
        """Return all parts by day and number; the metadata of one that has not changed is not read again."""
        found = {}
        for path in sorted(self._directory.glob("*.parquet")):
            name = (path.name, path.stat().st_mtime_ns)
            found[name] = self._parts.get(name) or self._open(path)
        self._parts = found
        return list(found.values())

    def _open(self, path: Path) -> Part:
        try:
            metadata = pq.read_metadata(path)
            return Part(path, metadata.num_rows, frozenset(json.loads(metadata.metadata[_KEYS])))
        except _DAMAGE as err:
            raise self._discarded(path, err) from err

    def _discarded(self, path: Path, err: Exception) -> DamagedPartError:
        reason = str(err).partition("\n")[0]
        self._tell(f"The cache {path} is damaged ({reason}): it is made again from the bucket.")
        path.unlink()
        return DamagedPartError(str(path))


def _table(inferences: pd.DataFrame) -> pa.Table:
    """Return a table of `frame` with the same types however many rows it has."""
    word, text = pa.dictionary(pa.int32(), pa.string()), pa.large_string()
    types = {"time": pa.timestamp("us", "UTC"), "event_id": text, "inference_id": text}
    types |= {"key": word, "line": pa.int32(), "content_type": word}
    types |= dict.fromkeys([*STATISTICS, *label_columns(inferences)], pa.float64())
    return pa.Table.from_pandas(inferences, pa.schema(types), preserve_index=False)
