"""Scope: which captured records are read from S3."""

import base64
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from tests.unit.training.captures.records import BUCKET, NOON, ids, key, put, reader_of, record
from training.algorithm.photo_statistics import STATISTICS
from training.config import COMPARISON_ID, TRY_PREFIX
from training.errors import CaptureError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return the run's."""
    return tmp_path


def read_ids(
    s3: Any, directory: Path, since: datetime = NOON, until: datetime = NOON + timedelta(minutes=1)
) -> list[str | None]:
    return ids(reader_of(s3, directory).read(since, until))


def test_a_record_is_read_with_its_time_ids_and_probabilities(s3: Any, directory: Path) -> None:
    put(s3, key(NOON), record(NOON, "one", (0.25, 0.75)))
    found = reader_of(s3, directory).read(NOON, NOON)
    assert found["time"].tolist() == [pd.Timestamp(NOON)] and found["time"].dtype == "datetime64[us, UTC]"
    assert found[["event_id", "inference_id", "p_0", "p_1"]].to_numpy().tolist() == [["event-one", "one", 0.25, 0.75]]
    assert found.columns.tolist() == ["time", "event_id", "inference_id", *STATISTICS, "p_0", "p_1"]


def test_the_place_of_a_record_is_read_on_request(s3: Any, directory: Path) -> None:
    put(s3, key(NOON), record(NOON, "first"), "", record(NOON, "third"))
    found = reader_of(s3, directory).read(NOON, NOON, ("key", "line", "content_type"))
    assert found[["inference_id", "key", "line", "content_type"]].to_numpy().tolist() == [
        ["first", key(NOON), 1, "image/png"],
        ["third", key(NOON), 3, "image/png"],
    ]


def test_captured_photos_are_measured_at_the_size_of_the_network_s_input(s3: Any, directory: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (255, 0, 0)).save(buffer, format="PNG")
    names = ("broken", "photo", "text", "without")
    broken, with_photo, no_photo, without = (record(NOON, name) for name in names)
    broken["captureData"]["endpointInput"]["data"] = base64.b64encode(b"no photo").decode()
    with_photo["captureData"]["endpointInput"]["data"] = base64.b64encode(buffer.getvalue()).decode()
    del without["captureData"]["endpointInput"]
    no_photo["captureData"]["endpointInput"] = {"data": "[1, 2]", "encoding": "JSON"}
    put(s3, key(NOON), broken, with_photo, without, no_photo)
    found = reader_of(s3, directory, image_shape=(3, 32, 32)).read(NOON, NOON).set_index("inference_id")
    assert [found.loc["photo", name] for name in STATISTICS] == [0.299, 0, -18.4207, 1]
    assert found.drop("photo")[[*STATISTICS]].isna().to_numpy().all() and found.index.tolist() == [*names]
    assert reader_of(s3, directory).read(NOON, NOON)[[*STATISTICS]].isna().to_numpy().all()


def test_more_files_than_one_listing_holds_are_all_read(s3: Any, directory: Path, small_pages: int) -> None:
    names = [f"{number:04}" for number in range(2 * small_pages + 1)]
    for name in names:
        put(s3, key(NOON, name), record(NOON, name))
    assert read_ids(s3, directory) == names


def test_every_record_of_a_file_is_read_in_order_of_time(s3: Any, directory: Path) -> None:
    put(s3, key(NOON), record(NOON + timedelta(seconds=2), "late"), record(NOON, "early"), "")
    put(s3, key(NOON, "b"), record(NOON + timedelta(seconds=1), "between"))
    assert read_ids(s3, directory) == ["early", "between", "late"]


def test_an_output_in_base64_is_read(s3: Any, directory: Path) -> None:
    encoded = record(NOON, "one")
    output = {"encoding": "BASE64", "data": base64.b64encode(b"[0.125, 0.875]").decode()}
    encoded["captureData"]["endpointOutput"] |= output
    put(s3, key(NOON), encoded)
    assert reader_of(s3, directory).read(NOON, NOON)[["p_0", "p_1"]].to_numpy().tolist() == [[0.125, 0.875]]


def test_a_record_without_an_inference_id_is_kept(s3: Any, directory: Path) -> None:
    put(s3, key(NOON), record(NOON, None))
    assert read_ids(s3, directory) == [None]


def test_hours_and_days_are_crossed_and_others_not_read(s3: Any, directory: Path) -> None:
    midnight = datetime(2026, 1, 1, tzinfo=UTC)
    before, after = midnight - timedelta(seconds=5), midnight + timedelta(seconds=5)
    put(s3, key(before), record(before, "old year"))
    put(s3, key(after), record(after, "new year"))
    for hours in (-2, 2, -24, 24):
        put(s3, key(midnight + timedelta(hours=hours)), "a file of another hour must not even be opened")
    assert read_ids(s3, directory, before, after) == ["old year", "new year"]


def test_a_record_in_the_file_of_the_next_hour_is_found(s3: Any, directory: Path) -> None:
    last = NOON - timedelta(seconds=1)
    put(s3, key(NOON), record(last, "flushed after the hour"))
    assert read_ids(s3, directory, last, last) == ["flushed after the hour"]


def test_the_period_has_whole_seconds_at_its_start(s3: Any, directory: Path) -> None:
    for seconds in (-1, 0, 1, 2):
        put(s3, key(NOON, str(seconds)), record(NOON + timedelta(seconds=seconds), str(seconds)))
    since = NOON + timedelta(milliseconds=900)  # an inference right after it is recorded as NOON
    assert read_ids(s3, directory, since, NOON + timedelta(seconds=1)) == ["0", "1"]


def test_all_variants_of_this_endpoint_are_read_and_no_other_endpoint(s3: Any, directory: Path) -> None:
    put(s3, key(NOON, variant="AllTraffic"), record(NOON, "one"))
    put(s3, key(NOON, variant="Canary"), record(NOON, "two"))
    put(s3, key(NOON, endpoint="vehicles-2"), record(NOON, "longer name"))
    put(s3, key(NOON, endpoint="animals"), record(NOON, "other name"))
    assert read_ids(s3, directory) == ["one", "two"]


@pytest.mark.parametrize("other", [COMPARISON_ID, f"{TRY_PREFIX}/try-20260101-120000-0000.png"])
def test_the_requests_of_a_comparison_and_tried_photos_are_no_traffic(s3: Any, directory: Path, other: str) -> None:
    put(s3, key(NOON), record(NOON, other), record(NOON, "one"))
    assert read_ids(s3, directory) == ["one"]


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
def test_a_malformed_line_is_named_by_file_and_line(s3: Any, directory: Path, line: dict[str, Any] | str) -> None:
    put(s3, key(NOON), record(NOON), line)
    with pytest.raises(CaptureError, match=rf"Line 2 of s3://{BUCKET}/{key(NOON)} is not a capture record"):
        read_ids(s3, directory)
