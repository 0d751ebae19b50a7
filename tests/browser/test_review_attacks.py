"""Scope: the served review in Chromium, which shows other pages nothing and takes no answer from them."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.foreign_server import served
from tests.browser.review_site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


def test_another_page_reads_and_answers_nothing_even_with_the_key(site: Site, stranger: "Page") -> None:
    """The page comes from another port of 127.0.0.1, where no cookie and no firewall would tell it from ours."""
    body = json.dumps(json.dumps({"event_id": "e0", "answer": "bicycle"}))
    script = ATTACK.replace("ADDRESS", json.dumps(site.address)).replace("BODY", body)
    with served("<!doctype html><title>foreign</title>") as other:
        stranger.goto(other.url)
        found = stranger.evaluate(script)
    assert found.pop("blind") in ("done", "blocked")  # the browser does not tell; the server refused it
    assert set(found.values()) == {"blocked"}
    assert site.given() == []


@pytest.mark.parametrize("change", [lambda url: url[:-2] + "/", lambda url: url.rpartition("/")[0][:-32] + "/state"])
def test_without_the_key_nothing_is_shown(site: Site, stranger: "Page", change: Callable[[str], str]) -> None:
    stranger.goto(change(site.address))
    assert "The key in the address is wrong" in stranger.locator("body").inner_text()


def test_a_name_that_was_pointed_at_this_machine_shows_nothing(site: Site, stranger: "Page") -> None:
    """DNS rebinding: to the browser the server is then the page's own origin."""
    stranger.goto(site.address.replace("127.0.0.1", "evil.example"))
    shown = stranger.content()
    assert "at its own address only" in shown
    assert "What does this photo show" not in shown
