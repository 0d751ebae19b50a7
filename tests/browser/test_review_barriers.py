"""Scope: the review's page, served or as one file, keeps nobody out and fits every width."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.browser.layout import overflow
from tests.browser.review_site import SHOWN, Site, until
from tests.browser.samples import LONG
from tests.unit.training.review.scenes import ANSWER, CLASSES, photo
from training.review import exchange
from training.review.answers import NONE_OF_THESE, UNUSABLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Scheme = Literal["light", "dark"]
PHONES = (320, 360)  # CSS pixels
SCREENS = (768, 1050, 1400, 1600)
# Texts whose colour and that of the background behind them differ too little: below 4.5 to 1 (WCAG 2.2, 1.4.3).
FAINT = """() => {
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
}"""


@pytest.mark.parametrize("classes", [CLASSES, LONG], ids=["two", "long"])
def test_the_review_fits_every_width_and_axe_finds_no_barrier(
    page: "Page", violations: Callable[[], list[str]], tmp_path: Path, classes: tuple[str, ...]
) -> None:
    blank = [replace(ANSWER, event_id=f"e{one}", answer="", time="") for one in range(3)]
    settings = {
        "title": "my-stack",
        "classes": [*classes],
        "choices": [*classes, NONE_OF_THESE, UNUSABLE],
        "most_bytes": 20_000,
    }
    file = tmp_path / "page.html"
    exchange.write_page(file, list(exchange.tasks(blank, lambda _: photo())), settings)
    page.goto(file.as_uri())
    until(page, SHOWN)
    assert overflow(page) == {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert violations() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("widths", "is_mobile"), [(PHONES, True), (SCREENS, False)], ids=["phones", "screens"])
def test_no_width_scrolls_sideways_and_all_text_has_contrast(
    chromium: "Browser", site: Site, widths: tuple[int, ...], is_mobile: bool, scheme: Scheme
) -> None:
    """A mobile browser shows a page that names no viewport as if its window had 980 pixels."""
    window = {"width": widths[0], "height": 800}
    context = chromium.new_context(viewport=window, is_mobile=is_mobile, color_scheme=scheme)
    page = context.new_page()
    page.goto(site.address)
    until(page, SHOWN)
    for view in ("review", "try"):
        page.locator(f"#tab-{view}").click()
        for width in widths:
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (view, width)
        assert page.evaluate(FAINT) == [], view
    context.close()
