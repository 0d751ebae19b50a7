"""Scope: the page of `review` in Chromium: keys, undo, reload, two tabs, a photo to try, and answers in a file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.review_site import CHOICES, SETTINGS, SHOWN, Site, until
from tests.unit.training.review.scenes import ANSWER, CLASSES, photo
from training.review import exchange
from training.review.answers import NONE_OF_THESE, UNUSABLE

if TYPE_CHECKING:
    from playwright.sync_api import Page

LARGE = bytes(SETTINGS["most_bytes"] + 1)
TRANSFER = """(content) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(content)], "mine.png", { type: "image/png" }));
  return transfer;
}"""


@pytest.fixture
def review(page: "Page", site: Site) -> "Page":
    """Return the page, with its first photo."""
    page.goto(site.address)
    until(page, SHOWN)
    return page


def press(page: "Page", key: str, answered: int) -> None:
    page.keyboard.press(key)
    until(page, f"state.answered === {answered} && !busy")


def text(page: "Page", id: str) -> str:
    return page.locator(f"#{id}").text_content() or ""


def test_keys_answer_and_each_answer_is_kept_and_told(site: Site, review: "Page") -> None:
    assert text(review, "count") == "Photo 1 of 4"
    for answered, key in enumerate("120?", start=1):
        press(review, key, answered)
        assert len(site.given()) == answered
    assert site.given() == [*CLASSES, NONE_OF_THESE, UNUSABLE]
    assert text(review, "live") == "Saved: Cannot tell. All photos are answered."
    assert review.evaluate("document.activeElement.id") == "done-title"
    assert "The model said motorcycle (60.0\u00a0%, refused)." in text(review, "last")


def test_a_button_answers(site: Site, review: "Page") -> None:
    review.locator("#choices button").nth(1).click()
    until(review, "state.answered === 1")
    assert site.given() == ["motorcycle"]


def test_undo_takes_the_last_answer_back(site: Site, review: "Page") -> None:
    press(review, "1", 1)
    press(review, "1", 2)
    press(review, "u", 1)
    press(review, "Control+z", 0)
    assert site.given() == []
    assert text(review, "count") == "Photo 1 of 4"
    assert review.locator("#undo").is_disabled()


def test_a_photo_may_wait(review: "Page") -> None:
    review.keyboard.press("s")
    until(review, "state.skipped === 1 && state.current.event_id === 'e1'")
    press(review, "1", 1)
    review.keyboard.press("u")
    until(review, "state.answered === 0 && state.current.event_id === 'e1'")


def test_keys_can_be_switched_off(site: Site, review: "Page") -> None:
    review.locator("#keys").uncheck()
    review.keyboard.press("1")
    review.locator("#keys").check()
    press(review, "2", 1)
    assert site.given() == ["motorcycle"]


def test_a_reload_goes_on(site: Site, review: "Page") -> None:
    press(review, "1", 1)
    review.goto(site.address)
    until(review, "state !== null")
    assert text(review, "count") == "Photo 2 of 4"
    press(review, "u", 0)
    assert site.given() == []


def test_two_tabs_double_no_answer(site: Site, review: "Page") -> None:
    other = review.context.new_page()
    other.goto(site.address)
    until(other, "state !== null")
    press(review, "1", 1)
    press(other, "2", 1)  # about the same photo
    assert site.given() == ["bicycle"]
    assert text(other, "problem") == "That photo was answered before: bicycle."
    press(other, "2", 2)
    assert site.given() == ["bicycle", "motorcycle"]


def test_quick_keys_answer_one_photo_each(site: Site, review: "Page") -> None:
    review.evaluate("() => { for (let i = 0; i < 5; i++) document.querySelector('#choices button').click(); }")
    until(review, "state.answered === 1 && !busy")
    assert len(site.given()) == 1


def test_a_server_that_has_ended_is_told(site: Site, review: "Page") -> None:
    review.locator("#end").click()
    until(review, "document.querySelector('h2')?.textContent === 'The review has ended'")
    assert site.ended.wait(60)


def choose(page: "Page", content: bytes) -> None:
    page.locator("#file").set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": content})


def drop(page: "Page", content: bytes) -> None:
    """Drag a photo over the page and drop it, as a person does from a folder."""
    dragged = {"dataTransfer": page.evaluate_handle(TRANSFER, list(content))}
    place = page.locator("#drop")
    place.dispatch_event("dragover", dragged)
    assert "over" in (place.get_attribute("class") or "").split()
    place.dispatch_event("drop", dragged)
    assert "over" not in (place.get_attribute("class") or "").split()


WAYS = pytest.mark.parametrize("give", [choose, drop])


@WAYS
def test_a_photo_to_try_goes_through_the_workflow(
    site: Site, review: "Page", give: Callable[["Page", bytes], None]
) -> None:
    review.locator("#tab-try").click()
    give(review, photo("blue"))
    review.locator("#verdict").wait_for(state="visible")
    assert list(site.services.photos.values()) == [photo("blue")]
    assert text(review, "live").startswith(
        "Refused. The best guess is motorcycle, 60.0\u00a0% sure: below the threshold"
    )
    states = review.locator("#path > li")
    assert states.evaluate_all("(all) => all.map((one) => one.className)") == ["succeeded", "refused"]
    titles = [title.text_content() for title in states.locator(".head > span:first-child").all()]
    assert titles == ["Upload", "FilterInferences"]
    assert "a... (5,000 characters)" in text(review, "path")
    assert review.evaluate("document.getElementById('preview').naturalWidth") == 16


@WAYS
def test_a_photo_that_is_too_large_is_told(site: Site, review: "Page", give: Callable[["Page", bytes], None]) -> None:
    review.locator("#tab-try").click()
    give(review, LARGE)
    review.locator("#problem").wait_for(state="visible")
    assert "20,001 bytes: at most 20,000" in text(review, "problem")
    assert site.services.photos == {}


@WAYS
def test_a_file_that_is_no_photo_leaves_no_broken_picture(
    review: "Page", give: Callable[["Page", bytes], None]
) -> None:
    review.locator("#tab-try").click()
    give(review, b"no photo")
    review.locator("#verdict").wait_for(state="visible")
    review.locator("#preview").wait_for(state="hidden")
    assert review.locator("#invite").is_visible()


def test_the_page_without_a_server_keeps_answers_and_gives_them(page: "Page", tmp_path: Path) -> None:
    blank = [replace(ANSWER, event_id=f"e{one}", answer="", time="") for one in range(3)]
    file = tmp_path / "page.html"
    exchange.write_page(file, list(exchange.tasks(blank, lambda _: photo())), SETTINGS)
    page.goto(file.as_uri())
    until(page, SHOWN)
    press(page, "1", 1)
    page.keyboard.press("s")
    until(page, "state.skipped === 1")
    press(page, "0", 2)
    press(page, "u", 1)
    page.goto(file.as_uri())  # again
    until(page, "state !== null")
    press(page, "2", 2)
    press(page, "?", 3)
    found = exchange.read(downloaded(page, tmp_path), CHOICES)
    assert {one.event_id: one.answer for one in found} == {"e0": "bicycle", "e1": UNUSABLE, "e2": "motorcycle"}
    assert found[0].stratum == ANSWER.stratum


def downloaded(page: "Page", directory: Path) -> Path:
    """Press the button that downloads the answers; returns the file."""
    with page.expect_download() as download:
        page.locator("#end").click()
    file = directory / str(download.value.suggested_filename)
    assert file.match("answers-*.json")
    download.value.save_as(file)
    return file
