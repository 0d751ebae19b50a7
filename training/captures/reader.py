"""Reads an endpoint's captures: what is new from the bucket, all else from the cache."""

import time
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

import pandas as pd

from training.captures.cache import Cache, DamagedPartError, Files, directory_of
from training.captures.progress import Show, hidden
from training.captures.source import Source
from training.config import is_traffic

CACHE_FOLDER = "captures"  # in a run's directory
KEEP_RECORDS = 20_000  # that are read at most before they are kept
KEEP_SECONDS = 10.0  # after which they are, however few: this much is read again when the process is killed


class CaptureReader:
    """Reads what an endpoint captured; each file is downloaded once, because data capture never writes to it again."""

    def __init__(self, source: Source, directory: Path, tell: Callable[[str], None], show: Show = hidden) -> None:
        """Read a source.

        Args:
            directory: The run's.
            tell: Called with a sentence when the cache is damaged, or another process reads the same captures.
            show: Shows how many of the new files have been read: the first read of many takes minutes.
        """
        self._source = source
        self._show = show
        self._cache = Cache(directory_of(directory / CACHE_FOLDER, source), tell)

    def read(self, since: datetime, until: datetime, columns: Collection[str] = ()) -> pd.DataFrame:
        """Return the inferences captured from `since` to `until`, both included, in chronological order.

        Those that are no traffic (comparisons of models, tried photos) are left out, and so are those whose captured
        files are no longer in the bucket.

        Args:
            columns: Those of `frames.PLACE` that are wanted.

        Returns:
            The columns of `frames.frame`, without those of `PLACE` that are not in `columns`.

        Raises:
            CaptureError: A line is not a capture record; the message names the file and the line.
        """
        try:
            with self._cache.locked():
                listed, _ = self._fetch(since, until)
                first = since.replace(microsecond=0)  # records have whole seconds
                found = self._cache.read(first, until, columns)
        except DamagedPartError:  # it is gone now, so that its captured files are new
            return self.read(since, until, columns)
        is_listed = found["key"].isin(listed)
        found = found if is_listed.all() else found[is_listed].reset_index(drop=True)
        return found if "key" in columns else found.drop(columns="key")

    def fetch(self, since: datetime, until: datetime) -> int:
        """Take the new files of a period into the cache; returns how many there were.

        Raises:
            CaptureError: As of `read`.
        """
        with self._cache.locked():
            try:
                return self._fetch(since, until)[1]
            except DamagedPartError:
                return 1  # which `read` takes

    def _fetch(self, since: datetime, until: datetime) -> tuple[list[str], int]:
        """Return the keys of the period's files, and how many of them were new."""
        listed = self._source.keys(since, until)
        known = self._cache.keys(since, until)
        new = [key for key in listed if key not in known]
        files: Files = {}
        records, kept_at = 0, time.monotonic()
        show = self._show if new else hidden
        try:
            with show(len(new)) as update:
                for number, (key, found) in enumerate(self._source.read(new), 1):
                    files[key] = [one for one in found if is_traffic(one.inference_id)]
                    records += len(found)
                    if records >= KEEP_RECORDS or time.monotonic() >= kept_at + KEEP_SECONDS:
                        self._cache.add(files)
                        files, records, kept_at = {}, 0, time.monotonic()
                    update(number)
        finally:
            self._cache.add(files)
        return listed, len(new)
