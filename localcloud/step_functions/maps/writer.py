"""ResultWriter: the results of a Map Run as files in S3, written as the role of the execution.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.step_functions.execution import Execution
from localcloud.step_functions.interpreter.documents import to_json
from localcloud.step_functions.maps.map_run import MapRun
from localcloud.step_functions.maps.readers import S3, told
from localcloud.step_functions.maps.results import NONE, entries_of

FILE_BYTES = 16 * 1024 * 1024  # a file is written when it is this large; on AWS at 5 GB
FAILED, PENDING, SUCCEEDED = "FAILED", "PENDING", "SUCCEEDED"
CHECK = ".writability_check_file_can_be_safely_deleted"  # what AWS writes before the first child starts


class ResultWriterError(Exception):
    """When results cannot be written."""


@dataclass
class File:
    """A file that grows in memory until it is written."""

    texts: list[str] = field(default_factory=list)  # JSON
    size: int = 0

    def add(self, entry: Any) -> None:
        text = to_json(entry)
        self.texts.append(text)
        self.size += len(text)


class Writer:
    """Collects results and writes them; `add` never blocks, the other methods wait for S3."""

    def __init__(self, s3: S3, run: MapRun, arguments: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        """Take the bucket and prefix from the arguments, and Transformation and OutputType from WriterConfig."""
        self._s3 = s3
        self._run = run
        self._bucket: str = arguments["Bucket"]
        prefix: str = arguments.get("Prefix", "")
        self._folder = f"{prefix}{'' if prefix.endswith('/') or not prefix else '/'}{run.id}/"
        self._transformation = config.get("Transformation", NONE)
        self._is_lines = config.get("OutputType", "JSON") == "JSONL"
        self._growing = {kind: File() for kind in (FAILED, PENDING, SUCCEEDED)}
        self._full: list[tuple[str, File]] = []
        self._writing = threading.Lock()  # a Map Run may be stopped while a file is written
        self._written: dict[str, list[dict[str, Any]]] = {FAILED: [], PENDING: [], SUCCEEDED: []}

    def check(self) -> None:
        """Raise ResultWriterError when nothing can be written."""
        self._put(f"{self._folder}{CHECK}", b"")

    def add(self, number: int, child: Execution) -> None:
        """Take the results of a child that has ended."""
        kind = SUCCEEDED if child.status == "SUCCEEDED" else FAILED
        for entry in entries_of(child, self._transformation):
            self._growing[kind].add(entry)
        if self._growing[kind].size > FILE_BYTES:
            self._full.append((kind, self._growing[kind]))
            self._growing[kind] = File()

    def start_again(self) -> None:
        """Forget what had not succeeded: it runs again."""
        for kind in (FAILED, PENDING):
            self._growing[kind] = File()
            self._written[kind] = []

    def add_pending(self, input_text: str) -> None:
        """Take the input of a child that has not started."""
        self._growing[PENDING].add({"Input": input_text, "InputDetails": {"Included": True}, "Status": PENDING})

    @property
    def has_full_files(self) -> bool:
        return bool(self._full)

    def write_full_files(self) -> None:
        with self._writing:
            while self._full:
                self._write(*self._full.pop(0))

    def finish(self) -> dict[str, Any]:
        """Write what is left and the manifest, and return the output of the state."""
        self.write_full_files()
        for kind, file in self._growing.items():
            if file.texts:
                self._write(kind, file)
                self._growing[kind] = File()
        manifest = {"DestinationBucket": self._bucket, "MapRunArn": self._run.arn, "ResultFiles": self._written}
        key = f"{self._folder}manifest.json"
        self._put(key, to_json(manifest).encode())
        return {"MapRunArn": self._run.arn, "ResultWriterDetails": {"Bucket": self._bucket, "Key": key}}

    def _write(self, kind: str, file: File) -> None:
        name = f"{kind}_{len(self._written[kind])}.{'jsonl' if self._is_lines else 'json'}"
        text = "\n".join(file.texts) + "\n" if self._is_lines else f"[{','.join(file.texts)}]"
        body = text.encode(errors="surrogatepass")
        self._put(f"{self._folder}{name}", body)
        self._written[kind].append({"Key": f"{self._folder}{name}", "Size": len(body)})

    def _put(self, key: str, body: bytes) -> None:
        kind = "application/json" if key.endswith("json") else "application/octet-stream"
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=kind)
        except ClientError as err:
            raise ResultWriterError(told(err)) from err
        except BotoCoreError as err:
            raise ResultWriterError(str(err)) from err
