"""What the tests of traffic share: photos, and a stack whose Step Functions and uploads answer at once."""

import io
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.unit.training.fake_sagemaker import SageMaker
from tests.unit.training.fakes import DATASET, OURS, STACK, Scheduler, client_error, make_context
from training.context import Context
from training.dataset.index import write_index
from training.results import save
from training.traffic import sending
from training.traffic.photos import Photo
from training.traffic.uploads import verdict_name

MACHINE = "arn:aws:states:us-east-1:1:stateMachine:s-imageClassification"
UPLOADS = "arn:aws:states:us-east-1:1:stateMachine:s-uploadClassification"
CLASSES = ("bicycle", "motorcycle")
LIMIT = 6 * 1024 * 1024


def png(brightness: int = 128, side: int = 32) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(brightness).integers(0, brightness + 1, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def photos(number: int = 4) -> list[Photo]:
    return [Photo(f"{one}.png", CLASSES[one % 2], png(100 + one)) for one in range(number)]


def judge(body: bytes) -> tuple[str, list[float]]:
    """Return the error and the inferences for a file, as the functions would: dark photos are refused."""
    if len(body) > LIMIT:
        return "ImageTooLargeError", []
    try:
        with Image.open(io.BytesIO(body)) as image:
            mean = float(np.asarray(image.convert("RGB")).mean())
    except OSError:
        return "InvalidImageError", []
    return "", [0.97, 0.03] if mean > 30 else [0.6, 0.4]


class Bucket:
    """S3 with versions; what is put below incoming/ has a verdict as soon as somebody looks."""

    def __init__(self, classify: bool = True) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.classify = classify
        self.refuse: dict[int, Any] = {}  # errors, by the number of the put
        self._lock = threading.Lock()

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> dict[str, Any]:
        with self._lock:
            number = len(self.puts)
            self.puts.append(Key)
            if error := self.refuse.get(number):
                raise error
            self.objects[Key] = Body
            if Key.startswith("incoming/") and self.classify:
                key = f"verdicts/uploads/date={datetime.now(UTC):%Y-%m-%d}/{verdict_name(Key, f'v{number}')}"
                self.objects[key] = json.dumps(verdict(Key, Body)).encode()
            return {"VersionId": f"v{number}", "ETag": '"e"'}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, operation: str) -> "Bucket":
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        with self._lock:
            return [{"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}]


def verdict(key: str, body: bytes) -> dict[str, Any]:
    error, inferences = judge(body)
    if error:
        return {"s3_key": key, "error": error, "cause": "no photo"}
    best = max(inferences)
    return {"s3_key": key, "accepted": best >= 0.93, "class": inferences.index(best), "confidence": best}


class Machine:
    """Step Functions whose executions have ended when somebody looks; each took a quarter of a second."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.started: dict[str, dict[str, Any]] = {}  # by name
        self.refuse: dict[int, Any] = {}  # errors, by the number of the start
        self.runs_for_ever = False
        self._lock = threading.Lock()
        self._number = 0

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:
        with self._lock:
            number, self._number = self._number, self._number + 1
        if error := self.refuse.get(number):
            raise error
        now = datetime.now(UTC)
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        self.started[name] = {"name": name, "executionArn": arn, "startDate": now, "input": input}
        return {"executionArn": arn, "startDate": now}

    def get_paginator(self, operation: str) -> "Machine":
        assert operation == "list_executions"
        return self

    def paginate(self, stateMachineArn: str, PaginationConfig: Any) -> list[dict[str, Any]]:
        return [{"executions": [self.entry(one) for one in list(self.started.values())]}]

    def entry(self, one: dict[str, Any]) -> dict[str, Any]:
        if self.runs_for_ever:
            return {**one, "status": "RUNNING"}
        error, inferences = judge(self.bucket.objects[json.loads(one["input"])["s3_key"]])
        status = "FAILED" if error or max(inferences) < 0.93 else "SUCCEEDED"
        return {**one, "status": status, "stopDate": one["startDate"] + timedelta(seconds=0.25)}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        one = self.started[executionArn.rpartition(":")[2]]
        error, inferences = judge(self.bucket.objects[json.loads(one["input"])["s3_key"]])
        entry = self.entry(one)
        if entry["status"] == "SUCCEEDED":
            return {**entry, "output": json.dumps({"inferences": inferences})}
        if error:
            return {**entry, "error": error, "cause": "no photo"}
        cause = json.dumps({"errorMessage": f"THRESHOLD_CONFIDENCE_NOT_MET: best {max(inferences):.3f} < 0.930"})
        return {**entry, "error": "ThresholdConfidenceNotMetError", "cause": cause}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LOOK_SECONDS", 0.01)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def machine(bucket: Bucket) -> Machine:
    return Machine(bucket)


@pytest.fixture
def context(tmp_path: Path, bucket: Bucket, machine: Machine, sagemaker: SageMaker) -> Context:
    """A stack with an endpoint, and eight staged test photos."""
    sagemaker.serve("s", OURS, "ml.m5.large")
    sagemaker.tags[sagemaker.endpoints["s"]["EndpointArn"]] = OURS
    stack = replace(STACK, state_machine_arn=MACHINE, upload_machine_arn=UPLOADS)
    clients = {"s3": bucket, "stepfunctions": machine, "sagemaker": sagemaker, "scheduler": Scheduler()}
    made = make_context(tmp_path, stack, **clients)
    stage(tmp_path)
    return made


def stage(directory: Path) -> None:
    dataset = replace(DATASET, directory=str(directory / "dataset"), classes=CLASSES)
    rows = []
    for number, photo in enumerate(photos(8)):
        key = f"images/test/{photo.name}"
        path = directory / "dataset" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo.content)
        rows.append(("test", photo.name, number % 2, photo.class_name, number, key))
    columns = ["split", "filename", "label", "class_name", "row", "s3_key"]
    write_index(pd.DataFrame(rows, columns=columns), directory / "dataset")
    save(directory, "stage", dataset, 1.0)


def throttled() -> Any:
    return client_error("ThrottlingException", "Rate exceeded")
