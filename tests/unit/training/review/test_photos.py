"""A photo is found where it is: on this machine, in what was captured, or in the bucket."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from tests.unit.training.fakes import Bucket, client_error, make_context
from tests.unit.training.review.scenes import photo
from training.review.answers import photo_path
from training.review.photos import Photos, for_browser

HOUR = "captured/s/AllTraffic/2026/01/01/"
WHEN = pd.Timestamp("2026-01-01T12:58:00Z")
ROW = {"event_id": "e1", "inference_id": "incoming/a%20b.png", "s3_key": None, "time": WHEN}


class Store(Bucket):
    """The bucket; it remembers what was read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        self.read.append(Key)
        if Key not in self.objects:
            raise client_error("NoSuchKey")
        return {"Body": io.BytesIO(self.objects[Key])}


def record(event_id: str, content: bytes | None) -> str:
    captured: dict[str, Any] = {"endpointOutput": {"data": "[1]", "encoding": "JSON"}}
    if content is not None:
        captured["endpointInput"] = {"data": base64.b64encode(content).decode(), "encoding": "BASE64"}
    return json.dumps({"captureData": captured, "eventMetadata": {"eventId": event_id}})


def test_a_staged_photo_is_read_from_this_machine(tmp_path: Path) -> None:
    file = tmp_path / "dataset/images/test/a.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(photo())
    photos = Photos(make_context(tmp_path, s3=None), str(tmp_path / "dataset"), {"e1"})
    assert photos.find({**ROW, "s3_key": "images/test/a.png"}) == photo()
    assert photo_path(tmp_path, "e1").read_bytes() == photo()


def test_another_photo_is_read_from_what_was_captured_and_its_file_once(tmp_path: Path) -> None:
    store = Store()
    lines = [record("e0", None), "no record", record("e1", photo()), record("e2", photo("blue")), record("e3", b"x")]
    store.objects[f"{HOUR}13/00-01-a.jsonl"] = "\n".join(lines).encode()  # written in the next hour
    store.objects["captured/s-2/AllTraffic/2026/01/01/13/b.jsonl"] = record("e1", b"of another endpoint").encode()
    photos = Photos(make_context(tmp_path, s3=store), "none", {"e1", "e2"})
    assert photos.find(ROW) == photo()
    assert photos.find({**ROW, "event_id": "e2"}) == photo("blue")
    assert store.read == [f"{HOUR}13/00-01-a.jsonl"]
    assert not photo_path(tmp_path, "e3").exists()  # nobody wants it


def test_a_photo_that_was_not_captured_is_read_from_the_bucket(tmp_path: Path) -> None:
    store = Store()
    store.objects["incoming/a b.png"] = photo()
    photos = Photos(make_context(tmp_path, s3=store), "none", {"e1"})
    assert photos.find(ROW) == photo()
    assert photos.find(ROW) == photo()
    assert store.read == ["incoming/a b.png"]


@pytest.mark.parametrize("inference_id", ["", "gone.png", "x" * 64])
def test_a_photo_that_is_nowhere(tmp_path: Path, inference_id: str) -> None:
    photos = Photos(make_context(tmp_path, s3=Store()), "none", {"e1"})
    assert photos.find({**ROW, "inference_id": inference_id}) is None


def test_an_event_id_names_no_file_elsewhere(tmp_path: Path) -> None:
    path = photo_path(tmp_path, "../../../etc/passwd")
    assert path.parent == tmp_path / "review" / "photos"


@pytest.mark.parametrize(("kind", "media"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("BMP", "image/png")])
def test_a_browser_gets_what_it_shows(kind: str, media: str) -> None:
    found = for_browser(photo(kind=kind))
    assert found is not None
    assert found[0] == media
    with Image.open(io.BytesIO(found[1])) as image:
        assert image.size == (16, 16)


@pytest.mark.parametrize("content", [b"", b"<svg><script/></svg>", b"\x89PNG\r\n\x1a\nbroken"])
def test_what_is_no_photo_is_not_sent_to_a_browser(content: bytes) -> None:
    assert for_browser(content) is None
