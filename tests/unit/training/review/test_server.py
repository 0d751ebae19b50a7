"""The page's server answers its own page, and nobody else."""

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.fakes import client_error, make_context
from tests.unit.training.review.scenes import CLASSES, THRESHOLD, keep_photos, photo, selection
from training.review import page
from training.review.answers import opened, photo_path, read
from training.review.photos import Photos
from training.review.server import MOST_PHOTO_BYTES, Review, Server
from training.review.session import Session
from training.review.tries import Tries

SETTINGS = {"mode": "server", "title": "s<b>", "classes": [*CLASSES], "choices": [*CLASSES, "</script><b>"]}


class Bucket:
    """S3 that takes photos, until it refuses."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.error: Exception | None = None

    def put_object(self, Key: str, **_: Any) -> None:
        if self.error:
            raise self.error
        self.keys.append(Key)


class Workflow:
    """Step Functions with executions that have begun."""

    def start_execution(self, name: str, **_: Any) -> dict[str, Any]:
        return {"executionArn": f"arn:aws:states:us-east-1:1:execution:m:{name}"}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, executionArn: str) -> list[dict[str, Any]]:
        return [{"events": [{"type": "ExecutionStarted"}]}]


@dataclass
class Site:
    """A served review."""

    server: Server
    ended: threading.Event
    bucket: Bucket
    directory: Path

    def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> tuple[int, Any, Any]:
        """Send a request as the page does, below the key; returns status, headers and content."""
        return self.ask_at(f"/{self.server.review.key}/{path}", method, body, **headers)

    def ask_at(self, path: str, method: str = "GET", body: Any = None, **changed: str | None) -> tuple[int, Any, Any]:
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {"Host": self.server.host, "Origin": f"http://{self.server.host}" if method == "POST" else None}
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        if content is not None or method == "POST":
            headers.setdefault("Content-Length", str(len(content or b"")))
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(content)
        reply = connection.getresponse()
        found = reply.read()
        connection.close()
        is_json = reply.headers["Content-Type"] == "application/json"
        return reply.status, reply.headers, json.loads(found) if is_json else found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    keep_photos(tmp_path, 3)
    bucket, ended = Bucket(), threading.Event()
    context = make_context(tmp_path, s3=bucket, stepfunctions=Workflow())
    with opened(tmp_path) as journal:
        session = Session(selection(3), CLASSES, THRESHOLD, journal)
        photos = Photos(context, "dataset", set())
        shown = partial(page.render, settings=SETTINGS)
        with Server(Review(session, photos, Tries(context, CLASSES), shown, ended.set)) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield Site(server, ended, bucket, tmp_path)
            server.shutdown()
            thread.join()


def test_it_listens_on_this_machine_only(site: Site) -> None:
    assert site.server.server_address[0] == "127.0.0.1"
    assert len(site.server.review.key) >= 32
    assert site.server.address == f"http://{site.server.host}/{site.server.review.key}/"


def test_the_page_runs_only_its_own_script_and_loads_nothing_from_elsewhere(site: Site) -> None:
    status, headers, content = site.ask("GET", "")
    policy, text = headers["Content-Security-Policy"], content.decode()
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert status == 200
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert text.count(f'nonce="{nonce}"') == 2
    assert "https://" not in text
    assert not [line for line in text.splitlines() if " onclick=" in line or " style=" in line]
    assert "s&lt;b&gt;" in text
    assert "</script><b>" not in text
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert nonce not in site.ask("GET", "")[2].decode()


def test_a_photo_is_answered(site: Site) -> None:
    current = site.ask("GET", "state")[2]["current"]
    status, headers, content = site.ask("GET", f"photos/{current['number']}")
    assert (status, headers["Content-Type"], content) == (200, "image/png", photo())
    status, _, state = site.ask("POST", "answer", {"event_id": current["event_id"], "answer": "bicycle"})
    assert (status, state["answered"], state["current"]["event_id"]) == (200, 1, "e1")
    assert read(site.directory)["answer"].tolist() == ["bicycle"]
    assert site.ask("POST", "skip", {"event_id": "e1"})[2]["current"]["event_id"] == "e2"
    assert site.ask("POST", "undo", {"event_id": "e1"})[2]["current"]["event_id"] == "e1"
    assert site.ask("POST", "undo", {"event_id": "e0"})[2]["answered"] == 0


def test_a_photo_is_sent_through_the_workflow(site: Site) -> None:
    status, _, begun = site.ask("POST", "tries", photo())
    assert status == 200
    assert site.bucket.keys == [begun["key"]]
    assert begun["key"].startswith("images/tries/try-")
    assert site.ask("GET", f"tries/{begun['execution']}")[2]["status"] == "running"


def test_the_person_ends_the_review(site: Site) -> None:
    assert not site.ended.is_set()
    assert site.ask("POST", "end", b"")[0] == 200
    assert site.ended.wait(60)


ANSWER = {"event_id": "e0", "answer": "bicycle"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Origin": None},  # a browser always says where a POST comes from
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},  # another port of this machine
        {"Host": "evil.example"},
        {"Host": None},
    ],
)
def test_another_page_answers_nothing(site: Site, headers: dict[str, str | None]) -> None:
    status, found, content = site.ask("POST", "answer", ANSWER, **headers)
    assert status in (400, 403, 421)
    assert "error" in content
    assert not [name for name in found if name.lower().startswith("access-control")]
    assert len(read(site.directory)) == 0


@pytest.mark.parametrize("path", ["", "state", "photos/0"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # DNS rebinding
        {"Origin": "http://evil.example"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
    ],
)
def test_another_page_reads_nothing(site: Site, path: str, headers: dict[str, str | None]) -> None:
    assert site.ask("GET", path, **headers)[0] in (403, 421)


def test_the_page_opens_from_a_link(site: Site) -> None:
    assert site.ask("GET", "", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200


@pytest.mark.parametrize("key", ["", "x", "%e4", "{key}x", "{short}"])
def test_without_the_key_nothing_is_answered(site: Site, key: str) -> None:
    real = site.server.review.key
    path = "/" + key.format(key=real, short=real[:-1])
    for below in ("", "/", "/state", "/photos/0"):
        status, _, content = site.ask_at(f"{path}{below}")
        assert (status, [*content]) == (403, ["error"])
    status, _, _ = site.ask_at(f"{path}/answer", "POST", ANSWER)
    assert status == 403
    assert len(read(site.directory)) == 0


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("answer", b"", {}, 400),
        ("answer", b"[]", {}, 400),
        ("answer", b'{"event_id": "e0"}', {}, 400),
        ("answer", b'{"event_id": ["e0"], "answer": "bicycle"}', {}, 400),
        ("answer", b'{"event_id": "e0", "answer": "moped"}', {}, 400),
        ("answer", b"{" * 5000, {}, 413),
        ("answer", None, {"Content_Length": None}, 411),
        ("answer", None, {"Content_Length": "-1"}, 411),
        ("tries", None, {"Content_Length": str(MOST_PHOTO_BYTES + 1)}, 413),
        ("tries", b"", {}, 400),
        ("other", b"", {}, 404),
    ],
)
def test_a_request_that_is_none_is_refused(
    site: Site, path: str, body: bytes | None, headers: dict[str, str | None], status: int
) -> None:
    found, _, content = site.ask("POST", path, body, **headers)
    assert (found, [*content]) == (status, ["error"])


@pytest.mark.parametrize("path", ["photos/3", "photos/x", "photos/", "tries/x", "tries/try-%2e", "../x"])
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    assert site.ask("GET", path)[0] == 404


def test_a_photo_that_is_none_is_told(site: Site) -> None:
    photo_path(site.directory, "e0").write_bytes(b"no photo")
    assert "cannot be shown" in site.ask("GET", "photos/0")[2]["error"]


def test_a_refusal_of_aws_is_told(site: Site) -> None:
    site.bucket.error = client_error("AccessDenied", "not allowed", "PutObject")
    status, _, content = site.ask("POST", "tries", photo())
    assert status == 502
    assert "not allowed" in content["error"]


def test_an_answer_that_cannot_be_kept_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.review.answers.os.fsync", fail)
    status, _, content = site.ask("POST", "answer", ANSWER)
    assert status == 500
    assert content["error"] == "The answer was not kept: No space left on device."


def test_it_prints_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.ask("GET", "")
    assert capsys.readouterr() == ("", "")
