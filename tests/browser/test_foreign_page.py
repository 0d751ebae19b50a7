"""Scope: a real web page in Chromium, from another port of 127.0.0.1, attacks a local cloud."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from localcloud.function_runtime.runtime_api import NEXT, Message, RuntimeApi
from tests.browser.foreign_server import served
from tests.integration.support.clouds import own_cloud

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = (Path(__file__).parent / "attack.html").read_text()
SECONDS = 60  # that all attacks of the page may take


def attack(target: str, stranger: "Page") -> dict[str, str]:
    """Open the page in Chromium and return what it found."""
    with served(PAGE.replace("TARGET", target)) as pages:
        stranger.goto(pages.url)
        return pages.found.get(timeout=SECONDS)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a cloud with one photo in it."""
    with own_cloud(tmp_path_factory.mktemp("browser") / "cloud"):
        boto3.client("s3").create_bucket(Bucket="photos")
        boto3.client("s3").put_object(Bucket="photos", Key="a", Body=b"<p>secret</p>", ContentType="text/html")
        yield os.environ["AWS_ENDPOINT_URL"]


def test_the_page_does_what_it_says(stranger: "Page") -> None:
    """A server without a front door is read and changed, so the tests below can fail."""
    with served() as target:
        found = attack(target.url, stranger)
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


def test_a_foreign_page_changes_and_reads_nothing(cloud: str, stranger: "Page") -> None:
    found = attack(cloud, stranger)
    assert boto3.client("iam").list_roles()["Roles"] == []
    assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == ["photos"]
    assert boto3.client("s3").get_object(Bucket="photos", Key="a")["Body"].read() == b"<p>secret</p>"
    for attempt, outcome in found.items():
        allowed = "sent" if attempt in ("no-cors", "no-cors query", "no-cors key", "form") else "blocked"
        assert outcome == ("true" if attempt == "beacon" else allowed), attempt


@pytest.mark.parametrize(("name", "shows"), [("127.0.0.1", True), ("evil.example", False)])
def test_a_name_that_was_pointed_at_this_machine_shows_nothing(
    cloud: str, stranger: "Page", name: str, shows: bool
) -> None:
    """DNS rebinding: to the browser the cloud is then the page's own origin. Even a right signature does not help."""
    style = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3 = boto3.client("s3", endpoint_url=cloud.replace("127.0.0.1", name), config=style)
    status, shown = visit(stranger, s3.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "a"}))
    assert (status == 200) == ("secret" in shown) == shows


@pytest.mark.parametrize("name", ["127.0.0.1", "evil.example"])
def test_a_page_takes_no_event_of_a_function(stranger: "Page", name: str) -> None:
    runtime = RuntimeApi()
    runtime.hand_over({}, b'"secret"')
    with received(runtime) as messages:
        status, shown = visit(stranger, f"http://{name}:{runtime.port}{NEXT}")
    runtime.stop()
    assert status == 403 and "secret" not in shown
    assert not any(messages)


def visit(page: "Page", url: str) -> tuple[int, str]:
    """Open an address; returns the status of the answer and what the page shows then.

    Playwright raises an error when the answer is a download, or a refusal without a body.
    """
    from playwright.sync_api import Error  # optional, as the browser is

    with page.expect_response(lambda answer: answer.url == url) as answer, suppress(Error):
        page.goto(url)
    return answer.value.status, page.locator("body").inner_text()


@contextmanager
def received(runtime: RuntimeApi) -> Iterator[list[Message | None]]:
    """Let the Runtime API answer until the block ends; yields what it takes for messages of a function's process."""
    messages: list[Message | None] = []
    ended = threading.Event()

    def receive() -> None:
        while not ended.is_set():
            messages.append(runtime.receive(0.1))

    thread = threading.Thread(target=receive)
    thread.start()
    try:
        yield messages
    finally:
        ended.set()
        thread.join()
