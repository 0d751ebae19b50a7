"""The page of `review` in Chromium: keys, undo, reload, two tabs, a file, and other pages that may do nothing."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import CHROMIUM, SECONDS, Browser, Tab, command, opened
from tests.browser.test_foreign_page import served
from tests.unit.training.fakes import make_context
from tests.unit.training.review.scenes import ANSWER, CLASSES, THRESHOLD, keep_photos, photo, selection
from training.review import answers, exchange, page
from training.review.answers import NONE_OF_THESE, UNUSABLE
from training.review.photos import Photos
from training.review.server import Review, Server
from training.review.session import Session
from training.review.tries import REFUSAL, Tries

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH (Debian: apt install chromium)")

CHOICES = (*CLASSES, NONE_OF_THESE, UNUSABLE)
SETTINGS = {"title": "s", "classes": [*CLASSES], "choices": [*CHOICES], "most_bytes": 20_000}
NUMBER = 4
WIDTHS = (320, 360, 768, 1050, 1400, 1600)  # pixels


class Services:
    """S3 that takes photos, and executions that refuse them."""

    def __init__(self) -> None:
        self.photos: dict[str, bytes] = {}

    def put_object(self, Key: str, Body: bytes, **_: Any) -> None:
        self.photos[Key] = Body

    def start_execution(self, name: str, **_: Any) -> dict[str, Any]:
        return {"executionArn": f"arn:aws:states:us-east-1:1:execution:m:{name}"}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, executionArn: str) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        body = json.dumps({"s3_key": "k", "image_data": "a" * 5000, "inferences": [0.4, 0.6]})
        name = {"name": "FilterInferences", "input": body}
        return [
            {
                "events": [
                    {"type": "TaskStateEntered", "timestamp": now, "stateEnteredEventDetails": name},
                    {"type": "ExecutionFailed", "timestamp": now, "executionFailedEventDetails": {"error": REFUSAL}},
                ]
            }
        ]


@dataclass
class Site:
    """A served review."""

    address: str
    directory: Path
    services: Services
    ended: threading.Event

    def given(self) -> list[str]:
        return [str(answer) for answer in answers.read(self.directory)["answer"]]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with opened(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    keep_photos(tmp_path, NUMBER)
    services, ended = Services(), threading.Event()
    context = make_context(tmp_path, s3=services, stepfunctions=services)
    shown = partial(page.render, settings={**SETTINGS, "mode": "server"})
    with answers.opened(tmp_path) as journal:
        session = Session(selection(NUMBER), CLASSES, THRESHOLD, journal)
        review = Review(session, Photos(context, "none", set()), Tries(context, CLASSES), shown, ended.set)
        with Server(review) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield Site(server.address, tmp_path, services, ended)
            server.shutdown()
            thread.join()


@pytest.fixture
def tab(browser: Browser, site: Site) -> Tab:
    """Return the page, with its first photo."""
    tab = browser.tab()
    tab.resize(1050, 800)
    tab.open(site.address)
    tab.until("state !== null && document.getElementById('photo').naturalWidth === 16")
    return tab


def press(tab: Tab, key: str, answered: int, ctrl: bool = False) -> None:
    tab.press(key, ctrl)
    tab.until(f"state.answered === {answered} && !busy")


def text(tab: Tab, id: str) -> str:
    return str(tab.js(f"document.getElementById({id!r}).textContent"))


def test_keys_answer_and_each_answer_is_kept_and_told(site: Site, tab: Tab) -> None:
    assert text(tab, "count") == "Photo 1 of 4"
    for answered, key in enumerate("120?", start=1):
        press(tab, key, answered)
        assert len(site.given()) == answered
    assert site.given() == [*CLASSES, NONE_OF_THESE, UNUSABLE]
    assert text(tab, "live") == "Saved: Cannot tell. All photos are answered."
    assert tab.js("document.activeElement.id") == "done-title"
    assert "The model said motorcycle (60.0\u00a0%, refused)." in text(tab, "last")
    assert tab.complaints == []


def test_a_button_answers(site: Site, tab: Tab) -> None:
    tab.js("[...document.querySelectorAll('#choices button')][1].click()")
    tab.until("state.answered === 1")
    assert site.given() == ["motorcycle"]


def test_undo_takes_the_last_answer_back(site: Site, tab: Tab) -> None:
    press(tab, "1", 1)
    press(tab, "1", 2)
    press(tab, "u", 1)
    press(tab, "z", 0, ctrl=True)
    assert site.given() == []
    assert text(tab, "count") == "Photo 1 of 4"
    assert tab.js("document.getElementById('undo').disabled")


def test_a_photo_may_wait(site: Site, tab: Tab) -> None:
    tab.press("s")
    tab.until("state.skipped === 1 && state.current.event_id === 'e1'")
    press(tab, "1", 1)
    tab.press("u")
    tab.until("state.answered === 0 && state.current.event_id === 'e1'")


def test_keys_can_be_switched_off(site: Site, tab: Tab) -> None:
    tab.js("document.getElementById('keys').click()")
    tab.press("1")
    tab.js("document.getElementById('keys').click()")
    press(tab, "2", 1)
    assert site.given() == ["motorcycle"]


def test_a_reload_goes_on(site: Site, tab: Tab) -> None:
    press(tab, "1", 1)
    tab.open(site.address)
    tab.until("state !== null")
    assert text(tab, "count") == "Photo 2 of 4"
    press(tab, "u", 0)
    assert site.given() == []


def test_two_tabs_double_no_answer(site: Site, tab: Tab, browser: Browser) -> None:
    other = browser.tab()
    other.open(site.address)
    other.until("state !== null")
    press(tab, "1", 1)
    press(other, "2", 1)  # about the same photo
    assert site.given() == ["bicycle"]
    assert text(other, "problem") == "That photo was answered before: bicycle."
    press(other, "2", 2)
    assert site.given() == ["bicycle", "motorcycle"]


def test_quick_keys_answer_one_photo_each(site: Site, tab: Tab) -> None:
    tab.js("for (let i = 0; i < 5; i++) document.querySelector('#choices button').click()")
    tab.until("state.answered === 1 && !busy")
    assert len(site.given()) == 1


def test_a_server_that_has_ended_is_told(site: Site, tab: Tab) -> None:
    tab.js("document.getElementById('end').click()")
    tab.until("document.querySelector('h2')?.textContent === 'The review has ended'")
    assert site.ended.wait(5)


def test_a_chosen_file_goes_through_the_workflow(site: Site, tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(photo("blue"))
    tab.js("document.getElementById('tab-try').click()")
    tab.choose_file("#file", tmp_path / "mine.png")
    tab.until("!document.getElementById('verdict').hidden")
    assert list(site.services.photos.values()) == [photo("blue")]
    assert text(tab, "live").startswith("Refused. The best guess is motorcycle, 60.0\u00a0% sure: below the threshold")
    assert tab.js("[...document.querySelectorAll('#path > li')].map((one) => one.className)") == [
        "succeeded",
        "refused",
    ]
    assert "a... (5,000 characters)" in text(tab, "path")
    assert tab.js("document.getElementById('preview').naturalWidth") == 16
    assert tab.complaints == []


def test_a_file_that_is_too_large_is_told(site: Site, tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(bytes(20_001))
    tab.choose_file("#file", tmp_path / "large.png")
    tab.until("!document.getElementById('problem').hidden")
    assert "20,001 bytes: at most 20,000" in text(tab, "problem")
    assert site.services.photos == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_width_scrolls_sideways_and_all_text_has_contrast(tab: Tab, scheme: str) -> None:
    for view in ("review", "try"):
        tab.js(f"document.getElementById('tab-{view}').click()")
        for width in WIDTHS:
            tab.resize(width, 800, scheme)
            assert tab.js("document.documentElement.scrollWidth") <= width, (view, width)
        assert tab.js(FAINT) == [], view


# Texts whose colour and that of the background behind them differ too little: below 4.5 to 1 (WCAG 2.2, 1.4.3).
FAINT = """(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = parts(color).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (parts(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("body *")].filter((node) => {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest(":disabled") || node.classList.contains("hidden")) return false;
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
  }).map((node) => node.outerHTML);
})()"""

ATTACK = """(async () => {
  const found = {};
  const attempts = {
    read: () => fetch(ADDRESS + "state").then((reply) => reply.text()),
    photo: () => new Promise((done, fail) => {
      const image = new Image(); image.onload = done; image.onerror = fail; image.src = ADDRESS + "photos/0";
    }),
    script: () => new Promise((done, fail) => {
      const script = document.createElement("script"); script.onload = done; script.onerror = fail;
      script.src = ADDRESS + "state"; document.head.append(script);
    }),
    answer: () => fetch(ADDRESS + "answer", {method: "POST", body: BODY}).then((reply) => reply.text()),
    blind: () => fetch(ADDRESS + "answer", {method: "POST", mode: "no-cors", body: BODY}),
  };
  for (const [name, attempt] of Object.entries(attempts)) {
    try { await attempt(); found[name] = "done"; } catch { found[name] = "blocked"; }
  }
  return found;
})()"""


def test_another_page_reads_and_answers_nothing_even_with_the_key(site: Site, browser: Browser, tmp_path: Path) -> None:
    """The page comes from another port of 127.0.0.1, where no cookie and no firewall would tell it from ours."""
    body = json.dumps(json.dumps({"event_id": "e0", "answer": "bicycle"}))
    script = ATTACK.replace("ADDRESS", json.dumps(site.address)).replace("BODY", body)
    with served("<!doctype html><title>foreign</title>") as other:
        tab = browser.tab()
        tab.open(other.url)
        found = tab.js(script)
    assert found.pop("blind") in ("done", "blocked")  # the browser does not tell; the server refused it
    assert set(found.values()) == {"blocked"}
    assert site.given() == []


@pytest.mark.parametrize("change", [lambda url: url[:-2] + "/", lambda url: url.rpartition("/")[0][:-32] + "/state"])
def test_without_the_key_nothing_is_shown(site: Site, browser: Browser, change: Any) -> None:
    tab = browser.tab()
    tab.open(change(site.address))
    assert "The key in the address is wrong" in tab.js("document.body.textContent")


def test_a_name_that_was_pointed_at_this_machine_shows_nothing(site: Site, tmp_path: Path) -> None:
    """DNS rebinding: to the browser the server is then the page's own origin."""
    address = site.address.replace("127.0.0.1", "evil.example")
    line = command(tmp_path / "p", "--host-resolver-rules=MAP evil.example 127.0.0.1", "--dump-dom", address)
    shown = subprocess.run(line, capture_output=True, text=True, timeout=SECONDS).stdout
    assert "at its own address only" in shown
    assert "What does this photo show" not in shown


