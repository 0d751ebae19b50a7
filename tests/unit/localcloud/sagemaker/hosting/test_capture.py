import base64
import json
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.sagemaker.hosting import capture
from localcloud.sagemaker.hosting.capture import DataCapture, Inference, Payload

NOON = datetime(2026, 1, 31, 11, 59, 59, 123_456, UTC)
CONFIG = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/some/prefix/",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
}


class Bucket:
    """An S3 client that keeps what is put; `gate` holds it up, `error` is what it raises."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.error: ClientError | None = None

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # AWS's names
        self.gate.wait(10)
        if self.error:
            raise self.error
        self.objects[f"{Bucket}/{Key}"] = Body

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for body in self.objects.values() for line in body.splitlines()]


def inference(answer: bytes = b"[0.5]", content_type: str = "application/json", **more: Any) -> Inference:
    return Inference(
        Payload("image/png", b"\x89PNG"), Payload(content_type, answer), more.pop("inference_id", None), **more
    )


def captured(config: dict[str, Any], *inferences: Inference) -> Bucket:
    bucket = Bucket()
    data_capture = DataCapture({**CONFIG, **config}, "endpoint/variant", bucket, pytest.fail)
    for one in inferences:
        data_capture.record(one)
    data_capture.close()
    return bucket


def test_a_record_has_aws_s_form() -> None:
    (record,) = captured({}, inference(inference_id="mine", at=NOON)).records()
    assert record.pop("eventVersion") == "0"
    assert record["eventMetadata"].pop("eventId")
    assert record == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "image/png",
                "mode": "INPUT",
                "encoding": "BASE64",
                "data": base64.b64encode(b"\x89PNG").decode(),
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "encoding": "BASE64",
                "data": base64.b64encode(b"[0.5]").decode(),
            },
        },
        "eventMetadata": {"inferenceTime": "2026-01-31T11:59:59Z", "inferenceId": "mine"},
    }


def test_a_file_holds_many_records_of_one_hour() -> None:
    bucket = captured({}, *(inference(at=NOON + timedelta(seconds=seconds)) for seconds in (0, 0, 1)))
    names = [re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "uuid", key) for key in bucket.objects]
    assert names == [
        "bucket/some/prefix/endpoint/variant/2026/01/31/11/59-59-123-uuid.jsonl",
        "bucket/some/prefix/endpoint/variant/2026/01/31/12/00-00-123-uuid.jsonl",
    ]
    assert [len(body.splitlines()) for body in bucket.objects.values()] == [2, 1]


def test_no_file_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "FLUSH_RECORDS", 10)
    bucket = captured({}, *(inference(at=NOON) for _ in range(25)))
    assert sorted(len(body.splitlines()) for body in bucket.objects.values()) == [5, 10, 10]


@pytest.mark.parametrize(
    ("modes", "kept"),
    [
        (["Input"], {"endpointInput"}),
        (["Output"], {"endpointOutput"}),
        (["Input", "Output"], {"endpointInput", "endpointOutput"}),
        (["InputAndOutput"], {"endpointInput", "endpointOutput"}),
    ],
)
def test_only_the_modes_that_were_asked_for_are_kept(modes: list[str], kept: set[str]) -> None:
    bucket = captured({"CaptureOptions": [{"CaptureMode": mode} for mode in modes]}, inference())
    assert set(bucket.records()[0]["captureData"]) == kept


@pytest.mark.parametrize(
    ("headers", "content_type", "encoding", "data"),
    [
        ({"JsonContentTypes": ["application/json"]}, "application/json", "JSON", "[0.5]"),
        ({"JsonContentTypes": ["application/json"]}, "application/json; charset=utf-8", "JSON", "[0.5]"),
        ({"CsvContentTypes": ["text/csv"]}, "text/csv", "CSV", "[0.5]"),
        ({"CsvContentTypes": ["text/csv"]}, "application/json", "BASE64", "WzAuNV0="),
        ({}, "application/json", "BASE64", "WzAuNV0="),
    ],
)
def test_text_is_kept_as_it_is_only_where_a_header_is_named(
    headers: dict[str, list[str]], content_type: str, encoding: str, data: str
) -> None:
    bucket = captured({"CaptureContentTypeHeader": headers}, inference(content_type=content_type))
    answer = bucket.records()[0]["captureData"]["endpointOutput"]
    assert (answer["encoding"], answer["data"]) == (encoding, data)


@pytest.mark.parametrize(("percentage", "least", "most"), [(0, 0, 0), (50, 400, 600), (100, 1000, 1000)])
def test_a_sample_is_kept(percentage: int, least: int, most: int) -> None:
    bucket = captured({"InitialSamplingPercentage": percentage}, *(inference() for _ in range(1000)))
    assert least <= len(bucket.records()) <= most


def test_an_answer_does_not_wait_for_s3() -> None:
    bucket = Bucket()
    bucket.gate.clear()
    data_capture = DataCapture(CONFIG, "endpoint/variant", bucket, pytest.fail)
    for _ in range(100):
        data_capture.record(inference())  # would hang
    bucket.gate.set()
    data_capture.close()
    assert len(bucket.records()) == 100


def test_what_cannot_be_written_is_told() -> None:
    bucket = Bucket()
    told: list[str] = []
    bucket.error = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
    data_capture = DataCapture(CONFIG, "endpoint/variant", bucket, told.append)
    data_capture.record(inference())
    data_capture.close()
    assert re.match(r"Data capture could not write s3://bucket/some/prefix/endpoint/.*AccessDenied.*: no", told[0])
