"""Letters that matplotlib's own font lacks are drawn by an installed font, and named where none has them."""

import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import matplotlib
import pytest
from matplotlib import font_manager

from tests.unit.training.report.tables import THRESHOLD, many
from training.report import confidence_plots, fonts

INSTALLED = str(Path(matplotlib.get_data_path(), "fonts/ttf/STIXGeneral.ttf"))
LETTER = "\u24d2"  # a circled c, which this font has and matplotlib's default has not
BICYCLE = "\u81ea\u8ee2\u8eca"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """The paths of the fonts that are installed beside a damaged one."""
    damaged = tmp_path / "a.ttf"
    damaged.write_bytes(b"no font")
    paths = [str(damaged)]
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: paths)
    fonts._choice.cache_clear()
    yield paths
    fonts._choice.cache_clear()


def test_matplotlib_s_own_font_is_enough_for_most(installed: list[str]) -> None:
    names = (
        "bicycle",
        "\u043c\u043e\u0442\u043e\u0446\u0438\u043a\u043b",
        "\u03c0\u03bf\u03b4\u03ae\u03bb\u03b1\u03c4\u03bf",
        "tab\tand\nline",
    )
    assert (fonts.families(names), fonts.missing_letters(names)) == ([fonts.OWN], "")


def test_letters_that_no_font_has_are_named() -> None:
    names = (BICYCLE, LETTER, BICYCLE)
    assert (fonts.families(names), fonts.missing_letters(names)) == ([fonts.OWN], f"{LETTER}\u81ea\u8eca\u8ee2")


def test_a_figure_has_the_letters_of_an_installed_font(installed: list[str]) -> None:
    installed.append(INSTALLED)
    classes = ("bicycle", f"bi{LETTER}ycle")
    assert (fonts.families(classes), fonts.missing_letters(classes)) == ([fonts.OWN, "STIXGeneral"], "")
    figure = confidence_plots.confidence_histograms(many(50, classes), THRESHOLD, classes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a glyph that it cannot draw
        figure.savefig(BytesIO(), format="png")
