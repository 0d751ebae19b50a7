"""Scope: which captured records are read from S3, and how long they are waited for."""

import base64
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from PIL import Image
from rich.console import Console

from tests.unit.training.fakes import Clock
from training.config import COMPARISON_ID, TRY_PREFIX
from training.errors import CaptureError
from training.report.capture import QUIET_SECONDS, UNKNOWN, CapturedInference, CaptureReader, Expected, wait_for

BUCKET, ENDPOINT = "captures", "vehicles"
NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def s3(mocked_aws: None) -> Any:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    return client


def record(when: datetime, name: str | None = "one", values: tuple[float, ...] = (0.9, 0.1)) -> dict[str, Any]:
    metadata = {"eventId": f"event-{name}", "inferenceTime": f"{when:%Y-%m-%dT%H:%M:%SZ}"}
    output = {"observedContentType": "application/json", "mode": "OUTPUT", "encoding": "JSON", "data": str([*values])}
    return {
        "captureData": {"endpointInput": {"data": "", "encoding": "BASE64"}, "endpointOutput": output},
        "eventMetadata": metadata | ({"inferenceId": name} if name else {}),
        "eventVersion": "0",
    }


def key(when: datetime, name: str = "a", endpoint: str = ENDPOINT, variant: str = "AllTraffic") -> str:
    return f"captured/{endpoint}/{variant}/{when:%Y/%m/%d/%H/%M-%S}-000-{name}.jsonl"


def put(s3: Any, where: str, *records: dict[str, Any] | str) -> None:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in records]
    s3.put_object(Bucket=BUCKET, Key=where, Body="\n".join(lines).encode())


def read_ids(s3: Any, since: datetime = NOON, until: datetime = NOON + timedelta(minutes=1)) -> list[str | None]:
    return [inference.inference_id for inference in CaptureReader(s3, BUCKET, ENDPOINT).read(since, until)]


def test_a_record_is_read_with_its_time_id_and_probabilities(s3: Any) -> None:
    put(s3, key(NOON), record(NOON, "one", (0.25, 0.75)))
    found = CaptureReader(s3, BUCKET, ENDPOINT).read(NOON, NOON)
    assert found == [CapturedInference(NOON, "one", (0.25, 0.75), "event-one")]
    assert found[0].time.utcoffset() == timedelta(0)


def test_the_captured_photo_is_measured_at_the_size_of_the_network_s_input(s3: Any) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (255, 0, 0)).save(buffer, format="PNG")
    with_photo, without, no_photo = (record(NOON, name) for name in ("photo", "without", "text"))
    with_photo["captureData"]["endpointInput"]["data"] = base64.b64encode(buffer.getvalue()).decode()
    del without["captureData"]["endpointInput"]
    no_photo["captureData"]["endpointInput"] = {"data": "[1, 2]", "encoding": "JSON"}
    put(s3, key(NOON), with_photo, without, no_photo)
    found = {
        one.inference_id: one.statistics for one in CaptureReader(s3, BUCKET, ENDPOINT, (3, 32, 32)).read(NOON, NOON)
    }
    assert found["photo"] == (0.299, 0, -18.4207, 1)
    assert found["without"] == found["text"] == UNKNOWN
    assert [one.statistics for one in CaptureReader(s3, BUCKET, ENDPOINT).read(NOON, NOON)] == [UNKNOWN] * 3


def test_more_files_than_one_listing_holds_are_all_read(s3: Any, small_pages: int) -> None:
    names = [f"{number:04}" for number in range(2 * small_pages + 1)]
    for name in names:
        put(s3, key(NOON, name), record(NOON, name))
    assert read_ids(s3) == names


def test_every_record_of_a_file_is_read_in_order_of_time(s3: Any) -> None:
    put(s3, key(NOON), record(NOON + timedelta(seconds=2), "late"), record(NOON, "early"), "")
    put(s3, key(NOON, "b"), record(NOON + timedelta(seconds=1), "between"))
    assert read_ids(s3) == ["early", "between", "late"]


def test_an_output_in_base64_is_read(s3: Any) -> None:
    encoded = record(NOON, "one")
    output = {"encoding": "BASE64", "data": base64.b64encode(b"[0.125, 0.875]").decode()}
    encoded["captureData"]["endpointOutput"] |= output
    put(s3, key(NOON), encoded)
    assert CaptureReader(s3, BUCKET, ENDPOINT).read(NOON, NOON)[0].probabilities == (0.125, 0.875)


def test_a_record_without_an_inference_id_is_kept(s3: Any) -> None:
    put(s3, key(NOON), record(NOON, None))
    assert read_ids(s3) == [None]


def test_hours_and_days_are_crossed_and_others_not_read(s3: Any) -> None:
    midnight = datetime(2026, 1, 1, tzinfo=UTC)
    before, after = midnight - timedelta(seconds=5), midnight + timedelta(seconds=5)
    put(s3, key(before), record(before, "old year"))
    put(s3, key(after), record(after, "new year"))
    for hours in (-2, 2, -24, 24):
        put(s3, key(midnight + timedelta(hours=hours)), "a file of another hour must not even be opened")
    assert read_ids(s3, before, after) == ["old year", "new year"]


def test_a_record_in_the_file_of_the_next_hour_is_found(s3: Any) -> None:
    last = NOON - timedelta(seconds=1)
    put(s3, key(NOON), record(last, "flushed after the hour"))
    assert read_ids(s3, last, last) == ["flushed after the hour"]


