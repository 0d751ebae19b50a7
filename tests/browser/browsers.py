"""Chromium driven by Playwright, which clicks, prints and runs axe where `chromium.py` only speaks the protocol."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.browser.chromium import CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PACKAGES = ("playwright", "axe_playwright_python", "pypdfium2")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
REASON = (
    "no Chromium on PATH (Debian: apt install chromium)"
    if not CHROMIUM
    else f"without {', '.join(MISSING)}: pip install -e '.[browser]'"
)
UNUSABLE = bool(MISSING or not CHROMIUM)
WIDTHS = (320, 360, 768, 900, 1050, 1400, 1600)  # CSS pixels
# What stands beyond the right edge of the card that it belongs to; what a box of its own scrolls does not count.
SPILLED = """() => [...document.querySelectorAll("section, figure, .tile, header, main")].flatMap((card) => {
  const edge = card.getBoundingClientRect().right + 1;
  const visible = (one) => one.checkVisibility() && !one.closest(".scroll, .choices, pre, dialog, svg");
  return [...card.querySelectorAll("*")].filter((one) => visible(one) && one.getBoundingClientRect().right > edge)
    .map((one) => `${one.tagName}.${one.className}: ${one.textContent.trim().slice(0, 40)}`);
})"""


@contextmanager
def browser() -> Iterator["Browser"]:
    """Start the system's Chromium; root, as in containers, cannot have its sandbox."""
    from playwright.sync_api import sync_playwright  # optional: the module's importers may be skipped

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        try:
            yield started
        finally:
            started.close()


def overflow(page: "Page") -> dict[int, Any]:
    """Return, by the width of the window, what makes the page scroll sideways or spills out of its card."""
    found = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        spilled = page.evaluate(SPILLED)
        if wide > width or spilled:
            found[width] = (wide, spilled)
    return found


def violations(page: "Page") -> list[str]:
    """Return what axe finds: rule, number of elements and the first of them."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {len(one['nodes'])}, {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary'][:300]}"
        for one in found
    ]