def test_the_page_without_a_server_keeps_answers_and_gives_them(browser: Browser, tmp_path: Path) -> None:
    blank = [replace(ANSWER, event_id=f"e{one}", answer="", time="") for one in range(3)]
    file = tmp_path / "page.html"
    exchange.write_page(file, list(exchange.tasks(blank, lambda _: photo())), SETTINGS)
    tab = browser.tab()
    tab.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    tab.open(file.as_uri())
    tab.until("state !== null && document.getElementById('photo').naturalWidth === 16")
    press(tab, "1", 1)
    tab.press("s")
    tab.until("state.skipped === 1")
    press(tab, "0", 2)
    press(tab, "u", 1)
    tab.open(file.as_uri())  # again
    tab.until("state !== null")
    press(tab, "2", 2)
    press(tab, "?", 3)
    tab.js("document.getElementById('end').click()")
    (downloaded,) = wait_for_files(tmp_path)
    found = exchange.read(downloaded, CHOICES)
    assert {one.event_id: one.answer for one in found} == {"e0": "bicycle", "e1": UNUSABLE, "e2": "motorcycle"}
    assert found[0].stratum == ANSWER.stratum
    assert tab.complaints == []


def wait_for_files(directory: Path) -> list[Path]:
    """Return the downloaded files, once there is one."""
    deadline = time.monotonic() + 30
    while not (found := list(directory.glob("answers-*.json"))):
        assert time.monotonic() < deadline, "nothing was downloaded"
        time.sleep(0.05)
    return found
