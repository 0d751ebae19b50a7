"""Scope: the report in Chromium, on every width, in light and dark, printed, by pointer and by keyboard."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.layout import overflow
from tests.browser.samples import SAMPLES, healthy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FULL = 0.5  # of a printed page's height, which its content reaches unless it is the last


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: write(tmp_path_factory.mktemp(name)) for name, write in SAMPLES.items()}


@pytest.fixture
def report(page: "Page", reports: dict[str, Path]) -> "Page":
    page.goto(reports["healthy"].as_uri())
    return page


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_overlaps_or_scrolls_the_page_sideways(page: "Page", reports: dict[str, Path], name: str) -> None:
    page.goto(reports[name].as_uri())
    assert overflow(page) == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SAMPLES)
def test_axe_finds_no_barrier(
    page: "Page", violations: Callable[[], list[str]], reports: dict[str, Path], name: str, scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(reports[name].as_uri())
    assert violations() == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert violations() == []


@pytest.mark.parametrize("width", [320, 768, 1050, 1400])
def test_names_of_classes_are_not_broken(report: "Page", width: int) -> None:
    report.set_viewport_size({"width": width, "height": 900})
    lines = report.evaluate("""() => [...document.querySelectorAll("tbody .name")].map((cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return new Set([...range.getClientRects()].map((box) => Math.round(box.bottom / 8))).size;
    })""")
    assert lines and set(lines) == {1}


def test_colours_follow_the_scheme_and_paper_is_light(report: "Page") -> None:
    colours = """() => [getComputedStyle(document.body).backgroundColor,
      getComputedStyle(document.querySelector("#marks-accepted-right use")).fill]"""
    light = report.evaluate(colours)
    report.emulate_media(color_scheme="dark")
    dark = report.evaluate(colours)
    report.emulate_media(color_scheme="dark", media="print")
    printed = report.evaluate(colours)
    assert all(one != other for one, other in zip(light, dark, strict=True))
    assert printed == ["rgb(255, 255, 255)", light[1]]


def test_tables_sort_by_the_buttons_of_their_heads(report: "Page") -> None:
    table = report.locator('table[data-rows="refused"]')
    numbers = table.locator("tbody td.number")
    head = table.get_by_role("columnheader", name="Confidence")
    assert head.get_attribute("aria-sort") == "ascending"
    least = numbers.first.inner_text()
    table.get_by_role("button", name="Confidence").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    found = [float(text.split()[0]) for text in numbers.all_inner_texts()]
    assert found == sorted(found, reverse=True) and numbers.first.inner_text() != least
    table.get_by_role("button", name="Model said").click()
    assert head.get_attribute("aria-sort") is None
    said = table.locator("tbody td.said").all_inner_texts()
    assert [text.lstrip("✗\xa0") for text in said] == sorted(text.lstrip("✗\xa0") for text in said)


def test_all_refused_photos_can_be_shown(report: "Page") -> None:
    rows = report.locator('table[data-rows="refused"] tbody tr')
    assert rows.count() == 20
    more = report.locator("#more-refused")
    hidden = int(more.inner_text().split()[-1])
    more.click()
    assert rows.count() == 20 + hidden and not more.is_visible()
    assert report.evaluate("document.activeElement.closest('tr').sectionRowIndex") == 20


def test_photos_enlarge_and_escape_closes_them(report: "Page", violations: Callable[[], list[str]]) -> None:
    thumbnail = report.locator(".thumb").first
    thumbnail.focus()
    report.keyboard.press("Enter")
    dialog = report.get_by_role("dialog")
    assert dialog.is_visible() and violations() == []
    assert report.evaluate("document.getElementById('large').naturalWidth") == 32
    first = dialog.get_by_role("heading").inner_text()
    report.keyboard.press("ArrowRight")
    assert dialog.get_by_role("heading").inner_text() != first
    report.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert thumbnail.evaluate("one => one === document.activeElement")


def test_a_mark_shows_its_photo_by_pointer_and_by_keyboard(report: "Page") -> None:
    mark = report.locator('[id^="marks-refused"] use').first
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    hint = report.locator("#hint")
    name = hint.locator("b").inner_text()
    assert (mark.get_attribute("aria-label") or "").startswith(f"{name}, Really ")
    assert hint.locator("img").is_visible() and "refused" in hint.inner_text()
    mark.click(force=True)
    assert report.get_by_role("dialog").get_by_role("heading").inner_text() == name
    report.keyboard.press("Escape")
    assert mark.evaluate("one => one === document.activeElement")
    report.keyboard.press("Home")
    first = hint.locator("b").inner_text()
    report.keyboard.press("ArrowRight")
    assert hint.locator("b").inner_text() != first
    assert report.locator('use[tabindex="0"]').count() == 1


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("name", SAMPLES)
def test_no_printed_page_is_nearly_empty_or_ends_with_a_heading(
    page: "Page", reports: dict[str, Path], name: str, paper: str
) -> None:
    import pypdfium2  # optional, as the browser is

    page.goto(reports[name].as_uri())
    headings = {text.strip() for text in page.locator("h2").all_inner_texts()}
    document = pypdfium2.PdfDocument(io.BytesIO(page.pdf(format=paper)))
    pages = [np.asarray(one.render(scale=0.5, grayscale=True).to_numpy()).squeeze() for one in document]
    reached = [np.flatnonzero((ink < 250).any(axis=1)).max() / len(ink) for ink in pages]
    assert len(pages) > 1 and [f"{part:.0%}" for part in reached[:-1] if part < FULL] == []
    ends = {one.get_textpage().get_text_range().strip().splitlines()[-1].strip() for one in document}
    assert headings and not headings & ends


def test_the_page_asks_no_network(page: "Page", reports: dict[str, Path]) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(reports["long_names"].as_uri())
    page.locator(".thumb").first.click()
    page.wait_for_timeout(200)
    assert [url for url in asked if not url.startswith("data:")] == [reports["long_names"].as_uri()]


def test_the_first_rows_and_all_figures_need_no_script(chromium: "Browser", reports: dict[str, Path]) -> None:
    page = chromium.new_page(java_script_enabled=False)
    page.goto(reports["healthy"].as_uri())
    assert page.locator(".photos .thumb img").count() >= 20 and page.locator(".plot svg").count() == 8
    assert "need JavaScript" in page.content()
    page.close()


def test_a_report_of_many_photos_is_small(page: "Page", tmp_path: Path) -> None:
    path = healthy(tmp_path, photos=3000)
    assert path.stat().st_size < 5_000_000
    page.goto(path.as_uri())
    assert page.locator("#marks-accepted-right").count() == 0
    assert page.locator('[id^="marks-refused"] use').count() > 20
