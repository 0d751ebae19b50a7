"""The files that an endpoint's data capture wrote to the bucket."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

from training.algorithm.images import network_shape
from training.captures.records import CapturedInference, parse
from training.config import capture_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DOWNLOADS = 8  # at once; botocore keeps ten connections
FILES_AT_ONCE = 32  # whose records are in memory; of their photos, those of DOWNLOADS files are
# A file's folder is the hour in which the file was written, not that of its inferences, and clocks differ.
SLACK = timedelta(minutes=10)
_KEY = re.compile(r"/(\d{4})/(\d\d)/(\d\d)/\d\d/[^/]+\.jsonl")  # after the variant


def day_of(key: str) -> str:
    """Return the day of a captured file's folder as yyyy-mm-dd."""
    found = _KEY.search(key)
    assert found, f"{key} is no captured file"
    return "-".join(found.groups())


@dataclass(frozen=True)
class Source:
    """An endpoint's captures in a bucket."""

    s3: "S3Client"
    bucket: str
    endpoint_name: str
    # (channels, height, width) of the network's input, to measure photos at; None: they are not.
    image_shape: tuple[int, int, int] | None = None

    def keys(self, since: datetime, until: datetime) -> list[str]:
        """Return the keys of the files, of all variants, that can hold an inference of the period."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=capture_prefix(self.endpoint_name), Delimiter="/"
        )
        variants = [variant["Prefix"] for page in pages for variant in page.get("CommonPrefixes", [])]
        return [key for variant in variants for key in self._keys_of(variant, since, until)]

    def _keys_of(self, variant: str, since: datetime, until: datetime) -> list[str]:
        """List from the first hour folder to the last: key order is chronological."""
        first, last = (f"{variant}{hour.astimezone(UTC):%Y/%m/%d/%H}" for hour in (since - SLACK, until + SLACK))
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=variant, StartAfter=first)
        keys = (item["Key"] for page in pages for item in page.get("Contents", []))
        until_last = takewhile(lambda key: key[: len(last)] <= last, keys)
        return [key for key in until_last if _KEY.fullmatch(key, len(variant) - 1)]

    def read(self, keys: Sequence[str]) -> Iterator[tuple[str, list[CapturedInference]]]:
        """Yield each file's key and records; only some files are in memory at a time.

        Raises:
            CaptureError: A line is not a capture record; the message names the file and the line.
        """
        shape = network_shape(self.image_shape) if self.image_shape else None
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            for start in range(0, len(keys), FILES_AT_ONCE):
                some = keys[start : start + FILES_AT_ONCE]
                yield from zip(some, pool.map(partial(self._download, shape), some), strict=True)

    def _download(self, shape: Sequence[int] | None, key: str) -> list[CapturedInference]:
        content = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return parse(content, self.bucket, key, shape)
