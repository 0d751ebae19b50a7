"""Scope: the review's page, as one file, keeps nobody out and fits every width."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.browsers import REASON, UNUSABLE, browser, overflow, violations
from tests.browser.samples import LONG
from tests.unit.training.review.scenes import ANSWER, CLASSES, photo
from training.review import exchange
from training.review.answers import NONE_OF_THESE
from training.review.answers import UNUSABLE as UNUSABLE_PHOTO

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.skipif(UNUSABLE, reason=REASON)


@pytest.fixture(scope="module")
def page() -> Iterator["Page"]:
    with browser() as started:
        yield started.new_page()


@pytest.mark.parametrize("classes", [CLASSES, LONG], ids=["two", "long"])
def test_the_review_fits_every_width_and_axe_finds_no_barrier(
    page: "Page", tmp_path: Path, classes: tuple[str, ...]
) -> None:
    blank = [replace(ANSWER, event_id=f"e{one}", answer="", time="") for one in range(3)]
    settings = {
        "title": "my-stack",
        "classes": [*classes],
        "choices": [*classes, NONE_OF_THESE, UNUSABLE_PHOTO],
        "most_bytes": 20_000,
    }
    file = tmp_path / "page.html"
    exchange.write_page(file, list(exchange.tasks(blank, lambda _: photo())), settings)
    page.goto(file.as_uri())
    page.wait_for_function("state !== null && document.getElementById('photo').naturalWidth === 16")
    assert overflow(page) == {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert violations(page) == []
