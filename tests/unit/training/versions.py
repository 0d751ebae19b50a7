"""A bucket of which only the versions of its objects are asked."""

from collections.abc import Iterator
from typing import Any

MARKER = -1  # in place of the size of a delete marker


class VersionedBucket:
    """S3 with one bucket: the sizes of its versions in bytes, by key; two to a page."""

    def __init__(self, sizes: dict[str, int] | None = None) -> None:
        self.sizes = sizes or {}

    def get_paginator(self, operation: str) -> "VersionedBucket":
        assert operation == "list_object_versions"
        return self

    def paginate(self, Bucket: str) -> Iterator[dict[str, Any]]:
        keys = list(self.sizes)
        for start in range(0, len(keys), 2):
            page = keys[start : start + 2]
            yield {
                "Versions": [{"Key": key, "Size": self.sizes[key]} for key in page if self.sizes[key] != MARKER],
                "DeleteMarkers": [{"Key": key} for key in page if self.sizes[key] == MARKER],
            }