def test_the_period_has_whole_seconds_at_its_start(s3: Any) -> None:
    for seconds in (-1, 0, 1, 2):
        put(s3, key(NOON, str(seconds)), record(NOON + timedelta(seconds=seconds), str(seconds)))
    since = NOON + timedelta(milliseconds=900)  # an inference right after it is recorded as NOON
    assert read_ids(s3, since, NOON + timedelta(seconds=1)) == ["0", "1"]


def test_all_variants_of_this_endpoint_are_read_and_no_other_endpoint(s3: Any) -> None:
    put(s3, key(NOON, variant="AllTraffic"), record(NOON, "one"))
    put(s3, key(NOON, variant="Canary"), record(NOON, "two"))
    put(s3, key(NOON, endpoint="vehicles-2"), record(NOON, "longer name"))
    put(s3, key(NOON, endpoint="animals"), record(NOON, "other name"))
    assert read_ids(s3) == ["one", "two"]


@pytest.mark.parametrize("other", [COMPARISON_ID, f"{TRY_PREFIX}/try-20260101-120000-0000.png"])
def test_the_requests_of_a_comparison_and_tried_photos_are_no_traffic(s3: Any, other: str) -> None:
    put(s3, key(NOON), record(NOON, other), record(NOON, "one"))
    assert read_ids(s3) == ["one"]


def without(*path: str) -> dict[str, Any]:
    damaged = record(NOON)
    inner = damaged
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return damaged


def with_output(data: str, encoding: str = "JSON") -> dict[str, Any]:
    damaged = record(NOON)
    damaged["captureData"]["endpointOutput"] = {"data": data, "encoding": encoding}
    return damaged


@pytest.mark.parametrize(
    "line",
    [
        '{"captureData": ',
        "[]",
        without("captureData", "endpointOutput"),
        without("eventMetadata", "inferenceTime"),
        record(NOON) | {"eventMetadata": {"eventId": "e", "inferenceTime": "2026-05-04T12:00:00"}},
        with_output("no image"),
        with_output("[]"),
        with_output("[NaN, 0.5]"),
        with_output("[1.5, -0.5]"),
        with_output("0.5"),
        with_output("#", "BASE64"),
    ],
)
def test_a_malformed_line_is_named_by_file_and_line(s3: Any, line: dict[str, Any] | str) -> None:
    put(s3, key(NOON), record(NOON), line)
    with pytest.raises(CaptureError, match=rf"Line 2 of s3://{BUCKET}/{key(NOON)} is not a capture record"):
        read_ids(s3)


def wait(s3: Any, ids: set[str], timeout: float) -> tuple[list[str | None], str]:
    console = Console(file=io.StringIO(), width=200)
    since = datetime.now(UTC) - timedelta(seconds=30)
    expected = Expected(since, ids, len(ids), timeout)
    found = wait_for(CaptureReader(s3, BUCKET, ENDPOINT), expected, console)
    return [inference.inference_id for inference in found], console.file.getvalue()  # type: ignore[attr-defined]


def test_waiting_ends_when_the_last_known_record_arrives(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now, opened = datetime.now(UTC), []
    s3.meta.events.register("before-call.s3.GetObject", lambda **_: opened.append(1))
    monkeypatch.setattr("training.report.capture.time.sleep", lambda _: put(s3, key(now, "b"), record(now, "two")))
    put(s3, key(now), record(now, "one"), record(now, "a stranger's"))
    found, told = wait(s3, {"one", "two"}, timeout=60)
    assert found == ["a stranger's", "one", "two"]
    assert "not captured" not in told
    assert len(opened) == 2  # each file once, although it was listed twice


def test_waiting_gives_up_and_says_how_many_are_missing(s3: Any) -> None:
    now = datetime.now(UTC)
    put(s3, key(now), record(now, "one"))
    found, told = wait(s3, {"one", "two", "three"}, timeout=0)
    assert found == ["one"]
    assert "2 of 3 inferences were not captured within 0 s." in told


@pytest.mark.parametrize("name", [None, "an id of no photo"])
def test_records_that_cannot_be_labelled_are_not_waited_for_until_the_timeout(
    s3: Any, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    now, clock = datetime.now(UTC), Clock()
    monkeypatch.setattr("training.report.capture.time", clock)
    put(s3, key(now), record(now, "one"), record(now, name))
    found, told = wait(s3, {"one", "two"}, timeout=600)
    assert len(found) == 2
    assert "not captured" not in told
    assert QUIET_SECONDS <= clock.now < QUIET_SECONDS + 10


def test_records_that_keep_arriving_are_waited_for(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now, clock = datetime.now(UTC), Clock()
    strangers = iter(range(40))

    def sleep(seconds: float) -> None:
        Clock.sleep(clock, seconds)
        for number in strangers:
            put(s3, key(now, f"{number:02}"), record(now, "one" if number == 39 else None))
            return

    monkeypatch.setattr("training.report.capture.time", clock)
    monkeypatch.setattr(clock, "sleep", sleep)
    found, _ = wait(s3, {"one"}, timeout=600)
    assert "one" in found


def test_what_is_missing_counts_records_and_not_labels(s3: Any) -> None:
    now = datetime.now(UTC)
    put(s3, key(now), record(now, None), record(now, "one"))
    _, told = wait(s3, {"one", "two", "three"}, timeout=0)
    assert "1 of 3 inferences were not captured" in told
