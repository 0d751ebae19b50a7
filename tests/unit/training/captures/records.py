"""Captured records, and a bucket to put them into."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from training.captures.reader import CaptureReader
from training.captures.source import Source

BUCKET, ENDPOINT = "captures", "vehicles"
NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def record(when: datetime, name: str | None = "one", values: tuple[float, ...] = (0.9, 0.1)) -> dict[str, Any]:
    metadata = {"eventId": f"event-{name}", "inferenceTime": f"{when:%Y-%m-%dT%H:%M:%SZ}"}
    output = {"observedContentType": "application/json", "mode": "OUTPUT", "encoding": "JSON", "data": str([*values])}
    given = {"data": "", "encoding": "BASE64", "observedContentType": "image/png"}
    return {
        "captureData": {"endpointInput": given, "endpointOutput": output},
        "eventMetadata": metadata | ({"inferenceId": name} if name else {}),
        "eventVersion": "0",
    }


def key(when: datetime, name: str = "a", endpoint: str = ENDPOINT, variant: str = "AllTraffic") -> str:
    return f"captured/{endpoint}/{variant}/{when:%Y/%m/%d/%H/%M-%S}-000-{name}.jsonl"


def put(s3: Any, where: str, *records: dict[str, Any] | str) -> None:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in records]
    s3.put_object(Bucket=BUCKET, Key=where, Body="\n".join(lines).encode())


class FolderS3:
    """S3 in a directory: cheap enough for many files, and for a process of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.opened: list[str] = []

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        path = self._directory / Key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Body)

    def delete_object(self, Bucket: str, Key: str) -> None:
        (self._directory / Key).unlink()

    def get_object(self, Bucket: str, Key: str) -> Any:
        self.opened.append(Key)
        return {"Body": io.BytesIO((self._directory / Key).read_bytes())}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str = "", StartAfter: str = "") -> Iterator[dict[str, Any]]:
        files = [path for path in self._directory.rglob("*") if path.is_file()]
        keys = sorted(str(path.relative_to(self._directory)) for path in files)
        found = [name for name in keys if name.startswith(Prefix) and name > StartAfter]
        if Delimiter:
            folders = sorted({Prefix + name[len(Prefix) :].partition(Delimiter)[0] + Delimiter for name in found})
            yield {"CommonPrefixes": [{"Prefix": folder} for folder in folders]}
        else:
            yield {"Contents": [{"Key": name} for name in found]}


def reader_of(s3: Any, directory: Path, told: list[str] | None = None, **changes: Any) -> CaptureReader:
    """Return a reader whose sentences are added to `told`; without it, there must be none."""
    source = Source(**{"s3": s3, "bucket": BUCKET, "endpoint_name": ENDPOINT} | changes)
    return CaptureReader(source, directory, _refuse if told is None else told.append)


def _refuse(sentence: str) -> None:
    raise AssertionError(sentence)


def ids(inferences: pd.DataFrame) -> list[str | None]:
    return [None if pd.isna(one) else one for one in inferences["inference_id"]]
