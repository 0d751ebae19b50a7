"""Data capture: an endpoint's requests and answers as JSON lines in S3."""

import base64
import json
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.transfer import split_uri

FLUSH_SECONDS = 1.0  # AWS gathers records for minutes
FLUSH_RECORDS = 500  # in one file at most


@dataclass(frozen=True)
class Payload:
    """A request's or an answer's body, with its content type."""

    content_type: str
    data: bytes


@dataclass(frozen=True)
class Inference:
    """A request that was answered."""

    request: Payload
    answer: Payload
    inference_id: str | None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class DataCapture:
    """Records a production variant's inferences in the background, without delaying answers.

    Keys are `<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/MM-SS-mmm-<uuid>.jsonl`, in UTC, after the first record.
    """

    def __init__(self, config: dict[str, Any], folder: str, s3: Any, on_error: Callable[[str], None]) -> None:
        """Start to capture.

        Args:
            config: The endpoint configuration's DataCaptureConfig.
            folder: `<endpoint>/<variant>`.
            on_error: Called with a sentence when records could not be written.
        """
        self._config = config
        self._bucket, prefix = split_uri(config["DestinationS3Uri"])
        self._folder = "/".join(filter(None, [prefix.rstrip("/"), folder]))
        self._s3 = s3
        self._on_error = on_error
        self._modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        self._inferences: list[Inference] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._writer = threading.Thread(target=self._write_regularly, name="capture", daemon=True)
        self._writer.start()

    def record(self, inference: Inference) -> None:
        """Keep a sample of the traffic, InitialSamplingPercentage of it."""
        if random.random() * 100 >= self._config["InitialSamplingPercentage"]:
            return
        with self._lock:
            self._inferences.append(inference)

    def close(self) -> None:
        """Write the remaining records, and return when they are written."""
        self._closing.set()
        self._writer.join()

    def _write_regularly(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        with self._lock:
            inferences, self._inferences = self._inferences, []
        for file in files(inferences):
            at = file[0].at
            name = f"{at:%Y/%m/%d/%H/%M-%S}-{at.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
            body = "".join(f"{json.dumps(self._entry(one), separators=(',', ':'))}\n" for one in file)
            self._put(f"{self._folder}/{name}", body.encode())

    def _put(self, key: str, body: bytes) -> None:
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        except (ClientError, BotoCoreError) as err:
            self._on_error(f"Data capture could not write s3://{self._bucket}/{key}: {err}")

    def _entry(self, inference: Inference) -> dict[str, Any]:
        data = {}
        if self._modes & {"Input", "InputAndOutput"}:
            data["endpointInput"] = self._body("INPUT", inference.request)
        if self._modes & {"Output", "InputAndOutput"}:
            data["endpointOutput"] = self._body("OUTPUT", inference.answer)
        event = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{inference.at:%Y-%m-%dT%H:%M:%SZ}"}
        if inference.inference_id:
            event["inferenceId"] = inference.inference_id
        return {"captureData": data, "eventMetadata": event, "eventVersion": "0"}

    def _body(self, mode: str, payload: Payload) -> dict[str, str]:
        """Return a body as text for the content types in CaptureContentTypeHeader, else as base64."""
        headers = self._config.get("CaptureContentTypeHeader", {})
        kind = payload.content_type.split(";")[0].strip()
        encoding, text = "BASE64", base64.b64encode(payload.data).decode()
        for name, types in (("JSON", "JsonContentTypes"), ("CSV", "CsvContentTypes")):
            if kind in headers.get(types, []):
                encoding, text = name, payload.data.decode(errors="replace")
        return {"observedContentType": payload.content_type, "mode": mode, "data": text, "encoding": encoding}


def files(inferences: list[Inference]) -> Iterator[list[Inference]]:
    """Yield the inferences of each file: of the same hour, FLUSH_RECORDS at most."""
    for _, same_hour in groupby(inferences, key=lambda one: f"{one.at:%Y/%m/%d/%H}"):
        hour = list(same_hour)
        for start in range(0, len(hour), FLUSH_RECORDS):
            yield hour[start : start + FLUSH_RECORDS]


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
