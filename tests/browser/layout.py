"""Where a page is wider than its window, at the widths of phones, tablets and screens."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTHS = (320, 360, 768, 900, 1050, 1400, 1600)  # CSS pixels
# What stands beyond the right edge of the card that it belongs to; what a box of its own scrolls does not count.
SPILLED = """() => [...document.querySelectorAll("section, figure, .tile, header, main")].flatMap((card) => {
  const edge = card.getBoundingClientRect().right + 1;
  const visible = (one) => one.checkVisibility() && !one.closest(".scroll, .choices, pre, dialog, svg");
  return [...card.querySelectorAll("*")].filter((one) => visible(one) && one.getBoundingClientRect().right > edge)
    .map((one) => `${one.tagName}.${one.className}: ${one.textContent.trim().slice(0, 40)}`);
})"""


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
