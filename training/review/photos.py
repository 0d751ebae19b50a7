"""The photos of captured inferences: staged on this machine, in what was captured, or in the bucket.

A photo that was found is kept in `runs/<stack>/review/photos/`: captured ones expire, and objects are replaced.
"""

import base64
import io
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from training import atomic
from training.captures.source import Source
from training.config import INFERENCE_ID_LENGTH, local_path
from training.context import Context
from training.review.answers import photo_path

SHOWN = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}  # by every browser

Row = Mapping[Any, Any]  # of `traffic.read`, with its selection


class Photos:
    """Finds photos; several threads may ask."""

    def __init__(self, context: Context, dataset_directory: str, wanted: set[str]) -> None:
        """Find the photos of some inferences.

        Args:
            wanted: Event ids: of a captured file that is read, the photos of all of these are kept.
        """
        self._context = context
        self._dataset_directory = dataset_directory
        self._wanted = wanted
        self._searched: set[str] = set()  # keys of captured files
        self._lock = threading.Lock()

    def find(self, row: Row) -> bytes | None:
        """Return the photo of an inference as it was sent, None when it is nowhere."""
        path = photo_path(self._context.directory, row["event_id"])
        with self._lock:
            if not path.exists():
                content = self._staged(row) or self._captured(row, path) or self._uploaded(row)
                if content is None:
                    return None
                self._keep(path, content)
            return path.read_bytes()

    def _keep(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, content)

    def _staged(self, row: Row) -> bytes | None:
        key = row["s3_key"]
        file = local_path(self._dataset_directory, key) if isinstance(key, str) else None
        return file.read_bytes() if file and file.exists() else None

    def _captured(self, row: Row, path: Path) -> bytes | None:
        """Look through the files of the inference's hour; each is read once, for all inferences that are wanted."""
        for key in self._captured_files(row["time"]):
            self._searched.add(key)
            for event_id, content in self._photos_of(key):
                kept = photo_path(self._context.directory, event_id)
                if event_id in self._wanted and not kept.exists():
                    self._keep(kept, content)
            if path.exists():
                return path.read_bytes()
        return None

    def _captured_files(self, when: datetime) -> Iterator[str]:
        stack = self._context.stack
        keys = Source(self._context.clients.s3, stack.bucket, stack.endpoint_name).keys(when, when)
        yield from (key for key in keys if key not in self._searched)

    def _photos_of(self, key: str) -> Iterator[tuple[str, bytes]]:
        """Yield event id and photo of each record of a file; a record without its input has none."""
        body = self._context.clients.s3.get_object(Bucket=self._context.stack.bucket, Key=key)["Body"].read()
        for line in body.splitlines():
            try:
                record = json.loads(line)
                captured = record["captureData"]["endpointInput"]
                if captured["encoding"] == "BASE64":
                    yield record["eventMetadata"]["eventId"], base64.b64decode(captured["data"], validate=True)
            except (KeyError, TypeError, ValueError):
                continue

    def _uploaded(self, row: Row) -> bytes | None:
        """Return the newest object of the key that the inference id names; a key of 64 characters may be cut."""
        name: str = row["inference_id"]
        if not 0 < len(name) < INFERENCE_ID_LENGTH:
            return None
        try:
            found = self._context.clients.s3.get_object(Bucket=self._context.stack.bucket, Key=unquote(name))
            return found["Body"].read()
        except (ClientError, BotoCoreError):  # the id was no key, or the object is gone or may not be read
            return None


def for_browser(content: bytes) -> tuple[str, bytes] | None:
    """Return the media type and the content of a photo that a browser shows; None when it is no photo."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.format in SHOWN:
                return SHOWN[image.format], content
            buffer = io.BytesIO()
            image.convert("RGB").save(buffer, format="PNG")
            return SHOWN["PNG"], buffer.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
