"""Chromium, driven by Playwright, and what the tests of pages share."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.review_site import Site, served_review

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), "")
PACKAGES = ("playwright", "axe_playwright_python", "pypdfium2")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
REASON = (
    "no Chromium on PATH (Debian: apt install chromium)"
    if not CHROMIUM
    else f"without {', '.join(MISSING)}: pip install -e '.[browser]'"
)
# The name of an attacker who points it at this machine: DNS rebinding.
NETWORK = ["--no-proxy-server", "--host-resolver-rules=MAP evil.example 127.0.0.1"]
VIEWPORT = {"width": 1050, "height": 900}  # CSS pixels


@pytest.fixture(scope="module", autouse=True)
def chromium() -> Iterator["Browser"]:
    """Start the system's Chromium; root, as in containers, cannot have its sandbox.

    Every test here needs it, so that a module is skipped without it before its other fixtures start anything. A module
    has its own, because Playwright's event loop keeps `asyncio.run` from working until it has ended.
    """
    if MISSING or not CHROMIUM:
        pytest.skip(REASON)
    from playwright.sync_api import sync_playwright  # optional: the tests are skipped without it

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*NETWORK, *sandbox])
        try:
            yield started
        finally:
            started.close()


@pytest.fixture
def page(chromium: "Browser") -> Iterator["Page"]:
    """Return a page whose script must not fail and whose console must stay empty."""
    context = chromium.new_context(viewport=VIEWPORT)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text))
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture
def stranger(chromium: "Browser") -> Iterator["Page"]:
    """Return a page of a profile of its own, which may be refused things, as its console then says."""
    context = chromium.new_context(viewport=VIEWPORT)
    yield context.new_page()
    context.close()


@pytest.fixture
def violations(page: "Page") -> Callable[[], list[str]]:
    """Return a function that runs axe on the page and returns its findings.

    A finding has the rule, the number of elements and the first of them.
    """
    from axe_playwright_python.sync_playwright import Axe

    def find() -> list[str]:
        found = Axe().run(page).response["violations"]
        return [
            f"{one['id']}: {len(one['nodes'])}, {one['nodes'][0]['html'][:200]} "
            f"{one['nodes'][0]['failureSummary'][:300]}"
            for one in found
        ]

    return find


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with served_review(tmp_path) as site:
        yield site
