"""Data capture: what goes into an endpoint and what comes out, as JSON lines in S3."""

import base64
import json
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.transfer import split_uri

FLUSH_SECONDS = 1.0  # AWS gathers records for minutes
FLUSH_RECORDS = 500  # in one file


@dataclass(frozen=True)
class Payload:
    """A request's or an answer's body, with its content type."""

    content_type: str
    data: bytes


class DataCapture:
    """Takes records without ever making an answer wait, and writes them in the background.

    Keys are `<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/MM-SS-mmm-<uuid>.jsonl`, in UTC.
    """

    def __init__(self, config: dict[str, Any], endpoint_name: str, s3: Any, on_error: Callable[[str], None]) -> None:
        self._config = config
        self._endpoint_name = endpoint_name
        self._s3 = s3
        self._on_error = on_error
        self._modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        self._records: dict[str, list[str]] = {}  # JSON lines by variant
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._writer = threading.Thread(target=self._write_regularly, name="capture", daemon=True)
        self._writer.start()

    def record(self, variant: str, inference_id: str | None, request: Payload, answer: Payload) -> None:
        """Keep a sample of the traffic, InitialSamplingPercentage of it."""
        if random.random() * 100 >= self._config["InitialSamplingPercentage"]:
            return
        line = json.dumps(self._entry(inference_id, request, answer), separators=(",", ":"))
        with self._lock:
            self._records.setdefault(variant, []).append(line)

    def close(self) -> None:
        """Write what is left, and return when it is written."""
        self._closing.set()
        self._writer.join()

    def _entry(self, inference_id: str | None, request: Payload, answer: Payload) -> dict[str, Any]:
        data = {}
        if "Input" in self._modes or "InputAndOutput" in self._modes:
            data["endpointInput"] = self._body("INPUT", request)
        if "Output" in self._modes or "InputAndOutput" in self._modes:
            data["endpointOutput"] = self._body("OUTPUT", answer)
        event = {"eventId": str(uuid.uuid4()), "inferenceTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        if inference_id:
            event["inferenceId"] = inference_id
        return {"captureData": data, "eventMetadata": event, "eventVersion": "0"}

    def _body(self, mode: str, payload: Payload) -> dict[str, str]:
        """Text of the content types that CaptureContentTypeHeader names is kept as it is, all else as base64."""
        headers = self._config.get("CaptureContentTypeHeader", {})
        kind = payload.content_type.split(";")[0].strip()
        for encoding, types in (("JSON", "JsonContentTypes"), ("CSV", "CsvContentTypes")):
            if kind in headers.get(types, []):
                text = payload.data.decode(errors="replace")
                return {"observedContentType": payload.content_type, "mode": mode, "data": text, "encoding": encoding}
        text = base64.b64encode(payload.data).decode()
        return {"observedContentType": payload.content_type, "mode": mode, "data": text, "encoding": "BASE64"}

    def _write_regularly(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        with self._lock:
            records, self._records = self._records, {}
        for variant, lines in records.items():
            for start in range(0, len(lines), FLUSH_RECORDS):
                self._put(variant, lines[start : start + FLUSH_RECORDS])

    def _put(self, variant: str, lines: list[str]) -> None:
        bucket, prefix = split_uri(self._config["DestinationS3Uri"])
        at = datetime.now(UTC)
        name = f"{at:%M-%S}-{at.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        key = "/".join(filter(None, [prefix.rstrip("/"), self._endpoint_name, variant, f"{at:%Y/%m/%d/%H}", name]))
        body = "".join(f"{line}\n" for line in lines).encode()
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
        except (ClientError, BotoCoreError) as err:
            self._on_error(f"Data capture could not write s3://{bucket}/{key}: {err}")


def capture_summary(config: dict[str, Any]) -> dict[str, Any]:
    """Return the DataCaptureConfig of DescribeEndpoint."""
    enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
