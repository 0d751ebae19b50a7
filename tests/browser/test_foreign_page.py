"""A real web page in Chromium, from another port of 127.0.0.1, attacks a local cloud."""

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from localcloud.function_runtime.runtime_api import NEXT, RuntimeApi
from tests.browser.chromium import CHROMIUM, SECONDS
from tests.browser.chromium import command as chromium
from tests.integration.support.clouds import own_cloud

PAGE = (Path(__file__).parent / "attack.html").read_text()

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH (Debian: apt install chromium)")


class Server(ThreadingHTTPServer):
    """Serves a page, answers everything else as a service that lets all origins in, and remembers it."""

    daemon_threads = True

    def __init__(self, page: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.page = page
        self.asked: list[str] = []
        self.found: queue.Queue[dict[str, str]] = queue.Queue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/found":
            self.server.found.put(json.loads(body))
        self.server.asked.append(f"{self.command} {self.path} {body.decode()}")
        answer = self.server.page.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(answer)))
        for name in ("origin", "headers", "methods"):
            self.send_header(f"access-control-allow-{name}", self.headers.get(f"access-control-request-{name}", "*"))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""


@contextmanager
def served(page: str = "") -> Iterator[Server]:
    with Server(page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def attack(target: str, profile: Path) -> dict[str, str]:
    """Open the page in Chromium and return what it found."""
    with served(PAGE.replace("TARGET", target)) as pages:
        command = chromium(profile, "--remote-debugging-port=0", pages.url)  # the port keeps the browser open
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return pages.found.get(timeout=SECONDS)
        finally:
            browser.terminate()
            browser.wait(SECONDS)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a cloud with one photo in it."""
    with own_cloud(tmp_path_factory.mktemp("browser") / "cloud"):
        boto3.client("s3").create_bucket(Bucket="photos")
        boto3.client("s3").put_object(Bucket="photos", Key="a", Body=b"<p>secret</p>", ContentType="text/html")
        yield os.environ["AWS_ENDPOINT_URL"]


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    """A server without a front door is read and changed, so the tests below can fail."""
    with served() as target:
        found = attack(target.url, tmp_path)
    for attempt in (
        "by-fetch",
        "by-query",
        "by-key",
        "by-read",
        "by-preflight",
        "by-put",
        "by-form",
        "DELETE /photos/a",
    ):
        assert [line for line in target.asked if attempt in line], attempt
    assert [line for line in target.asked if "POST /_ministack/reset" in line]
    assert found["read list"] == found["read post"] == found["preflight"] == "read "
    assert found["script"] == "loaded"


def test_a_foreign_page_changes_and_reads_nothing(cloud: str, tmp_path: Path) -> None:
    found = attack(cloud, tmp_path)
    assert boto3.client("iam").list_roles()["Roles"] == []
    assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == ["photos"]
    assert boto3.client("s3").get_object(Bucket="photos", Key="a")["Body"].read() == b"<p>secret</p>"
    for attempt, outcome in found.items():
        allowed = "sent" if attempt in ("no-cors", "no-cors query", "no-cors key", "form") else "blocked"
        assert outcome == ("true" if attempt == "beacon" else allowed), attempt


@pytest.mark.parametrize(("name", "shows"), [("127.0.0.1", True), ("evil.example", False)])
def test_a_name_that_was_pointed_at_this_machine_shows_nothing(
    cloud: str, tmp_path: Path, name: str, shows: bool
) -> None:
    """DNS rebinding: to the browser the cloud is then the page's own origin. Even a right signature does not help."""
    style = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3 = boto3.client("s3", endpoint_url=cloud.replace("127.0.0.1", name), config=style)
    signed = s3.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "a"})
    command = chromium(tmp_path, "--host-resolver-rules=MAP evil.example 127.0.0.1", "--dump-dom", signed)
    shown = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS).stdout
    assert ("secret" in shown) == shows


@pytest.mark.parametrize("name", ["127.0.0.1", "evil.example"])
def test_a_page_takes_no_event_of_a_function(tmp_path: Path, name: str) -> None:
    runtime = RuntimeApi()
    runtime.hand_over({}, b'"secret"')
    command = chromium(
        *(tmp_path, "--host-resolver-rules=MAP evil.example 127.0.0.1"),
        *("--dump-dom", f"http://{name}:{runtime.port}{NEXT}"),
    )
    messages = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as browser:
        deadline = time.monotonic() + SECONDS
        while browser.poll() is None and time.monotonic() < deadline:
            messages.append(runtime.receive(0.1))
        shown, _ = browser.communicate(timeout=SECONDS)
    runtime.stop()
    assert "secret" not in shown
    assert not any(messages)
