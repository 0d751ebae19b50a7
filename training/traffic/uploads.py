"""Traffic through uploads: photos below incoming/, whose verdicts appear in the bucket."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

from training.config import INCOMING_PREFIX, VERDICT_PREFIX, traffic_prefix
from training.context import Context
from training.traffic.records import ACCEPTED, REFUSED, Record
from training.traffic.script import Item
from training.traffic.sending import LOOK_SECONDS, READERS, client_config

SHARE = 0.3  # of the time, at most, is spent on listing


def records_of(items: Sequence[Item], name: str) -> list[Record]:
    """Return the records of photos that are sent under a name, each with a key of its own."""
    prefix = f"{traffic_prefix(INCOMING_PREFIX)}{name}/"
    return [Record(item, f"{prefix}{item.number:06d}{item.content.suffix}") for item in items]


def verdict_name(key: str, version: str) -> str:
    """Return how the object with the verdict on a version of a photo is called, as classifyUploads calls it."""
    return f"{hashlib.sha256(key.encode()).hexdigest()[:32]}-{version}.jsonl"


class Uploads:
    """Photos that are uploaded, each once."""

    def __init__(self, context: Context, classes: Sequence[str]) -> None:
        session: Any = context.clients.session
        self._s3 = session.client("s3", config=client_config())
        self._bucket = context.stack.bucket
        self._classes = classes
        self._waiting: dict[str, tuple[Record, float]] = {}  # by the name of the verdict; with the time of the request
        self._since = datetime.now(UTC).date()
        self._next_look = 0.0

    def send(self, record: Record) -> None:
        sent = time.monotonic()
        reply = self._s3.put_object(Bucket=self._bucket, Key=record.key, Body=record.item.content.body)
        version = reply.get("VersionId") or reply["ETag"].strip('"')
        self._waiting[verdict_name(record.key, version)] = record, sent

    def look(self) -> Iterator[Record]:
        """List the verdicts of today, and read those on our photos; a long list is read less often."""
        began = time.monotonic()
        if not self._waiting or began < self._next_look:
            return
        found = list(self._find())
        took = time.monotonic() - began
        self._next_look = time.monotonic() + max(0.0, took / SHARE - LOOK_SECONDS)
        with ThreadPoolExecutor(READERS) as pool:
            yield from pool.map(self._settle, *zip(*found, strict=True)) if found else ()

    def has_news(self) -> bool:
        return False

    def _find(self) -> Iterator[tuple[str, str, float]]:
        """Yield name, key and moment of the verdicts that are new."""
        pages = self._s3.get_paginator("list_objects_v2")
        for day in days(self._since, datetime.now(UTC).date()):
            prefix = f"{VERDICT_PREFIX}/uploads/date={day.isoformat()}/"
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                moment = time.monotonic()
                names = ((one["Key"].rpartition("/")[2], one["Key"]) for one in page.get("Contents", []))
                yield from ((name, key, moment) for name, key in names if name in self._waiting)

    def _settle(self, name: str, key: str, moment: float) -> Record:
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        record, sent = self._waiting.pop(name)
        record.latency = moment - sent
        self._judge(record, json.loads(body))
        return record

    def _judge(self, record: Record, verdict: dict[str, Any]) -> None:
        if "error" in verdict:
            record.fail(verdict["error"], verdict.get("cause") or "")
            return
        found = verdict["class"]
        known = isinstance(found, int) and found < len(self._classes)
        record.class_name = self._classes[found] if known else str(found)
        record.confidence = verdict["confidence"]
        record.outcome = ACCEPTED if verdict["accepted"] else REFUSED


def days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
